"""Why thresholds fail on a label: ranking, shift, offset, or too little data."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import kolmogorov

from methods.statistics.ranking import AurocInterval, delong_interval

Scores = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
FEWEST = 10
TOO_LITTLE_DATA, RANKING, SHIFT, OFFSET, NONE = "too little data", "ranking", "shift", "offset", "none"


@dataclass(frozen=True)
class Diagnosis:
    """fewest: rows of the rarest class on the poorer side. calibration and holdout: AUROC with DeLong intervals (None:
    one class only), and change: their difference (value, low, high); quantiles .5/.9/.98 of the negatives' scores;
    p-values of the two-sample Kolmogorov-Smirnov test for negatives and positives."""

    kind: str
    fewest: int
    calibration: AurocInterval | None
    holdout: AurocInterval | None
    change: tuple[float, float, float] | None
    negatives_calibration: tuple[float, ...]
    negatives_holdout: tuple[float, ...]
    negatives_p: float
    positives_p: float


def diagnose(calibration: tuple[Scores, Bools], holdout: tuple[Scores, Bools], level: float) -> Diagnosis:
    """(scores, positive) of one label on both slices. The first of these that applies:

    too little data (fewer than ten of a class on a side), ranking (AUROC's interval on the holdout reaches .5),
    shift (the two AUROCs differ), offset (no difference can be seen, but scores have moved), none.
    """
    (before, was), (after, is_) = calibration, holdout
    ranking, reranking = (_auroc(scores, positive, level) for scores, positive in (calibration, holdout))
    change = _change(ranking, reranking) if ranking and reranking else None
    p_negative, p_positive = _ks(before[~was], after[~is_]), _ks(before[was], after[is_])
    fewest = min(int(was.sum()), int((~was).sum()), int(is_.sum()), int((~is_).sum()))
    if change is None or reranking is None or fewest < FEWEST:
        kind = TOO_LITTLE_DATA
    elif reranking.low <= 0.5:
        kind = RANKING
    elif not change[1] <= 0 <= change[2]:
        kind = SHIFT
    else:
        kind = OFFSET if min(p_negative, p_positive) < (1 - level) / 2 else NONE
    return Diagnosis(
        kind,
        fewest,
        ranking,
        reranking,
        change,
        _quantiles(before[~was]),
        _quantiles(after[~is_]),
        p_negative,
        p_positive,
    )


def learnable(scores: Scores, positive: Bools, level: float) -> bool:
    """The AUROC's interval lies above .5; a label with one class only is not."""
    interval = _auroc(scores, positive, level)
    return interval is not None and interval.low > 0.5


def _change(before: AurocInterval, after: AurocInterval) -> tuple[float, float, float]:
    """Of two AUROCs on rows of their own: the half widths of their intervals add in squares."""
    change = after.auroc - before.auroc
    half = float(np.hypot(after.high - after.low, before.high - before.low)) / 2
    return change, change - half, change + half


def _auroc(scores: Scores, positive: Bools, level: float) -> AurocInterval | None:
    scored = ~np.isnan(scores)
    scores, positive = scores[scored], positive[scored]
    return delong_interval(scores, positive, level) if positive.any() and not positive.all() else None


def _quantiles(scores: Scores) -> tuple[float, ...]:
    return tuple(float(q) for q in np.quantile(scores, [0.5, 0.9, 0.98])) if len(scores) else ()


def _ks(a: Scores, b: Scores) -> float:
    """Asymptotic p-value of the two-sample Kolmogorov-Smirnov statistic; 1 where a side is empty."""
    if not len(a) or not len(b):
        return 1.0
    a, b = np.sort(a), np.sort(b)
    at = np.concatenate([a, b])
    gap = np.abs(np.searchsorted(a, at, "right") / len(a) - np.searchsorted(b, at, "right") / len(b)).max()
    return float(kolmogorov(gap * np.sqrt(len(a) * len(b) / (len(a) + len(b)))))
