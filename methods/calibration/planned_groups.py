"""How many groups tell a method from the control: at the level that so many groups leave each of several methods."""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from methods.calibration.method_differences import method_differences
from methods.statistics.group_intervals import FEWEST, mean_p
from methods.statistics.sample_sizes import SampleSize, differing_groups_at_power
from methods.statistics.streams import seeded

Floats = NDArray[np.float64]
Level = Callable[[int], float]  # by groups

DRAWS, LEVELS = 2000, 8  # sets of groups
NEAR, MOST_DRAWN = 30, 400  # groups: where the search begins, and beyond which the level moves no more


def family_level(effects: Floats, seed: int, alpha: float) -> Level:
    """Of the methods that are compared at once: what groups that differ as these do leave each of them. effects (methods,
    groups) of the difference to the control, whose own row of zeros is the first."""

    def at(groups: int) -> float:
        count = max(min(groups, MOST_DRAWN), FEWEST)
        drawn = seeded(seed).integers(0, effects.shape[1], (LEVELS, count))
        own = np.arange(count)
        return float(
            np.mean(
                [
                    method_differences(effects[:, each], effects[0, each], own, alpha, seed)[1]
                    for each in drawn
                ]
            )
        )

    return cache(at)


def groups_at_level(effects: Floats, level: Level, seed: int, power: float) -> SampleSize | None:
    """effects: of one group each, drawn from as they are. With the level of as many groups: near, and then there."""
    found = None
    for _ in range(3):
        at = level(found.n if found else NEAR)
        found = differing_groups_at_power(effects, np.arange(len(effects)), at, power, seed)
        if found is None:
            return None
    return found


def chance_of_groups(effects: Floats, level: Level, seed: int, groups: int) -> float:
    """By the test itself, of groups that are drawn from these; as `differing_groups_at_power` has it."""
    count, mean = len(effects), float(effects.mean())
    likely = mean + (effects - mean) * np.sqrt(count / (count - 1))
    if groups > MOST_DRAWN:
        return float(ndtr(abs(mean) / likely.std() * np.sqrt(groups) - ndtri((1 + level(groups)) / 2)))
    drawn = likely[seeded(seed).integers(0, count, (DRAWS, groups))]
    return float(
        ((mean_p(drawn) < 1 - level(groups)) & (np.sign(drawn.mean(axis=1)) == np.sign(mean))).mean()
    )
