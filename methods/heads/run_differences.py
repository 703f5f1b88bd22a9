"""Which profiles differ by more than the luck of seeds, where all that is known of a run is its score.

Cells are what a person chose to try, so their spread is no error; seeds are drawn, so theirs is. Runs that share a seed's
luck, in however many cells, are one draw of it. The luck of the rows that scored them is not known here.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from methods.heads.noise import clustered_error

NO_SPREAD = 1e-9  # of the largest difference: below that, equal differences were only rounded otherwise


@dataclass(frozen=True)
class RunDifference:
    """The mean of `pairs` paired differences. cells_above: cells of which the own mean is above 0.

    error: standard error of the mean over seeds, freedom: its degrees of freedom, None where no seed is repeated; low,
    high: delta less and plus floor, Student's t times the error; p: two-sided. None, too, where the same difference in
    all seeds, not 0, leaves no spread to judge it by: scores of few digits do that.
    """

    pairs: int
    cells: int
    cells_above: int
    delta: float
    error: float | None
    freedom: int | None
    floor: float | None
    low: float | None
    high: float | None
    p: float | None

    @property
    def above(self) -> bool:
        return self.low is not None and self.low > 0

    @property
    def below(self) -> bool:
        return self.high is not None and self.high < 0


def run_difference(
    values: ArrayLike, cells: Sequence[Hashable], units: Sequence[Hashable], level: float
) -> RunDifference:
    """values (pairs,): differences at one cell and seed each. units: whose luck is in a pair.

    With every cell at every seed and one unit a seed, this is the paired t-test of the seeds' means over cells.
    """
    value = np.asarray(values, np.float64)
    delta = float(value.mean())
    own: dict[Hashable, list[float]] = {}
    for name, each in zip(cells, value.tolist(), strict=True):
        own.setdefault(name, []).append(each)
    counts = (len(value), len(own), sum(sum(each) > 0 for each in own.values()), delta)
    error, freedom = clustered_error(value, cells, [(unit, unit) for unit in units]) or (None, None)
    if error is None or freedom is None:
        return RunDifference(*counts, None, None, None, None, None, None)
    if error <= NO_SPREAD * float(np.abs(value).max()):
        same = 0.0 if not value.any() else None
        return RunDifference(*counts, same, freedom, same, same, same, None)
    floor = float(stdtrit(freedom, (1 + level) / 2)) * error
    p = float(2 * stdtr(freedom, -abs(delta) / error))
    return RunDifference(*counts, error, freedom, floor, delta - floor, delta + floor, p)
