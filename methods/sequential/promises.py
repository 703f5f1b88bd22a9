"""What is watched of a pinned choice, and what a batch of rows says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from methods.sequential.bets import Floats
from methods.statistics.streams import stream


@dataclass(frozen=True)
class Promise:
    """The mean of values in [0, 1] is at most `limit`. unit: what one value is of, in the plural. zero, one: what values
    of 0 and 1 stand for, in the figure that people know: 1 and 0 for one that has to be high."""

    name: str
    limit: float
    unit: str
    zero: float = 0.0
    one: float = 1.0

    def figure(self, mean: float) -> float:
        return self.zero + (self.one - self.zero) * mean

    @property
    def at_most(self) -> bool:
        """Of the figure; otherwise it has to be at least its limit."""
        return self.one > self.zero


@dataclass(frozen=True)
class Observations:
    """values in [0, 1], in the order of the file; rows: the numbers that they have there (of groups, of the last row).
    bad, weight: of groups whose values are those of a ratio, what it is the ratio of."""

    values: Floats
    rows: NDArray[np.int64]
    bad: Floats | None = None
    weight: Floats | None = None


@dataclass(frozen=True)
class BatchReading:
    """rows: of the file. in_order: whether they stand as they came, as their times say. observed: by promise; a batch without labels has none. scores: in [0, 1], of which it is watched
    whether they move. notes: what was left out or has to be known, reason -> count."""

    rows: int
    in_order: bool
    observed: Mapping[str, Observations]
    scores: Mapping[str, Observations]
    notes: Mapping[str, int] = field(default_factory=dict)


def shuffled(seen: Observations, seed: int) -> Observations:
    """In a random order, so that a file that is sorted by score or label says nothing by its order; rows are 0: which of
    them it was is no longer told."""
    order = stream(seed, "order of a batch").permutation(len(seen.values))
    bad, weight = (None if each is None else each[order] for each in (seen.bad, seen.weight))
    return Observations(seen.values[order], np.zeros(len(order), np.int64), bad, weight)
