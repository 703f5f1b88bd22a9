"""The comparison table: one row per option and label, and pooled rows, all judged by one evaluator."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.evaluation import (
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
    precision_at,
    rate,
)
from methods.intervals import mcnemar_exact

Index = NDArray[np.int64]


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


@dataclass(frozen=True)
class Row:
    """One option on one label, or pooled over labels (micro: all decisions alike, macro: mean over labels).

    None where there is nothing to divide by, or where a pooled row has no such figure. fpr_bound: one-sided upper
    bound. Differences are to the control, on the same rows: *_gained / *_lost count positives that only this
    option / only the control caught, fp_more / fp_fewer likewise for false positives, with exact McNemar p.
    """

    tp: int | None
    fp: int | None
    fn: int | None
    tn: int | None
    precision: float | None
    precision_at_base_rate: float | None
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    fpr: float | None
    fpr_low: float | None
    fpr_high: float | None
    fpr_bound: float | None
    verdict: str
    any_label_fpr: float | None
    any_label_low: float | None
    any_label_high: float | None
    recall_gained: int | None
    recall_lost: int | None
    recall_p: float | None
    fp_more: int | None
    fp_fewer: int | None
    fp_p: float | None
    delta_recall: float | None
    delta_recall_low: float | None
    delta_recall_high: float | None
    delta_fpr: float | None
    delta_fpr_low: float | None
    delta_fpr_high: float | None


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
    return [*rows, _micro_row(fired, control, judged, draws, base, verdict, settings),
            _macro_row(fired, control, judged, draws, base, verdict, settings)]  # fmt: skip


def _label_row(
    column: int, fired: Bools, control: Bools, judged: Judged, counts: Confusion, target: float,
    promise: str | None, settings: Settings,
) -> Row:  # fmt: skip
    hit, base, positive = fired[:, column], control[:, column], judged.positive[:, column]
    tp, fp, fn, tn = (int(cell[column]) for cell in (counts.tp, counts.fp, counts.fn, counts.tn))
    recall = rate(tp, judged.group[positive], settings.level)
    false = rate(fp, judged.group[~positive], settings.level)
    lower, upper = budget_bounds(fp, judged.group[~positive], settings.level)
    gained, lost = int((hit & ~base & positive).sum()), int((~hit & base & positive).sum())
    more, fewer = int((hit & ~base & ~positive).sum()), int((~hit & base & ~positive).sum())
    return Row(
        tp, fp, fn, tn,
        tp / (tp + fp) if tp + fp else None,
        precision_at(settings.clean_share, hit, positive, judged.clean),
        recall.value, recall.low, recall.high,
        false.value, false.low, false.high, upper,
        promise or budget_verdict(lower, upper, target),
        None, None, None,
        gained, lost, float(mcnemar_exact(gained, lost)),
        more, fewer, float(mcnemar_exact(more, fewer)),
        (gained - lost) / (tp + fn) if tp + fn else None, None, None,
        (more - fewer) / (fp + tn) if fp + tn else None, None, None,
    )  # fmt: skip


def _micro_row(
    fired: Bools,
    control: Bools,
    judged: Judged,
    draws: PooledDraws,
    base: PooledDraws,
    verdict: str,
    settings: Settings,
) -> Row:
    sums, control_sums = confusion(fired, judged.positive), confusion(control, judged.positive)
    tp, fp, fn, tn = (int(cell.sum()) for cell in (sums.tp, sums.fp, sums.fn, sums.tn))
    hits, clean = any_label_rate(fired, judged.positive)
    any_label = rate(hits, judged.group[clean], settings.level)
    level = settings.level
    return Row(
        tp, fp, fn, tn,
        tp / (tp + fp) if tp + fp else None,
        _micro_precision(fired, judged, settings.clean_share),
        tp / (tp + fn), *draws_interval(draws.micro_recall, level),
        fp / (fp + tn), *draws_interval(draws.micro_fpr, level), None,
        verdict,
        any_label.value, any_label.low, any_label.high,
        None, None, None, None, None, None,
        (tp - int(control_sums.tp.sum())) / (tp + fn), *draws_interval(draws.micro_recall - base.micro_recall, level),
        (fp - int(control_sums.fp.sum())) / (fp + tn), *draws_interval(draws.micro_fpr - base.micro_fpr, level),
    )  # fmt: skip


def _macro_row(
    fired: Bools,
    control: Bools,
    judged: Judged,
    draws: PooledDraws,
    base: PooledDraws,
    verdict: str,
    settings: Settings,
) -> Row:
    ours, theirs = confusion(fired, judged.positive), confusion(control, judged.positive)
    recall, fpr = macro(ours.tp, ours.tp + ours.fn), macro(ours.fp, ours.fp + ours.tn)
    level = settings.level
    return Row(
        None, None, None, None,
        macro(ours.tp, ours.tp + ours.fp), None,
        recall, *draws_interval(draws.macro_recall, level),
        fpr, *draws_interval(draws.macro_fpr, level), None,
        verdict,
        None, None, None,
        None, None, None, None, None, None,
        _minus(recall, macro(theirs.tp, theirs.tp + theirs.fn)),
        *draws_interval(draws.macro_recall - base.macro_recall, level),
        _minus(fpr, macro(theirs.fp, theirs.fp + theirs.tn)),
        *draws_interval(draws.macro_fpr - base.macro_fpr, level),
    )  # fmt: skip


def _any_label_verdict(fired: Bools, judged: Judged, target: float, settings: Settings) -> str:
    hits, clean = any_label_rate(fired, judged.positive)
    return budget_verdict(*budget_bounds(hits, judged.group[clean], settings.level), target)


def _micro_precision(fired: Bools, judged: Judged, clean_share: float) -> float | None:
    """precision_at over all decisions: every label of a row weighs as its row does."""
    labels = judged.positive.shape[1]
    return precision_at(clean_share, fired.ravel(), judged.positive.ravel(), np.repeat(judged.clean, labels))


def _minus(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or theirs is None else ours - theirs
