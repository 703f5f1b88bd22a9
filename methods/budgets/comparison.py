"""The comparison table: one row per option and label, and pooled rows, all by one evaluator."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.budgets.evaluation import (
    Bools,
    Confusion,
    PooledDraws,
    any_label_rate,
    confusion,
    draws_interval,
    joint_verdict,
    macro,
    pooled_draws,
    rate,
)
from methods.budgets.precision_intervals import base_rate_precision, precision
from methods.budgets.rate_verdicts import BudgetPromise, HoldoutRows, label_bounds, label_verdicts, ratio
from methods.statistics.intervals import mcnemar_exact

Index = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BudgetSettings:
    """level of the intervals and bounds, the bootstrap, and the clean share of real traffic."""

    level: float
    clean_share: float
    resamples: int
    seed: int


@dataclass(frozen=True)
class OptionDecisions:
    """What one option decided, fired (rows, labels), with its counts and its bootstrap over groups."""

    fired: Bools
    counts: Confusion
    draws: PooledDraws


@dataclass(frozen=True, kw_only=True)
class OptionResult:
    """One option on one label, or pooled over labels (micro: all decisions alike, macro: mean over labels).

    None where there is nothing to divide by, or where a pooled row has no such figure. fpr_floor and fpr_bound are
    one-sided lower and upper bounds. Differences are to the control, on the same rows: recall_gained / recall_lost
    count positives that only this option / only the control caught, fp_more / fp_fewer likewise for false
    positives, each with its exact McNemar p.
    """

    verdict: str
    tp: int | None = None
    fp: int | None = None
    fn: int | None = None
    tn: int | None = None
    precision: float | None = None
    precision_low: float | None = None
    precision_high: float | None = None
    precision_at_base_rate: float | None = None
    precision_at_base_rate_low: float | None = None
    precision_at_base_rate_high: float | None = None
    recall: float | None = None
    recall_low: float | None = None
    recall_high: float | None = None
    fpr: float | None = None
    fpr_low: float | None = None
    fpr_high: float | None = None
    fpr_floor: float | None = None
    fpr_bound: float | None = None
    any_label_fpr: float | None = None
    any_label_low: float | None = None
    any_label_high: float | None = None
    recall_gained: int | None = None
    recall_lost: int | None = None
    recall_p: float | None = None
    fp_more: int | None = None
    fp_fewer: int | None = None
    fp_p: float | None = None
    delta_recall: float | None = None
    delta_recall_low: float | None = None
    delta_recall_high: float | None = None
    delta_fpr: float | None = None
    delta_fpr_low: float | None = None
    delta_fpr_high: float | None = None


def option_decisions(
    fired: Sequence[Bools], rows: HoldoutRows, settings: BudgetSettings
) -> list[OptionDecisions]:
    """One for each option. fired: of each, (rows, labels)."""
    draws = pooled_draws(fired, rows.positive, rows.group, settings.resamples, settings.seed)
    return [
        OptionDecisions(each, confusion(each, rows.positive), of_option)
        for each, of_option in zip(fired, draws, strict=True)
    ]


def option_results(
    option: OptionDecisions,
    control: OptionDecisions,
    rows: HoldoutRows,
    promise: BudgetPromise,
    settings: BudgetSettings,
) -> list[OptionResult]:
    """A result a label, then micro, then macro."""
    bounds = label_bounds(option.fired, rows, promise.target, settings.level)
    verdicts = label_verdicts(option.fired, bounds, rows, promise, settings.level)
    joint = joint_verdict(verdicts)
    return [
        *(
            _label_result(column, option, control, rows, bounds[column], verdict, settings)
            for column, verdict in enumerate(verdicts)
        ),
        _micro_result(option, control, rows, joint, settings),
        _macro_result(option, control, joint, settings.level),
    ]


def _label_result(
    column: int,
    option: OptionDecisions,
    control: OptionDecisions,
    rows: HoldoutRows,
    bounds: tuple[float, float],
    verdict: str,
    settings: BudgetSettings,
) -> OptionResult:
    hit, base, positive = option.fired[:, column], control.fired[:, column], rows.positive[:, column]
    counts = option.counts
    tp, fp, fn, tn = (int(cell[column]) for cell in (counts.tp, counts.fp, counts.fn, counts.tn))
    recall = rate(tp, rows.group[positive], settings.level)
    false = rate(fp, rows.group[~positive], settings.level)
    gained, lost = int((hit & ~base & positive).sum()), int((~hit & base & positive).sum())
    more, fewer = int((hit & ~base & ~positive).sum()), int((~hit & base & ~positive).sum())
    return OptionResult(
        verdict=verdict,
        tp=tp,
        fp=fp,
        fn=fn,
        tn=tn,
        **_precisions(hit, positive, rows.clean, rows.group, settings),
        recall=recall.value,
        recall_low=recall.low,
        recall_high=recall.high,
        fpr=false.value,
        fpr_low=false.low,
        fpr_high=false.high,
        fpr_floor=bounds[0],
        fpr_bound=bounds[1],
        recall_gained=gained,
        recall_lost=lost,
        recall_p=float(mcnemar_exact(gained, lost)),
        fp_more=more,
        fp_fewer=fewer,
        fp_p=float(mcnemar_exact(more, fewer)),
        delta_recall=ratio(gained - lost, tp + fn),
        delta_fpr=ratio(more - fewer, fp + tn),
    )


def _micro_result(
    option: OptionDecisions,
    control: OptionDecisions,
    rows: HoldoutRows,
    verdict: str,
    settings: BudgetSettings,
) -> OptionResult:
    counts, against = option.counts, control.counts
    tp, fp, fn, tn = (int(cell.sum()) for cell in (counts.tp, counts.fp, counts.fn, counts.tn))
    hits, clean = any_label_rate(option.fired, rows.positive)
    any_label = rate(hits, rows.group[clean], settings.level)
    return OptionResult(
        verdict=verdict,
        tp=tp,
        fp=fp,
        fn=fn,
        tn=tn,
        **_micro_precisions(option.fired, rows, settings),
        recall=ratio(tp, tp + fn),
        fpr=ratio(fp, fp + tn),
        any_label_fpr=any_label.value,
        any_label_low=any_label.low,
        any_label_high=any_label.high,
        delta_recall=ratio(tp - int(against.tp.sum()), tp + fn),
        delta_fpr=ratio(fp - int(against.fp.sum()), fp + tn),
        **_ends("recall", option.draws.micro_recall, control.draws.micro_recall, settings.level),
        **_ends("fpr", option.draws.micro_fpr, control.draws.micro_fpr, settings.level),
    )


def _macro_result(
    option: OptionDecisions, control: OptionDecisions, verdict: str, level: float
) -> OptionResult:
    counts, against = option.counts, control.counts
    recall, fpr = macro(counts.tp, counts.tp + counts.fn), macro(counts.fp, counts.fp + counts.tn)
    return OptionResult(
        verdict=verdict,
        precision=macro(counts.tp, counts.tp + counts.fp),
        recall=recall,
        fpr=fpr,
        delta_recall=_minus(recall, macro(against.tp, against.tp + against.fn)),
        delta_fpr=_minus(fpr, macro(against.fp, against.fp + against.tn)),
        **_ends("recall", option.draws.macro_recall, control.draws.macro_recall, level),
        **_ends("fpr", option.draws.macro_fpr, control.draws.macro_fpr, level),
    )


def _ends(name: str, draws: Floats, base: Floats, level: float) -> dict[str, Any]:
    """Interval ends of a pooled figure and of its paired difference to the control."""
    low, high = draws_interval(draws, level)
    delta_low, delta_high = draws_interval(draws - base, level)
    return {
        f"{name}_low": low,
        f"{name}_high": high,
        f"delta_{name}_low": delta_low,
        f"delta_{name}_high": delta_high,
    }


def _precisions(
    fired: Bools, positive: Bools, clean: Bools, group: Index, settings: BudgetSettings
) -> dict[str, Any]:
    found = {
        "precision": precision(fired, positive, group, settings.level),
        "precision_at_base_rate": base_rate_precision(
            settings.clean_share, fired, positive, clean, group, settings.level
        ),
    }
    return {
        name: value
        for stem, share in found.items()
        for name, value in ((stem, share.value), (f"{stem}_low", share.low), (f"{stem}_high", share.high))
    }


def _micro_precisions(fired: Bools, rows: HoldoutRows, settings: BudgetSettings) -> dict[str, Any]:
    """Over all decisions: every label of a row weighs as its row does, and those of one row count as one."""
    labels = rows.positive.shape[1]
    clean, group = np.repeat(rows.clean, labels), np.repeat(rows.group, labels)
    return _precisions(fired.ravel(), rows.positive.ravel(), clean, group, settings)


def _minus(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or theirs is None else ours - theirs
