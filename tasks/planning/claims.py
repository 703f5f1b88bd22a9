"""What each claim of a decision needs before it is firm: how many of what, and how likely any number of them decides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from scipy.special import ndtr, ndtri

from methods.statistics.sample_sizes import SampleSize
from storage.files.inputs import InputError
from tasks.report.decision import POWER

KNOTS = (0.3, POWER, 0.97)  # chances whose sizes are asked for

Size = Callable[[float], SampleSize | None]  # chance -> the fewest that have it; None: no number has
Assumed = Mapping[str, float]
Unplanned = InputError  # what `claims` of an experiment raises, for callers above this floor


@dataclass(frozen=True)
class PlannedClaim:
    """unit: what is counted; present: how many the pilot has, 0 without one. least: below, the rule says nothing. rests_on:
    the figures that are taken for true. exact: the chance of a number, where there is a formula for it."""

    claim: str
    unit: str
    present: int
    least: int
    rests_on: Mapping[str, float]
    size: Size
    exact: Callable[[int], float] | None = None

    def needed(self, power: float = POWER) -> int | None:
        found = self._sized(power)
        return None if found is None else max(found.n, self.least)

    def chance(self, n: int) -> float:
        """Of a firm verdict that is right. Where there is no formula, between the sizes that `needed` comes from: its normal
        quantile is near linear in the root of the number."""
        if n < self.least:
            return 0.0
        if self.exact is not None:
            return self.exact(n)
        roots, quantiles = self._curve
        if len(roots) < 2:
            return float("nan")
        after = int(np.clip(np.searchsorted(roots, n**0.5), 1, len(roots) - 1))
        slope = (quantiles[after] - quantiles[after - 1]) / (roots[after] - roots[after - 1])
        return float(ndtr(quantiles[after] + slope * (n**0.5 - roots[after])))

    @cached_property
    def _sized(self) -> Size:
        """Asked once for each chance: some sizes are simulated."""
        return cache(self.size)

    @cached_property
    def _curve(self) -> tuple[list[float], list[float]]:
        """Roots of different sizes, and the normal quantiles of their chances."""
        found = {each.n: each.power for power in KNOTS if (each := self._sized(power)) is not None}
        inside = {n: power for n, power in sorted(found.items()) if 0 < power < 1}
        return [n**0.5 for n in inside], [float(ndtri(power)) for power in inside.values()]


def require_known(assumed: Assumed, known: Mapping[str, str]) -> None:
    """known: name -> what it is. Raises InputError."""
    for name, value in assumed.items():
        if name.partition(".")[0] not in known:
            listed = ", ".join(f"{each} ({what})" for each, what in known.items())
            raise InputError(Path("--assume"), f"nothing is called {name!r} here; there are {listed}")
        if value != value or abs(value) == float("inf"):
            raise InputError(Path("--assume"), f"{name} has to be a number, got {value}")


def required(assumed: Assumed, name: str, known: Mapping[str, str]) -> float:
    """Raises InputError where there is no pilot to take it from."""
    if name not in assumed:
        raise InputError(
            Path("--assume"), f"there is no pilot here, so say {name}=... ({known[name]}); or run the pilot first"
        )  # fmt: skip
    return assumed[name]
