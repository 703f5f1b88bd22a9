"""The intervals of an AUROC as they were, to show what they failed at: Wald's, from DeLong's variance by group."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from methods.statistics.auroc_intervals import ranked_groups
from methods.statistics.beta_bounds import NO_SPREAD
from methods.statistics.grouped_ranking import Groups, group_variance, unvarying_difference
from methods.statistics.intervals import clopper_pearson
from methods.statistics.ranking import AurocInterval, Scores

Bools = NDArray[np.bool_]


def wald_interval(scores: Scores, positive: Bools, groups: Groups, level: float) -> AurocInterval:
    """Clopper-Pearson at the pairs where nothing varies."""
    found = ranked_groups(scores, positive, groups)
    if found.variance <= NO_SPREAD:
        low, high = clopper_pearson(min(found.area, 1.0) * found.pairs, found.pairs, level)
        return AurocInterval(float(low), found.area, float(high))
    half = float(ndtri((1 + level) / 2)) * found.variance**0.5
    return AurocInterval(max(0.0, found.area - half), found.area, min(1.0, found.area + half))


def wald_difference(
    one: Scores, other: Scores, positive: Bools, groups: Groups, level: float
) -> tuple[Any, float, Any]:
    """(low, AUROC of one minus AUROC of other, high)."""
    ours, theirs = (ranked_groups(scores, positive, groups) for scores in (one, other))
    difference = ours.area - theirs.area
    variance = group_variance(ours.influence - theirs.influence, groups)
    if variance <= NO_SPREAD:
        low, high = unvarying_difference(difference, ours.pairs, level)
        return low, difference, high
    half = float(ndtri((1 + level) / 2)) * variance**0.5
    return difference - half, difference, difference + half
