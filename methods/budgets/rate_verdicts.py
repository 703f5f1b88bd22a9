"""Is an option's false-positive rate within its promise? Its verdicts by label and over labels, without intervals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.budgets.evaluation import (
    SILENT,
    Bools,
    budget_bounds,
    budget_verdict,
    confusion,
    joint_verdict,
    macro,
)

Index = NDArray[np.int64]


@dataclass(frozen=True)
class HoldoutRows:
    """The rows that report: positive (rows, labels) and the group of exact duplicates (rows,)."""

    positive: Bools
    group: Index

    @property
    def clean(self) -> Bools:
        return np.asarray(~self.positive.any(axis=1))


@dataclass(frozen=True)
class BudgetPromise:
    """The false-positive rate that an option promises: label by label, or of clean rows on which any label fires.

    silent (labels,) marks thresholds that can never fire: they promise nothing.
    """

    target: float
    any_label: bool
    silent: Bools


@dataclass(frozen=True)
class RateVerdict:
    """On one label, or pooled over labels; None where there is nothing to divide by."""

    recall: float | None
    fpr: float | None
    verdict: str


def rate_verdicts(fired: Bools, rows: HoldoutRows, promise: BudgetPromise, level: float) -> list[RateVerdict]:
    """What `option_results` says of recall, rate and verdict, in its order, without any interval or bootstrap."""
    counts = confusion(fired, rows.positive)
    verdicts = label_verdicts(fired, label_bounds(fired, rows, promise.target, level), rows, promise, level)
    caught, wrong = (counts.tp, counts.tp + counts.fn), (counts.fp, counts.fp + counts.tn)
    recalls, rates = (
        [
            *map(ratio, part.tolist(), whole.tolist()),
            ratio(int(part.sum()), int(whole.sum())),
            macro(part, whole),
        ]
        for part, whole in (caught, wrong)
    )
    joint = joint_verdict(verdicts)
    return list(map(RateVerdict, recalls, rates, [*verdicts, joint, joint]))


def label_bounds(fired: Bools, rows: HoldoutRows, budget: float, level: float) -> list[tuple[float, float]]:
    return [
        budget_bounds(hit[~positive], rows.group[~positive], budget, level)
        for hit, positive in zip(fired.T, rows.positive.T, strict=True)
    ]


def label_verdicts(
    fired: Bools, bounds: list[tuple[float, float]], rows: HoldoutRows, promise: BudgetPromise, level: float
) -> list[str]:
    if promise.any_label:
        any_fired, groups = np.asarray(fired[rows.clean].any(axis=1)), rows.group[rows.clean]
        bounds = [budget_bounds(any_fired, groups, promise.target, level)] * len(bounds)
    return [
        SILENT if silent else budget_verdict(lower, upper, promise.target)
        for silent, (lower, upper) in zip(promise.silent, bounds, strict=True)
    ]


def ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
