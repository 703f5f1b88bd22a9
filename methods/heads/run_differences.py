"""Which profiles differ by more than the luck of seeds, where all that is known of a run is its score.

Cells are what a person chose to try, so their spread is no error; seeds are drawn, so theirs is. Runs that share a seed's
luck, in however many cells, are one draw of it. The luck of the rows that scored them is not known here.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from methods.heads.mean_differences import MeanDifference
from methods.heads.noise import clustered_error

NO_SPREAD = 1e-9  # of the largest difference: below that, equal differences were only rounded otherwise


@dataclass(frozen=True, kw_only=True)
class RunDifference(MeanDifference):
    """error: over seeds, by Student's t with `freedom`; None where no seed is repeated. The same difference in all seeds,
    not 0, leaves no spread to judge it by, too: scores of few digits do that. cells_above: of which the own mean is above
    0."""

    cells_above: int
    freedom: int | None = None


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
    about = partial(
        RunDifference,
        pairs=len(value),
        cells=len(own),
        cells_above=sum(sum(each) > 0 for each in own.values()),
        delta=delta,
    )
    error, freedom = clustered_error(value, cells, [(unit, unit) for unit in units]) or (None, None)
    if error is None or freedom is None:
        return about()
    if error <= NO_SPREAD * float(np.abs(value).max()):
        same = 0.0 if not value.any() else None
        return about(error=same, freedom=freedom, floor=same, low=same, high=same)
    floor = float(stdtrit(freedom, (1 + level) / 2)) * error
    p = float(2 * stdtr(freedom, -abs(delta) / error))
    return about(error=error, freedom=freedom, floor=floor, low=delta - floor, high=delta + floor, p=p)
