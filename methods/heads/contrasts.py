"""Paired comparisons within a sweep, all of a family judged at once: `simultaneous_differences` over its runs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from methods.heads.comparisons import Pair, cell
from methods.heads.mean_differences import MeanDifference
from methods.heads.specs import HeadSpec
from methods.statistics.simultaneous import simultaneous_differences

Floats = NDArray[np.float64]

Confirmation = Literal["holds", "does not hold", "cannot tell"]


@dataclass(frozen=True, kw_only=True)
class Contrast(MeanDifference):
    """One of `family` differences that are judged at once. error: of rows and seeds. low, high hold all true differences of
    the family with the confidence asked for, p is adjusted for it; None where no recipe on a side has two seeds."""

    family: int

    @property
    def same(self) -> bool:
        """Not one answer differs."""
        return self.floor == 0 and self.delta == 0


def confirmation(found: Contrast | None, above: bool = True) -> Confirmation:
    """What a split that chose nothing says of a difference above 0 (or below) that was found elsewhere."""
    if found is None or not (found.above or found.below):
        return "cannot tell"
    return "holds" if found.above == above else "does not hold"


def contrasts(
    specs: Sequence[HeadSpec],
    families: Sequence[Iterable[Pair]],
    values: Floats,
    draws: Floats,
    groups: int,
    level: float,
    seed: int,
) -> list[Contrast | None]:
    """One for each list of pairs (run one, run other) in `families`; None where it is empty.

    values (runs,), draws (runs, resamples). Runs that answer alike are one: pairs of copies count once, and copies
    differ by nothing at all. Runs that differ in their seed alone are of one recipe; those that differ in smoothing alone
    see the same batches from the same first weights, and share some luck.
    """
    first = {spec.answers: number for number, spec in reversed(list(enumerate(specs)))}
    own = [first[spec.answers] for spec in specs]
    paired = [list(dict.fromkeys((own[i], own[j]) for i, j in pairs)) for pairs in families]
    judged = [k for k, pairs in enumerate(paired) if _judged(specs, pairs)]
    used = sorted(set(own))  # all: what seeds do to other recipes says more about these
    weights = np.zeros((len(judged), len(specs)))
    for row, k in enumerate(judged):
        for i, j in paired[k]:
            weights[row, i] += 1 / len(paired[k])
            weights[row, j] -= 1 / len(paired[k])
    found: list[Contrast | None] = [_unknown(specs, pairs, values) if pairs else None for pairs in paired]
    if not judged:
        return found
    recipes = [replace(specs[run].answers, seed=0).id for run in used]
    luck = [replace(specs[run].answers, smoothing=0.0).id for run in used]
    at_once = simultaneous_differences(
        values[used], draws[used], recipes, weights[:, used], groups, level, seed, luck
    )
    for row, k in enumerate(judged):
        figures = (getattr(at_once, name) for name in ("delta", "error", "floor", "low", "high", "p"))
        delta, error, floor, low, high, p = (float(each[row]) for each in figures)
        found[k] = Contrast(
            pairs=len(paired[k]), cells=_cells(specs, paired[k]), family=len(judged), delta=delta, error=error,
            floor=floor, low=low, high=high, p=p,
        )  # fmt: skip
    return found


def _judged(specs: Sequence[HeadSpec], pairs: Sequence[Pair]) -> bool:
    """Runs of one recipe at two seeds on each side; copies alone need no judgement."""
    if all(i == j for i, j in pairs):
        return False
    return all(max(Counter(replace(specs[pair[side]].answers, seed=0) for pair in set(pairs)).values()) > 1
               for side in (0, 1))  # fmt: skip


def _unknown(specs: Sequence[HeadSpec], pairs: Sequence[Pair], values: Floats) -> Contrast:
    about = partial(Contrast, pairs=len(pairs), cells=_cells(specs, pairs), family=0)
    if all(i == j for i, j in pairs):
        return about(delta=0.0, error=0.0, floor=0.0, low=0.0, high=0.0, p=1.0)
    return about(delta=float(np.mean([values[i] - values[j] for i, j in pairs])))


def _cells(specs: Sequence[HeadSpec], pairs: Sequence[Pair]) -> int:
    return len({(cell(specs[i]), cell(specs[j])) for i, j in pairs})
