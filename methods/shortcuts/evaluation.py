"""How well a lens finder ranks, at which Einstein radii, and how much of that it owes to the core."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from methods.shortcuts.claims import Claim
from methods.statistics.auroc_intervals import auroc_difference_interval, ranked_groups
from methods.statistics.grouped_ranking import Groups
from methods.statistics.pair_rates import pair_rate_interval

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Estimate:
    """value, low, high are None where status is undefined; reason is why. n: positives that count.

    variance: of an AUROC, between so many pairs (groups of the rarer class); None of what is no AUROC.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    status: Literal["ok", "undefined"] = "ok"
    reason: Claim | None = None
    variance: float | None = None
    pairs: int = 0


@dataclass(frozen=True)
class Bin:
    """Positives with low <= theta_E < high (the last bin holds its upper edge) against all negatives."""

    low: float
    high: float
    auroc: Estimate


@dataclass(frozen=True)
class Part:
    """Scored rows of one split or half. logits (rows, radii), or (trainings, rows, radii), whose figures are means over
    trainings; the first radius is 0. theta_E: NaN for negatives.

    pairs: one number for both members of a pair, -1 where there is none.
    """

    logits: Floats
    positive: Bools
    theta_E: Floats
    groups: Groups
    pairs: NDArray[np.int64]

    def only(self, rows: Bools) -> "Part":
        return Part(
            self.logits[..., rows, :],
            self.positive[rows],
            self.theta_E[rows],
            self.groups[rows],
            self.pairs[rows],
        )

    def from_radius(self, least: float) -> "Part":
        """Positives with at least this Einstein radius, and all negatives."""
        return self.only(~self.positive | (self.theta_E >= least))


def undefined(reason: Claim, n: int = 0) -> Estimate:
    return Estimate(None, None, None, n, "undefined", reason)


def ranking(part: Part, level: float, column: int = 0) -> Estimate:
    """AUROC with its interval by host."""
    if reason := _one_class(part.positive):
        return undefined(reason)
    found = ranked_groups(part.logits[..., column], part.positive, part.groups)
    ends = found.interval(level)
    count = int(part.positive.sum())
    return Estimate(found.area, ends.low, ends.high, count, variance=found.variance, pairs=found.pairs)


def sensitivity_curve(part: Part, level: float) -> list[Estimate]:
    """AUROC with r < radius hidden, one a radius."""
    return [ranking(part, level, column) for column in range(part.logits.shape[-1])]


def core_reliance(part: Part, column: int, floor: float, level: float) -> Estimate:
    """AUROC(0) - AUROC(radius of `column`), paired on the rows; undefined where the model hardly ranks at all."""
    if reason := _one_class(part.positive):
        return undefined(reason)
    low, value, high = auroc_difference_interval(
        part.logits[..., 0], part.logits[..., column], part.positive, part.groups, level
    )
    count = int(part.positive.sum())
    whole = ranking(part, level).value
    if whole is None or whole < floor:
        return undefined(Claim("ranks_nothing", {"auroc": whole, "floor": floor}), count)
    return Estimate(value, low, high, count)


def radius_bins(part: Part, edges: Sequence[float], level: float) -> list[Bin]:
    """AUROC of each bin of Einstein radii against all negatives, so that its mean by count is the AUROC of all.

    An empty bin is undefined, and says so. ValueError where a positive lies outside the edges.
    """
    outside = part.positive & ~((part.theta_E >= edges[0]) & (part.theta_E <= edges[-1]))
    if outside.any():
        raise ValueError(
            f"{int(outside.sum())} positives have an Einstein radius outside [{edges[0]:g}, {edges[-1]:g}]"
        )
    bins = []
    for number, (low, high) in enumerate(pairwise(edges)):
        inside = part.only(~part.positive | in_bin(part, edges, number))
        count = int(inside.positive.sum())
        found = ranking(inside, level) if count else undefined(Claim("empty_bin"))
        bins.append(Bin(low, high, found))
    return bins


def pair_win_rate(part: Part, level: float) -> Estimate:
    """Share of positives above the control of their own pair, ties half; undefined without pairs. By host."""
    pairs = part.pairs
    known = pairs >= 0
    names, counts = np.unique(pairs[known], return_counts=True)
    whole = np.isin(pairs, names[counts == 2])
    if not whole.any():
        return undefined(Claim("no_pairs"))
    order = np.lexsort((part.positive, pairs))
    order = order[whole[order]].reshape(-1, 2)  # of each pair its negative, then its positive
    if part.positive[order[:, 0]].any() or not part.positive[order[:, 1]].all():
        raise ValueError("a pair has to hold one positive and one negative")
    negative, positive = (np.atleast_2d(part.logits[..., order[:, place], 0]) for place in (0, 1))
    won = (positive > negative) + 0.5 * (positive == negative)
    low, rate, high = pair_rate_interval(won.mean(axis=0), part.groups[order], level)
    return Estimate(rate, low, high, len(order))


def in_bin(part: Part, edges: Sequence[float], number: int) -> Bools:
    """(n,): positives of this bin."""
    above = part.theta_E >= edges[number]
    last = number == len(edges) - 2
    below = part.theta_E <= edges[-1] if last else part.theta_E < edges[number + 1]
    return np.asarray(part.positive & above & below)


def _one_class(positive: Bools) -> Claim | None:
    found, rows = int(positive.sum()), len(positive)
    return None if 0 < found < rows else Claim("one_class", {"positives": found, "rows": rows})
