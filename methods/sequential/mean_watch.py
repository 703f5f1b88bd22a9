"""Is a mean within its limit? Evidence for either answer, carried on from batch to batch.

Two kinds of bets run side by side: on a mean above the limit (the limit is broken), and on one below it (it is kept).
What broken rests on is a mean above the limit at any time, so a change is found whenever it comes, and stays found.
What kept rests on is all that was observed so far; where the evidence shrinks again, the answer is open again. Each is
wrong with a probability of at most `risk`, however often one looks (`bets`). That needs the mean of every observation
given those before it to be within the limit (above it, for kept): rows of one group that depend on each other have to
come as one observation, the group's mean. The evidence after a batch does not depend on the order in it; at which of its
rows it was reached does (Podkopaev and Ramdas 2021, arXiv 2110.06177, for risks of a deployed model).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from methods.sequential.bets import Bets, evidence, extended, new_bets, observations_to_go
from methods.sequential.promises import Observations

WatchVerdict = Literal["kept", "broken", "open"]


@dataclass(frozen=True)
class Crossing:
    """Where the evidence was reached: after how many observations, and which row of which batch was the last of them (0: the
    batch has no order)."""

    n: int
    batch: str
    row: int


@dataclass(frozen=True)
class MeanWatch:
    """above: bets on x over the limit. below: on 1 - x over 1 - limit. bad, weight: sums of which the figure that people
    know is the ratio; of plain values their sum and their number."""

    above: Bets
    below: Bets
    bad: float
    weight: float
    broken: Crossing | None

    @property
    def n(self) -> int:
        return self.above.n

    @property
    def limit(self) -> float:
        return self.above.limit

    @property
    def mean(self) -> float:
        """NaN where nothing was observed."""
        return self.bad / self.weight if self.weight else float("nan")


def new_watch(limit: float) -> MeanWatch:
    return MeanWatch(new_bets(limit), new_bets(1 - limit), 0.0, 0.0, None)


def observed(watch: MeanWatch, seen: Observations, batch: str, risk: float) -> MeanWatch:
    """After these values, in their order."""
    above, over = extended(watch.above, seen.values)
    below, _ = extended(watch.below, 1 - seen.values)
    bad = seen.values if seen.bad is None else seen.bad
    weight = np.ones(len(seen.values)) if seen.weight is None else seen.weight
    broken, reached = watch.broken, np.flatnonzero(over >= -np.log(risk))
    if broken is None and len(reached):
        at = int(reached[0])
        broken = Crossing(watch.n + at + 1, batch, int(seen.rows[at]))
    return replace(
        watch, above=above, below=below, bad=watch.bad + float(np.sum(bad)),
        weight=watch.weight + float(np.sum(weight)), broken=broken,
    )  # fmt: skip


def verdict(watch: MeanWatch, risk: float) -> WatchVerdict:
    if watch.broken is not None:
        return "broken"
    return "kept" if evidence(watch.below, with_later=False) >= -np.log(risk) else "open"


def rows_to_go(watch: MeanWatch, risk: float) -> float:
    """About how many more observations close an open watch, where they are like those so far; inf: they never would."""
    target = -float(np.log(risk))
    return min(
        observations_to_go(watch.below, target, with_later=False),
        observations_to_go(watch.above, target, with_later=True),
    )


def watch_record(watch: MeanWatch) -> dict[str, Any]:
    """For JSON."""
    sides = {"above": watch.above, "below": watch.below}
    return {
        "limit": watch.limit,
        "n": watch.n,
        "bad": watch.bad,
        "weight": watch.weight,
        "broken": vars(watch.broken) if watch.broken else None,
        **{
            name: {"first": side.first.tolist(), "later": side.later.tolist() if side.later[0] > -np.inf else None}
            for name, side in sides.items()
        },
    }  # fmt: skip


def watch_of(record: Mapping[str, Any]) -> MeanWatch:
    """What `watch_record` wrote."""

    def side(name: str, limit: float) -> Bets:
        bets, stored = new_bets(limit), record[name]
        later = bets.later if stored["later"] is None else np.array(stored["later"])
        return replace(bets, n=record["n"], first=np.array(stored["first"]), later=later)

    broken = Crossing(**record["broken"]) if record["broken"] else None
    limit = record["limit"]
    return MeanWatch(side("above", limit), side("below", 1 - limit), record["bad"], record["weight"], broken)
