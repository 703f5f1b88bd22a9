"""The worst bin of Einstein radii and the spread between best and worst: picked from the same rows, and honest about it.

The least of several estimates is low because it was picked, and best minus worst is above 0 where all bins are alike.
The end of an interval that has to hold whatever was picked holds for all bins, or all pairs of bins, at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, stdtrit

from methods.shortcuts.claims import Claim
from methods.shortcuts.evaluation import Bin, Estimate, Part, in_bin, undefined
from methods.shortcuts.gate_results import family_level
from methods.statistics.grouped_ranking import NO_SPREAD, disjoint_pairs, group_variance, placement_influence
from methods.statistics.intervals import clopper_pearson

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Ranked:
    """AUROC of one bin; influence (rows of the part,), 0 in other bins. pairs: independent comparisons."""

    area: float
    influence: Floats
    variance: float
    pairs: int
    positives: int

    def interval(self, level: float) -> tuple[float, float]:
        """Student's t on the logit, which keeps its level near 1 and with few positives; without variance,
        Clopper-Pearson."""
        if self.variance <= NO_SPREAD or not 0 < self.area < 1:
            low, high = clopper_pearson(min(self.area, 1.0) * self.pairs, self.pairs, level)
            return float(low), float(high)
        quantile = float(stdtrit(self.pairs - 1, (1 + level) / 2))
        half = quantile * sqrt(self.variance) / (self.area * (1 - self.area))
        low, high = expit(logit(self.area) + np.array([-half, half]))
        return float(low), float(high)


def least_bin(
    part: Part, edges: Sequence[float], bins: Sequence[Bin], least_count: int, level: float
) -> Estimate:
    """AUROC of the worst bin with enough positives, and an interval for the least of the bins' true AUROCs.

    Upper ends that hold for all K bins together (Bonferroni) leave it no more than the least of them. The least of the
    lower ends needs no such care: it is not above that of the bin which is truly the worst. n: positives of the bin
    that looks worst.
    """
    found = _ranked(part, edges, bins, least_count)
    if not found:
        return undefined(Claim("no_full_bin", {"positives": least_count}))
    low = min(each.interval(level)[0] for each in found)
    high = min(each.interval(family_level(level, len(found)))[1] for each in found)
    worst = min(found, key=lambda each: each.area)
    return Estimate(worst.area, low, high, worst.positives)


def radius_spread(
    part: Part, edges: Sequence[float], bins: Sequence[Bin], least_count: int, level: float
) -> Estimate:
    """Best minus worst bin, and an interval for the spread of the bins' true AUROCs.

    Lower ends that hold for the differences of all ordered pairs of bins together (Bonferroni) leave it no less than
    the greatest of them, nor less than 0. The greatest of the upper ends needs no such care: it is not below that of the
    pair which is truly the farthest apart. All bins are ranked against the same negatives: each difference takes the
    covariance of its two AUROCs by group (host) into MOVER (Zou and Donner 2008, Statistics in Medicine 27:1693), which
    makes it from the two bins' own intervals and so keeps their skew near 1. n: positives of the best and the worst bin.
    """
    found = _ranked(part, edges, bins, least_count)
    if len(found) < 2:
        return undefined(Claim("one_full_bin", {"positives": least_count}))
    pairs = list(permutations(found, 2))
    together = family_level(level, len(pairs))
    low = max(_lower(one, other, together, part) for one, other in pairs)
    high = max(-_lower(other, one, level, part) for one, other in pairs)
    best, worst = (choose(found, key=lambda each: each.area) for choose in (max, min))
    return Estimate(best.area - worst.area, max(0.0, low), high, best.positives + worst.positives)


def _ranked(part: Part, edges: Sequence[float], bins: Sequence[Bin], least_count: int) -> list[_Ranked]:
    found = []
    for number, each in enumerate(bins):
        if each.auroc.value is None or each.auroc.n < least_count:
            continue
        rows = ~part.positive | in_bin(part, edges, number)
        influence = np.zeros(len(part.positive))
        area, influence[rows] = placement_influence(part.logits[rows, 0], part.positive[rows])
        pairs = disjoint_pairs(part.positive[rows], part.groups[rows])
        found.append(_Ranked(area, influence, group_variance(influence, part.groups), pairs, each.auroc.n))
    return found


def _lower(one: _Ranked, other: _Ranked, level: float, part: Part) -> float:
    """Of the difference one minus other; the upper end is minus that of other minus one."""
    together = group_variance(one.influence + other.influence, part.groups)
    covariance = (together - one.variance - other.variance) / 2
    scale = sqrt(one.variance * other.variance)
    correlation = float(np.clip(covariance / scale, -1, 1)) if scale > NO_SPREAD else 0.0
    down, up = one.area - one.interval(level)[0], other.interval(level)[1] - other.area
    return one.area - other.area - sqrt(max(down**2 + up**2 - 2 * correlation * down * up, 0.0))
