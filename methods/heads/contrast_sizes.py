"""How many groups or seeds name a difference between two recipes, among all that are judged at once."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from methods.statistics.sample_sizes import SampleSize, fewest_that_decide

MOST = 10**6
WITH_ROWS = 0.4  # of a seed's variance: luck with single rows, which falls as groups grow (bench/power.py)


@dataclass(frozen=True)
class ContrastErrors:
    """Of a difference between the means of `seeds` runs each, as it was seen on `groups` groups. error: standard error;
    ratio: by how many of them the smallest difference that is named lies above 0; seed_sd: of one run."""

    error: float
    ratio: float
    groups: int
    seeds: int
    seed_sd: float

    def at(self, groups: int, seeds: int) -> float:
        """The error of so many: what groups share falls with groups alone, what single rows do to a seed with both, the rest of
        a seed with seeds."""
        luck = 2 * self.seed_sd**2
        shared = max(self.error**2 - luck / self.seeds, 0.0)
        fewer = self.groups / groups
        return float(np.sqrt(shared * fewer + luck / seeds * ((1 - WITH_ROWS) + WITH_ROWS * fewer)))

    def chance(self, gain: float, groups: int, seeds: int) -> float:
        """That a true gain is named: that its estimate lies above the floor, which is `ratio` errors."""
        error = self.at(groups, seeds)
        return float(ndtr(abs(gain) / error - self.ratio)) if error > 0 else float(gain != 0)


def groups_to_name(errors: ContrastErrors, gain: float, seeds: int, power: float) -> SampleSize | None:
    if not gain:
        return None
    return fewest_that_decide(lambda n: errors.chance(gain, n, seeds), power, 2, MOST)


def seeds_to_name(errors: ContrastErrors, gain: float, groups: int, power: float) -> SampleSize | None:
    """With the ratio of now, which falls a little as seeds grow."""
    if not gain:
        return None
    return fewest_that_decide(lambda n: errors.chance(gain, groups, n), power, 2, 1000)
