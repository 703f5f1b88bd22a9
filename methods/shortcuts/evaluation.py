"""How well a lens finder ranks, at which Einstein radii, and how much of that it owes to the core."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from methods.shortcuts.claims import Claim
from methods.statistics.grouped_ranking import Groups, difference_interval, grouped_auroc_interval
from methods.statistics.pair_rates import pair_rate_interval

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Radii = Sequence[float]


@dataclass(frozen=True)
class Estimate:
    """value, low, high are None where status is undefined; reason is why. n: positives that count."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    status: Literal["ok", "undefined"] = "ok"
    reason: Claim | None = None


@dataclass(frozen=True)
class Bin:
    """Positives with low <= theta_E < high (the last bin holds its upper edge) against all negatives."""

    low: float
    high: float
    auroc: Estimate


@dataclass(frozen=True)
class Part:
    """Scored rows of one split or half. logits (rows, radii), the first radius is 0; theta_E: NaN for negatives.

    pairs: one number for both members of a pair, -1 where there is none.
    """

    logits: Floats
    positive: Bools
    theta_E: Floats
    groups: Groups
    pairs: NDArray[np.int64]

    def only(self, rows: Bools) -> "Part":
        return Part(
            self.logits[rows], self.positive[rows], self.theta_E[rows], self.groups[rows], self.pairs[rows]
        )

    def from_radius(self, least: float) -> "Part":
        """Positives with at least this Einstein radius, and all negatives."""
        return self.only(~self.positive | (self.theta_E >= least))


def undefined(reason: Claim, n: int = 0) -> Estimate:
    return Estimate(None, None, None, n, "undefined", reason)


def mean_estimate(found: Sequence[Estimate]) -> Estimate:
    """Mean value and mean ends; undefined where one of them is."""
    if not found:
        return undefined(Claim("nothing_trained"))
    for each in found:
        if each.status == "undefined":
            return each
    value, low, high = (
        float(np.mean([getattr(each, name) for each in found])) for name in ("value", "low", "high")
    )
    return Estimate(value, low, high, found[0].n)


def ranking(part: Part, level: float, column: int = 0) -> Estimate:
    """AUROC with its interval by host."""
    if reason := _one_class(part.positive):
        return undefined(reason)
    found = grouped_auroc_interval(part.logits[:, column], part.positive, part.groups, level)
    return Estimate(found.auroc, found.low, found.high, int(part.positive.sum()))


def sensitivity_curve(part: Part, level: float) -> list[Estimate]:
    """AUROC with r < radius hidden, one a radius."""
    return [ranking(part, level, column) for column in range(part.logits.shape[1])]


def core_reliance(part: Part, column: int, floor: float, level: float) -> Estimate:
    """AUROC(0) - AUROC(radius of `column`), paired on the rows; undefined where the model hardly ranks at all."""
    if reason := _one_class(part.positive):
        return undefined(reason)
    low, value, high = difference_interval(
        part.logits[:, 0], part.logits[:, column], part.positive, part.groups, level
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
    negative, positive = part.logits[order[:, 0], 0], part.logits[order[:, 1], 0]
    low, rate, high = pair_rate_interval(
        (positive > negative) + 0.5 * (positive == negative), part.groups[order], level
    )
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
