"""Does one variant rank better than another, or was it lucky? Over the stamps that were drawn and the seeds that trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np
from scipy.special import ndtri, stdtrit

from methods.shortcuts.evaluation import Bools
from methods.statistics.grouped_ranking import (
    NO_SPREAD,
    Groups,
    difference_influence,
    disjoint_pairs,
    group_variance,
    unvarying_difference,
)
from methods.statistics.ranking import Scores


@dataclass(frozen=True)
class SeedDifference:
    """value: mean over seeds of AUROC minus AUROC. With one seed the interval counts stamps alone."""

    value: float
    low: float
    high: float
    seeds: int

    @property
    def excludes_zero(self) -> bool:
        return not self.low <= 0 <= self.high


def seed_difference(
    scores: Sequence[tuple[Scores, Scores]], positive: Bools, groups: Groups, level: float
) -> SeedDifference:
    """scores: of each of k seeds those of the variant and of its control, for the same rows (n,).

    Seeds and stamps are crossed, as readers and cases are (Obuchowski and Rockette 1995, Communications in Statistics
    24:285). The error has two parts: V, the variance of the mean difference over groups of stamps, the trainings as they
    are, and S^2 / k, with S^2 the variance of the k differences. Their half widths, z sqrt(V) and t sqrt(S^2 / k) with k - 1
    degrees of freedom, are added in squares (MOVER: Zou and Donner 2008, Statistics in Medicine 27:1693); one t for their
    sum, with Satterthwaite's degrees of freedom, is too narrow at three seeds. S^2 holds some noise of stamps once more, so
    this is rather too wide (bench/lens_seeds.md), and counting seeds never narrows it. One seed: V alone. Where V is zero:
    `unvarying_difference`.
    """
    found = [difference_influence(ours, control, positive) for ours, control in scores]
    values = np.array([value for value, _ in found])
    value, seeds = float(values.mean()), len(values)
    stamps = group_variance(np.mean([influence for _, influence in found], axis=0), groups)
    training = float(values.var(ddof=1)) / seeds if seeds > 1 else 0.0
    tail = (1 + level) / 2
    if stamps > NO_SPREAD:
        below = above = float(ndtri(tail)) * sqrt(stamps)
    else:
        low, high = unvarying_difference(value, disjoint_pairs(positive, groups), level)
        below, above = value - low, high - value
    more = float(stdtrit(seeds - 1, tail)) * sqrt(training) if training > 0 else 0.0
    return SeedDifference(value, value - hypot(below, more), value + hypot(above, more), seeds)
