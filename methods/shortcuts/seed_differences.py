"""Does one variant rank better than another, or was it lucky? Over the stamps that were drawn and the seeds that trained."""

from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np
from scipy.special import stdtrit

from methods.shortcuts.evaluation import Bools, Floats
from methods.statistics.auroc_intervals import auroc_difference_interval
from methods.statistics.grouped_ranking import Groups
from methods.statistics.ranking import auroc


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
    ours: Floats, control: Floats, positive: Bools, groups: Groups, level: float
) -> SeedDifference:
    """ours, control (k, n): of each of k seeds the scores of the variant and of its control, for the same rows.

    Seeds and stamps are crossed, as readers and cases are (Obuchowski and Rockette 1995, Communications in Statistics
    24:285). The interval has two parts: that of the mean difference over groups of stamps, the trainings as they are
    (`auroc_difference_interval`), and t sqrt(S^2 / k) with k - 1 degrees of freedom, with S^2 the variance of the k
    differences. Their lengths are added in squares (MOVER: Zou and Donner 2008, Statistics in Medicine 27:1693); one t for
    their sum, with Satterthwaite's degrees of freedom, is too narrow at three seeds. S^2 holds some noise of stamps once
    more, so this is rather too wide (bench/lens_seeds.md), and counting seeds never narrows it. One seed: stamps alone.
    """
    low, value, high = auroc_difference_interval(ours, control, positive, groups, level)
    values = [auroc(one, positive) - auroc(other, positive) for one, other in zip(ours, control, strict=True)]
    seeds = len(values)
    training = float(np.var(values, ddof=1)) / seeds if seeds > 1 else 0.0
    more = float(stdtrit(seeds - 1, (1 + level) / 2)) * sqrt(training) if training > 0 else 0.0
    return SeedDifference(value, value - hypot(value - low, more), value + hypot(high - value, more), seeds)
