"""AUROC where rows come in groups (a host's stamps): what each row adds to its error, by the group that was sampled."""

import numpy as np
from numpy.typing import NDArray

from methods.statistics.intervals import clopper_pearson
from methods.statistics.ranking import Scores, midranks

Floats = NDArray[np.float64]
Groups = NDArray[np.integer] | NDArray[np.str_]


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
    overall = midranks(scores)
    over_positives = (overall[positive] - midranks(above)) / below.size
    over_negatives = 1 - (overall[~positive] - midranks(below)) / above.size
    area = float(over_positives.mean())
    influence = np.empty(scores.size)
    influence[positive] = (over_positives - area) / above.size
    influence[~positive] = (over_negatives - area) / below.size
    return area, influence
