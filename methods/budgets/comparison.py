"""The comparison table: one row per option and label, and pooled rows, all judged by one evaluator."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.budgets.evaluation import (
    SILENT,
    Bools,
    Confusion,
    PooledDraws,
    any_label_rate,
    budget_bounds,
    budget_verdict,
    confusion,
    draws_interval,
    joint_verdict,
    macro,
    pooled_draws,
    rate,
)
from methods.budgets.precision_intervals import base_rate_precision, precision
from methods.statistics.intervals import mcnemar_exact

Index = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """The rows that report: positive (rows, labels) and the group of exact duplicates (rows,)."""

    positive: Bools
    group: Index
    labels: list[str]

    @property
    def clean(self) -> Bools:
        return np.asarray(~self.positive.any(axis=1))


@dataclass(frozen=True)
class Settings:
    """level of the intervals and bounds, the bootstrap, and the clean share of real traffic."""

    level: float
    clean_share: float
    resamples: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Row:
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


def option_rows(
    fired: Bools,
    control: Bools,
    judged: Judged,
    silent: Bools,
    target: float,
    any_label: bool,
    settings: Settings,
) -> list[Row]:
    """A row a label, then micro, then macro; fired and control are (rows, labels) decisions, silent (labels,)
    marks thresholds that can never fire.

    An any_label option promises its target for clean rows on which any label fires: its verdicts are about that.
    """
    counts = confusion(fired, judged.positive)
    promise = _any_label_verdict(fired, judged, target, settings) if any_label else None
    rows = [
        _label_row(
            column, fired, control, judged, counts, target, SILENT if silent[column] else promise, settings
        )
        for column in range(len(judged.labels))
    ]
    verdict = joint_verdict([row.verdict for row in rows])
    draws, base = (
        pooled_draws(decided, judged.positive, judged.group, settings.resamples, settings.seed)
        for decided in (fired, control)
    )
    against = confusion(control, judged.positive)
    micro = _micro_row(fired, judged, counts, against, draws, base, verdict, settings)
    return [*rows, micro, _macro_row(counts, against, draws, base, verdict, settings.level)]


def _label_row(
    column: int,
    fired: Bools,
    control: Bools,
    judged: Judged,
    counts: Confusion,
    target: float,
    promise: str | None,
    settings: Settings,
) -> Row:
    hit, base, positive = fired[:, column], control[:, column], judged.positive[:, column]
    tp, fp, fn, tn = (int(cell[column]) for cell in (counts.tp, counts.fp, counts.fn, counts.tn))
    recall = rate(tp, judged.group[positive], settings.level)
    false = rate(fp, judged.group[~positive], settings.level)
    lower, upper = budget_bounds(fp, judged.group[~positive], settings.level)
    gained, lost = int((hit & ~base & positive).sum()), int((~hit & base & positive).sum())
    more, fewer = int((hit & ~base & ~positive).sum()), int((~hit & base & ~positive).sum())
    return Row(
        verdict=promise or budget_verdict(lower, upper, target),
        tp=tp,
        fp=fp,
        fn=fn,
        tn=tn,
        **_precisions(hit, positive, judged.clean, judged.group, settings),
        recall=recall.value,
        recall_low=recall.low,
        recall_high=recall.high,
        fpr=false.value,
        fpr_low=false.low,
        fpr_high=false.high,
        fpr_floor=lower,
        fpr_bound=upper,
        recall_gained=gained,
        recall_lost=lost,
        recall_p=float(mcnemar_exact(gained, lost)),
        fp_more=more,
        fp_fewer=fewer,
        fp_p=float(mcnemar_exact(more, fewer)),
        delta_recall=_ratio(gained - lost, tp + fn),
        delta_fpr=_ratio(more - fewer, fp + tn),
    )


def _micro_row(
    fired: Bools,
    judged: Judged,
    counts: Confusion,
    against: Confusion,
    draws: PooledDraws,
    base: PooledDraws,
    verdict: str,
    settings: Settings,
) -> Row:
    tp, fp, fn, tn = (int(cell.sum()) for cell in (counts.tp, counts.fp, counts.fn, counts.tn))
    hits, clean = any_label_rate(fired, judged.positive)
    any_label = rate(hits, judged.group[clean], settings.level)
    return Row(
        verdict=verdict,
        tp=tp,
        fp=fp,
        fn=fn,
        tn=tn,
        **_micro_precisions(fired, judged, settings),
        recall=_ratio(tp, tp + fn),
        fpr=_ratio(fp, fp + tn),
        any_label_fpr=any_label.value,
        any_label_low=any_label.low,
        any_label_high=any_label.high,
        delta_recall=_ratio(tp - int(against.tp.sum()), tp + fn),
        delta_fpr=_ratio(fp - int(against.fp.sum()), fp + tn),
        **_ends("recall", draws.micro_recall, base.micro_recall, settings.level),
        **_ends("fpr", draws.micro_fpr, base.micro_fpr, settings.level),
    )


def _macro_row(
    counts: Confusion, against: Confusion, draws: PooledDraws, base: PooledDraws, verdict: str, level: float
) -> Row:
    recall, fpr = macro(counts.tp, counts.tp + counts.fn), macro(counts.fp, counts.fp + counts.tn)
    return Row(
        verdict=verdict,
        precision=macro(counts.tp, counts.tp + counts.fp),
        recall=recall,
        fpr=fpr,
        delta_recall=_minus(recall, macro(against.tp, against.tp + against.fn)),
        delta_fpr=_minus(fpr, macro(against.fp, against.fp + against.tn)),
        **_ends("recall", draws.macro_recall, base.macro_recall, level),
        **_ends("fpr", draws.macro_fpr, base.macro_fpr, level),
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


def _any_label_verdict(fired: Bools, judged: Judged, target: float, settings: Settings) -> str:
    hits, clean = any_label_rate(fired, judged.positive)
    return budget_verdict(*budget_bounds(hits, judged.group[clean], settings.level), target)


def _precisions(
    fired: Bools, positive: Bools, clean: Bools, group: Index, settings: Settings
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


def _micro_precisions(fired: Bools, judged: Judged, settings: Settings) -> dict[str, Any]:
    """Over all decisions: every label of a row weighs as its row does, and those of one row count as one."""
    labels = judged.positive.shape[1]
    clean, group = np.repeat(judged.clean, labels), np.repeat(judged.group, labels)
    return _precisions(fired.ravel(), judged.positive.ravel(), clean, group, settings)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _minus(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or theirs is None else ours - theirs
