"""Why thresholds fail on a label: ranking, shift, offset, or too little data."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import kolmogorov

from methods.statistics.ranking import AurocInterval, delong_interval

Scores = NDArray[np.float32]
Bools = NDArray[np.bool_]
FEWEST = 10


@dataclass(frozen=True)
class Diagnosis:
    """calibration and holdout AUROC with DeLong intervals (None: one class only); quantiles .5/.9/.98 of the
    negatives' scores; p-values of the two-sample Kolmogorov-Smirnov test for negatives and positives."""

    kind: str
    sentence: str
    calibration: AurocInterval | None
    holdout: AurocInterval | None
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
    aurocs = [_auroc(scores, positive, level) for scores, positive in (calibration, holdout)]
    p_negative, p_positive = _ks(before[~was], after[~is_]), _ks(before[was], after[is_])
    fewest = min(int(was.sum()), int((~was).sum()), int(is_.sum()), int((~is_).sum()))
    kind, sentence = _judge(fewest, aurocs[0], aurocs[1], min(p_negative, p_positive), level)
    return Diagnosis(
        kind,
        sentence,
        aurocs[0],
        aurocs[1],
        _quantiles(before[~was]),
        _quantiles(after[~is_]),
        p_negative,
        p_positive,
    )


def learnable(scores: Scores, positive: Bools, level: float) -> bool:
    """The AUROC's interval lies above .5; a label with one class only is not."""
    interval = _auroc(scores, positive, level)
    return interval is not None and interval.low > 0.5


def _judge(
    fewest: int, before: AurocInterval | None, after: AurocInterval | None, p: float, level: float
) -> tuple[str, str]:
    if before is None or after is None or fewest < FEWEST:
        return "too little data", f"only {fewest} rows of a class on one side: collect more before judging"
    if after.low <= 0.5:
        return (
            "ranking",
            f"no threshold can fix this label: its AUROC of {after.auroc:.3f} [{after.low:.3f}, {after.high:.3f}] "
            "cannot be told from .5; it needs a better model or better labels",
        )
    change = after.auroc - before.auroc
    half = float(np.hypot(after.high - after.low, before.high - before.low)) / 2
    by = f"{change:+.3f} [{change - half:+.3f}, {change + half:+.3f}]"
    if abs(change) > half:
        return (
            "shift",
            f"AUROC moved from {before.auroc:.3f} to {after.auroc:.3f}, by {by}: recalibrate often, or retrain",
        )
    unseen = f"no change of its ranking can be seen (AUROC {by})"
    if p < (1 - level) / 2:
        return "offset", f"{unseen}, but its scores have moved (Kolmogorov-Smirnov p {p:.2g}): retune"
    return "none", f"{unseen}, and none of its scores (smaller of two Kolmogorov-Smirnov p {p:.2g})"


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
