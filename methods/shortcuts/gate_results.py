"""The data gates, and what one answers: an AUC with its intervals, or that it has no answer, and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from methods.shortcuts.claims import Claim

CORE, RADIAL, NETWORK = "core_lr_residual", "radial_lr", "core_network_residual"
QUICK = ("core_lr_raw", CORE, RADIAL, "core_trees_raw", "core_trees_residual", "radial_trees")
FINAL = "val"  # the split on the whole of which data gates run once
FOLDS = 5
FEWEST, FEWEST_GROUPS = 50, 2 * FOLDS  # rows and groups of each class, below which a gate has no answer


@dataclass(frozen=True)
class GateResult:
    """auc and its ends are None where status is undefined; reason is why, where it is known. n: rows that were scored.

    low, high: of this gate alone. family_low, family_high: so that all gates of a family hold theirs together.
    """

    auc: float | None
    low: float | None
    high: float | None
    family_low: float | None
    family_high: float | None
    n: int
    status: Literal["ok", "undefined"]
    reason: Claim | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        return None if self.low is None or self.high is None else (self.low, self.high)

    @property
    def finds(self) -> bool:
        """Whether the family's interval excludes .5: a probe that ranks the wrong way round has found something too."""
        low, high = self.family_low, self.family_high
        return low is not None and high is not None and not low <= 0.5 <= high


def undefined(n: int, reason: Claim | None = None) -> GateResult:
    return GateResult(None, None, None, None, None, n, "undefined", reason)


def pooled(results: Sequence[GateResult]) -> GateResult:
    """One gate from several seeds on the same stamps: mean AUC, and mean ends, since folds dealt anew add no stamps."""
    for each in results:
        if each.status == "undefined":
            return each
    return GateResult(
        auc=_mean(each.auc for each in results),
        low=_mean(each.low for each in results),
        high=_mean(each.high for each in results),
        family_low=_mean(each.family_low for each in results),
        family_high=_mean(each.family_high for each in results),
        n=results[0].n,
        status="ok",
    )


def _mean(values: Iterable[float | None]) -> float:
    return float(np.mean([value for value in values if value is not None]))


def family_level(level: float, tests: int) -> float:
    """The level of each of `tests` intervals so that all of them hold together with probability `level` (Bonferroni)."""
    if tests < 1:
        raise ValueError(f"expected at least one test, got {tests}")
    return 1 - (1 - level) / tests
