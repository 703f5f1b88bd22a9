"""How well scores rank positives above negatives: AUROC, its interval, and the paired comparison of two."""

from dataclasses import dataclass
from math import copysign, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from methods.statistics.intervals import clopper_pearson

Scores = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]

_NO_SPREAD = 1e-18  # a variance of AUROC that rounding alone can leave


@dataclass(frozen=True)
class AurocInterval:
    low: float
    auroc: float
    high: float


def auroc(scores: Scores, positive: NDArray[np.bool_]) -> float:
    """P(positive above negative) + P(tie) / 2, from midranks; ValueError where a class is missing."""
    scores, positive = labelled_scores(scores, positive)
    ranks = _midranks(scores)[positive]
    m, n = ranks.size, scores.size - ranks.size
    return float((ranks.sum() - m * (m + 1) / 2) / (m * n))


def delong_interval(scores: Scores, positive: NDArray[np.bool_], level: float) -> AurocInterval:
    """Wald interval with DeLong's variance (DeLong et al. 1988; Sun & Xu 2014, algorithm 2), within [0, 1].

    Where that variance is zero (perfect or constant ranking) or unknown (a class of one row), a Wald interval
    would claim certainty. There it is the Clopper-Pearson interval of min(positives, negatives) comparisons:
    so many disjoint pairs of a positive and a negative are independent, each won with probability AUROC.
    """
    scores, positive = labelled_scores(scores, positive)
    over_positives, over_negatives = _placements(scores, positive)
    area, variance = float(over_positives.mean()), _variance(over_positives, over_negatives)
    pairs = min(over_positives.size, over_negatives.size)
    if variance <= _NO_SPREAD:
        low, high = clopper_pearson(min(area, 1.0) * pairs, pairs, level)
        return AurocInterval(float(low), area, float(high))
    half = float(ndtri((1 + level) / 2)) * sqrt(variance)
    return AurocInterval(max(0.0, area - half), area, min(1.0, area + half))


def delong_test(scores_a: Scores, scores_b: Scores, positive: NDArray[np.bool_]) -> tuple[float, float]:
    """(z, two-sided p) that two scores of the same rows have one AUROC; z > 0 where `scores_a` ranks better.

    Where the variance of the difference d is zero or unknown (see delong_interval), p is that of the sign test
    on min(positives, negatives) disjoint pairs, |d| of them discordant and all in one direction.
    """
    labelled_a, positive = labelled_scores(scores_a, positive)
    labelled_b, _ = labelled_scores(scores_b, positive)
    positives_a, negatives_a = _placements(labelled_a, positive)
    positives_b, negatives_b = _placements(labelled_b, positive)
    over_positives, over_negatives = positives_a - positives_b, negatives_a - negatives_b
    difference, variance = float(over_positives.mean()), _variance(over_positives, over_negatives)
    if variance > _NO_SPREAD:
        z = difference / sqrt(variance)
        return z, float(2 * ndtr(-abs(z)))
    pairs = min(over_positives.size, over_negatives.size)
    p = min(1.0, 2 * 0.5 ** (abs(difference) * pairs))
    return copysign(abs(float(ndtri(p / 2))), difference), p


def labelled_scores(scores: Scores, positive: NDArray[np.bool_]) -> tuple[Scores, NDArray[np.bool_]]:
    scores, positive = finite_scores(scores, "scores"), np.ascontiguousarray(positive, dtype=np.bool_)
    if scores.shape != positive.shape:
        raise ValueError(f"expected one label per score, got {positive.shape} labels, {scores.shape} scores")
    found = np.count_nonzero(positive)
    if not 0 < found < positive.size:
        raise ValueError(f"expected positive and negative rows, got {found} positive of {positive.size}")
    return scores, positive


def finite_scores(scores: Scores, name: str, ndim: int = 1) -> Scores:
    scores = np.ascontiguousarray(scores)
    if not np.issubdtype(scores.dtype, np.floating):
        scores = scores.astype(np.float64)
    if scores.ndim != ndim or not np.isfinite(scores).all():
        broken = np.count_nonzero(~np.isfinite(scores))
        raise ValueError(f"expected {name} finite and {ndim}-D, got {scores.ndim}-D, {broken} not finite")
    return scores


def _placements(scores: Scores, positive: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Per positive the share of negatives below it, per negative the share of positives above it; ties half."""
    overall = _midranks(scores)
    above, below = scores[positive], scores[~positive]
    over_positives = (overall[positive] - _midranks(above)) / below.size
    over_negatives = 1 - (overall[~positive] - _midranks(below)) / above.size
    return over_positives, over_negatives


def _variance(over_positives: Floats, over_negatives: Floats) -> float:
    """Of the mean placement; 0 where a class of one row leaves it unknown."""
    if min(over_positives.size, over_negatives.size) < 2:
        return 0.0
    spread = (
        over_positives.var(ddof=1) / over_positives.size + over_negatives.var(ddof=1) / over_negatives.size
    )
    return float(spread)


def _midranks(scores: Scores) -> Floats:
    _, where, ties = np.unique(scores, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(ties) - (ties - 1) / 2)[where])
