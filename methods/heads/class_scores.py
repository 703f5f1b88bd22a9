"""How sure the F1 of rare classes is: intervals from what each group adds, where draws of groups would lose classes.

Simulated in bench/class_scores.py.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, stdtrit

from methods.heads.metrics import rates
from methods.statistics.beta_bounds import NO_SPREAD, share_interval
from methods.statistics.intervals import clopper_pearson

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ScoreInterval:
    """error: standard error between groups; freedom: degrees of freedom that it is known with, which rare classes of few
    groups make few."""

    value: float
    low: float
    high: float
    error: float
    freedom: float


def macro_f1_interval(counts: ArrayLike, level: float) -> ScoreInterval:
    """Of the mean over classes that have a row, and over runs where there are several.

    counts (groups, classes, 3) or (runs, groups, classes, 3): true positives, false positives, false negatives. Delta
    method over groups on the logit scale, Student's t with Satterthwaite's degrees of freedom: those of a class are the
    groups it stands in, less one, and no more than all groups less one. Where nothing varies, Clopper and Pearson of
    the trials that a mean over such classes is worth. ValueError without a row.
    """
    runs = np.asarray(counts, np.float64)
    runs = runs[None] if runs.ndim == 3 else runs
    present = (runs[..., 0] + runs[..., 2]).sum(axis=(0, 1)) > 0
    if not present.any():
        raise ValueError("no row of a class, so it has no F1")
    f1, effects = class_effects(runs[:, :, present])
    own = effects.mean(axis=0) / int(present.sum())  # (groups, classes): what each adds to the mean
    groups = own.shape[0]
    value, widening = float(f1.mean()), groups / max(groups - 1, 1)
    variance = float(np.square(own.sum(axis=1)).sum()) * widening
    each = np.square(own).sum(axis=0) * widening
    stands = (runs[0].sum(axis=-1) > 0).sum(axis=0)[present]
    if variance <= NO_SPREAD or not 0 < value < 1:
        trials = min(len(stands) ** 2 / float((1 / stands).sum()), groups)  # of a mean of shares
        low, high = clopper_pearson(value * trials, trials, level)
        return ScoreInterval(value, float(low), float(high), 0.0, trials)
    freedom = min(_satterthwaite(each, np.maximum(stands - 1, 1)), max(groups - 1, 1))
    half = float(stdtrit(freedom, (1 + level) / 2)) * np.sqrt(variance) / (value * (1 - value))
    low, high = expit(logit(value) - half), expit(logit(value) + half)
    return ScoreInterval(value, float(low), float(high), float(np.sqrt(variance)), freedom)


def class_f1_intervals(counts: ArrayLike, level: float) -> tuple[Floats, Floats, Floats]:
    """(F1, low, high), each (classes,); NaN for a class without a row. counts (groups, classes, 3).

    F1 = 2 J / (1 + J), where J is a share: of the rows that are of the class or called it, those that are both. Its
    interval is `share_interval` of the groups that hold such a row, Clopper and Pearson's where they all agree.
    """
    cells = np.asarray(counts, np.float64)
    rows = cells.sum(axis=-1)  # (groups, classes)
    groups, total = (rows > 0).sum(axis=0), rows.sum(axis=0)
    share = cells[..., 0].sum(axis=0) / np.maximum(total, 1)
    residual = (cells[..., 0] - share * rows) / np.maximum(total, 1)
    variance = np.square(residual).sum(axis=0) * groups / np.maximum(groups - 1, 1)
    trials = np.maximum(groups, 1)
    agreed = variance <= NO_SPREAD
    exact, varying = (
        clopper_pearson(share * trials, trials, level),
        share_interval(share, variance, trials, level),
    )
    low, high = (np.where(agreed, one, other) for one, other in zip(exact, varying, strict=True))
    known = (cells[..., 0] + cells[..., 2]).sum(axis=0) > 0
    scores = (np.where(known, 2 * each / (1 + each), np.nan) for each in (share, low, high))
    value, below, above = scores
    return value, below, above


def class_effects(counts: Floats) -> tuple[Floats, Floats]:
    """F1 (runs, classes) and what each group adds to it to first order, (runs, groups, classes), which sums to 0 over
    groups. counts (runs, groups, classes, 3)."""
    total = counts.sum(axis=1)
    f1 = rates(total)[2]
    rows = 2 * total[..., 0] + total[..., 1] + total[..., 2]
    own = 2 * counts[..., 0] + counts[..., 1] + counts[..., 2]
    return f1, (2 * counts[..., 0] - f1[:, None] * own) / np.maximum(rows, 1)[:, None]


def _satterthwaite(variances: Floats, freedom: NDArray[np.int64]) -> float:
    return float(variances.sum()) ** 2 / float((variances**2 / freedom).sum())
