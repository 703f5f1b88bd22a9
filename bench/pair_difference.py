"""How two recipes of a sweep were held against each other before: as if they had been the only two."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from methods.heads.noise import Floats, Unit, clustered_error
from methods.statistics.intervals import percentile_interval

_MANY = 1e9  # degrees of freedom of a spread that is known


@dataclass(frozen=True)
class Difference:
    """The mean of `pairs` paired differences.

    low, high: percentiles over resampled groups. seed_error: standard error from seed repeats, clustered; None where
    no cell has two. floor: the smallest difference worth naming, from both. p: two-sided, from both, by Student's t
    with Satterthwaite's degrees of freedom, as few seeds know their own spread badly; 1 where nothing differs at all.
    """

    pairs: int
    cells: int
    delta: float
    low: float
    high: float
    group_error: float
    seed_error: float | None
    floor: float
    p: float

    @property
    def above(self) -> bool:
        """More than noise: the interval above 0, and beyond the floor, which has the seeds in it."""
        return self.low > 0 and self.delta > self.floor


def difference(
    one: Sequence[int],
    other: Sequence[int],
    cells: Sequence[Hashable],
    units: Sequence[Unit],
    values: Floats,
    draws: Floats,
    level: float,
) -> Difference:
    """Of run one[i] less run other[i]; values (runs,), draws (runs, resamples).

    Pairs of one cell differ in their seed alone. units: whose luck is in run one[i] and in run other[i] (an encoder,
    size and seed); pairs that share a unit, straight or through others, are one cluster.
    """
    first, second = np.asarray(one, np.int64), np.asarray(other, np.int64)
    each = values[first] - values[second]
    drawn = draws[first].mean(axis=0) - draws[second].mean(axis=0)
    low, high = percentile_interval(drawn, level)
    group_error = float(drawn.std(ddof=1))
    seed_error, seed_freedom = clustered_error(each, cells, units) or (None, 1)
    total = float(np.hypot(group_error, seed_error or 0.0))
    delta = float(each.mean())
    if total == 0:
        floor, p = 0.0, float(delta == 0)
    else:
        freedom = min(seed_freedom * (total / seed_error) ** 4, _MANY) if seed_error else _MANY
        floor = float(stdtrit(freedom, (1 + level) / 2)) * total
        p = float(2 * stdtr(freedom, -abs(delta) / total))
    return Difference(
        len(each), len(set(cells)), delta, float(low), float(high), group_error, seed_error, floor, p
    )
