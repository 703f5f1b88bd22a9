"""Judge decisions against labels: one evaluator for the control, every option, the folds and the holdout."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.statistics.intervals import (
    effective_n,
    percentile_interval,
    wilson,
)
from methods.statistics.joint_bootstrap import counted_bootstrap, group_sums
from methods.statistics.weighted_rates import grouped_rate_bounds, most_that_can_hold

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
HOLDS, VIOLATES, CANNOT_TELL, SILENT = "holds", "violates", "cannot tell", "never fires"


@dataclass(frozen=True)
class Rate:
    """A share with its interval; all None where there is nothing to divide by."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Confusion:
    """Counts per label, each (labels,)."""

    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    fn: NDArray[np.int64]
    tn: NDArray[np.int64]


def confusion(fired: Bools, positive: Bools) -> Confusion:
    return Confusion(
        (fired & positive).sum(axis=0),
        (fired & ~positive).sum(axis=0),
        (~fired & positive).sum(axis=0),
        (~fired & ~positive).sum(axis=0),
    )


def rate(successes: int, groups: NDArray[np.int64], level: float) -> Rate:
    """Wilson at the effective n: rows of one group (exact duplicates) count as one. groups: of the rows divided by."""
    n = len(groups)
    if n == 0:
        return Rate(None, None, None)
    share = successes / n
    effective = effective_n(groups)
    low, high = wilson(share * effective, effective, level)
    return Rate(share, float(low), float(high))


def counted_at_most(groups: NDArray[np.int64], budget: float, level: float) -> int:
    """How often a text counts in a rate that is held against the budget: as often as it stands there, or no more often
    than lets the rest show that the rate holds it; at least once."""
    sizes = np.unique_counts(groups).counts
    return 1 if not sizes.size or sizes.max() == 1 else most_that_can_hold(groups, budget, level) or 1


def budget_bounds(
    fired: Bools, groups: NDArray[np.int64], budget: float, level: float
) -> tuple[float, float]:
    """One-sided bounds (lower, upper) of the rate of rows that fired (n,), a text counted `counted_at_most` times."""
    return grouped_rate_bounds(fired, groups, level, counted_at_most(groups, budget, level))


def budget_verdict(lower: float, upper: float, target: float) -> str:
    """Does the rate hold the target? Only where its one-sided bound is on one side of it can one tell."""
    if upper <= target:
        return HOLDS
    return VIOLATES if lower > target else CANNOT_TELL


def joint_verdict(verdicts: list[str]) -> str:
    """The worst of them; a label that never fires keeps no promise, it makes none."""
    for worst in (VIOLATES, SILENT):
        if worst in verdicts:
            return worst
    return HOLDS if verdicts and all(verdict == HOLDS for verdict in verdicts) else CANNOT_TELL


def precision_at(clean_share: float, fired: Bools, positive: Bools, clean: Bools) -> float | None:
    """Precision of one label if `clean_share` of the rows were clean; fired, positive, clean (rows,)."""
    if not clean.any() or clean.all():
        return None
    weights = np.where(clean, clean_share / clean.sum(), (1 - clean_share) / (~clean).sum())
    total = float(weights[fired].sum())
    return float(weights[fired & positive].sum()) / total if total else None


def any_label_rate(fired: Bools, positive: Bools) -> tuple[int, Bools]:
    """(clean rows on which any label fires, which rows are clean)."""
    clean = np.asarray(~positive.any(axis=1))
    return int(fired[clean].any(axis=1).sum()), clean


def worst_ratio(fold_decisions: list[tuple[Bools, Bools]], target: float, any_label: bool) -> Floats:
    """(labels,): the worst ratio of realised to target rate over folds of (fired, positive), at least 1."""
    ratios = []
    for fired, positive in fold_decisions:
        if any_label:
            hits, clean = any_label_rate(fired, positive)
            realised = np.full(positive.shape[1], hits / max(int(clean.sum()), 1))
        else:
            counts = confusion(fired, positive)
            realised = counts.fp / np.maximum(counts.fp + counts.tn, 1)
        ratios.append(realised / target)
    return np.asarray(np.maximum(np.max(ratios, axis=0), 1.0))


@dataclass(frozen=True)
class PooledDraws:
    """Bootstrap draws (resamples,) over groups; the same seed draws the same groups for every option, so that draws are
    paired."""

    micro_recall: Floats
    micro_fpr: Floats
    macro_recall: Floats
    macro_fpr: Floats


def pooled_draws(
    fired: Sequence[Bools], positive: Bools, groups: NDArray[np.int64], resamples: int, seed: int
) -> list[PooledDraws]:
    """One for each option. fired, of each, and positive (rows, labels). A label without positives (negatives) in a draw
    leaves its macro mean."""
    labels = positive.shape[1]
    counts = (
        np.concatenate([each & positive, positive, each & ~positive, ~positive], axis=1) for each in fired
    )

    def shares(sums: Floats) -> Floats:
        each = sums.reshape(len(sums), 4, labels)
        return np.stack(
            [
                _share(each[:, 0].sum(1), each[:, 1].sum(1)),
                _share(each[:, 2].sum(1), each[:, 3].sum(1)),
                _mean_share(each[:, 0], each[:, 1]),
                _mean_share(each[:, 2], each[:, 3]),
            ],
            axis=1,
        )

    draws = counted_bootstrap((group_sums(each, groups) for each in counts), shares, resamples, seed)
    return [PooledDraws(*each.T) for each in draws]


def draws_interval(draws: Floats, level: float) -> tuple[float, float]:
    low, high = percentile_interval(draws, level)
    return float(low), float(high)


def macro(successes: NDArray[np.int64], totals: NDArray[np.int64]) -> float | None:
    """Mean share over the labels that have something to divide by."""
    has = totals > 0
    return float((successes[has] / totals[has]).mean()) if has.any() else None


def _share(successes: Floats, totals: Floats) -> Floats:
    return np.asarray(successes / np.maximum(totals, 1))


def _mean_share(successes: Floats, totals: Floats) -> Floats:
    has = totals > 0
    shares = np.where(has, successes / np.maximum(totals, 1), 0.0)
    return np.asarray(shares.sum(axis=1) / np.maximum(has.sum(axis=1), 1))
