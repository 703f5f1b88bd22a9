"""AUROC where rows come in groups (a host's stamps): its interval, by the group that was sampled."""

from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from methods.statistics.intervals import clopper_pearson
from methods.statistics.ranking import AurocInterval, Scores, labelled_scores

Floats = NDArray[np.float64]
Groups = NDArray[np.integer] | NDArray[np.str_]

NO_SPREAD = 1e-18  # a variance that rounding alone can leave


def grouped_auroc_interval(
    scores: Scores, positive: NDArray[np.bool_], groups: Groups, level: float
) -> AurocInterval:
    """Wald interval from the structural components summed by group (Obuchowski 1997, Biometrics 53:567).

    With one row a group it is DeLong's. A group may hold rows of both classes (pairs). Where that variance is zero,
    the Clopper-Pearson interval of as many comparisons as the rarer class has groups.
    """
    scores, positive = labelled_scores(scores, positive)
    area, influence = placement_influence(scores, positive)
    variance = group_variance(influence, _fitting(groups, scores))
    if variance <= NO_SPREAD:
        pairs = disjoint_pairs(positive, groups)
        low, high = clopper_pearson(min(area, 1.0) * pairs, pairs, level)
        return AurocInterval(float(low), area, float(high))
    half = float(ndtri((1 + level) / 2)) * sqrt(variance)
    return AurocInterval(max(0.0, area - half), area, min(1.0, area + half))


def difference_interval(
    scores_a: Scores, scores_b: Scores, positive: NDArray[np.bool_], groups: Groups, level: float
) -> tuple[float, float, float]:
    """(low, AUROC of a minus AUROC of b, high) of two scores of the same rows, by group; not clipped.

    Where the variance of the difference is zero (both rank perfectly, or both alike), `unvarying_difference`.
    """
    difference, influence = difference_influence(scores_a, scores_b, positive)
    variance = group_variance(influence, _fitting(groups, influence))
    if variance <= NO_SPREAD:
        low, high = unvarying_difference(difference, disjoint_pairs(positive, groups), level)
        return low, difference, high
    half = float(ndtri((1 + level) / 2)) * sqrt(variance)
    return difference - half, difference, difference + half


def difference_influence(
    scores_a: Scores, scores_b: Scores, positive: NDArray[np.bool_]
) -> tuple[float, Floats]:
    """AUROC of a minus AUROC of b, and what each row adds to its error."""
    labelled_a, positive = labelled_scores(scores_a, positive)
    labelled_b, _ = labelled_scores(scores_b, positive)
    area_a, influence_a = placement_influence(labelled_a, positive)
    area_b, influence_b = placement_influence(labelled_b, positive)
    return area_a - area_b, influence_a - influence_b


def unvarying_difference(difference: float, pairs: int, level: float) -> tuple[float, float]:
    """(low, high) of a difference of two AUROCs that varies over no row: that is no proof that it never does.

    It is the share of comparisons that a alone wins less the share that b alone wins. Of `pairs` independent ones,
    |difference| went one way and none the other: two Clopper-Pearson intervals (Bonferroni), the least and the most
    that they leave. A difference of 0 is the rule of three on either side.
    """
    shares = np.array([max(difference, 0.0), max(-difference, 0.0)])
    low, high = clopper_pearson(np.minimum(shares, 1.0) * pairs, pairs, (1 + level) / 2)
    return float(low[0] - high[1]), float(high[0] - low[1])


def group_variance(influence: Floats, groups: Groups) -> float:
    """Of an estimate from what each row adds to its error, rows of a group as one; 0 with a single group."""
    _, member = np.unique(groups, return_inverse=True)
    sums = np.bincount(member, influence)
    return float((sums**2).sum()) * len(sums) / (len(sums) - 1) if len(sums) > 1 else 0.0


def disjoint_pairs(positive: NDArray[np.bool_], groups: Groups) -> int:
    """Comparisons of a positive with a negative that share no group: as many as the rarer class has groups."""
    member = np.asarray(groups)
    return min(np.unique(member[positive]).size, np.unique(member[~positive]).size)


def placement_influence(scores: Scores, positive: NDArray[np.bool_]) -> tuple[float, Floats]:
    """AUROC, and what each row's placement adds to its error: components sum to zero within each class."""
    above, below = scores[positive], scores[~positive]
    overall = rankdata(scores)
    over_positives = (overall[positive] - rankdata(above)) / below.size
    over_negatives = 1 - (overall[~positive] - rankdata(below)) / above.size
    area = float(over_positives.mean())
    influence = np.empty(scores.size)
    influence[positive] = (over_positives - area) / above.size
    influence[~positive] = (over_negatives - area) / below.size
    return area, influence


def _fitting(groups: Groups, rows: NDArray[Any]) -> Groups:
    if np.shape(groups) != rows.shape:
        raise ValueError(f"expected one group per score, got {np.shape(groups)} and {rows.shape}")
    return groups
