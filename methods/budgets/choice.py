"""Choose among options on rows that do not report: the best within the budget, or a simpler one just as good."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.budgets.evaluation import Bools, draws_interval
from methods.statistics.joint_bootstrap import group_sums, joint_bootstrap

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Decisions:
    """What every option decided on the folds: fired (options, rows, labels), positive (rows, labels), group (rows)."""

    fired: Bools
    positive: Bools
    group: NDArray[np.int64]


@dataclass(frozen=True)
class Resampling:
    """level of the intervals, resamples and seed of the joint bootstrap over groups."""

    level: float
    resamples: int
    seed: int


@dataclass(frozen=True)
class OptionChoice:
    """chosen, best and rival are option numbers; best is None where no option is eligible, rival (the eligible option
    with the most recall beside the chosen one) where there is no other.

    eligible, recall, fpr (options,). gain and lead are intervals of the chosen option's recall over the control's and
    over the rival's.
    """

    chosen: int
    best: int | None
    rival: int | None
    eligible: Bools
    recall: Floats
    fpr: Floats
    gain: tuple[float, float]
    lead: tuple[float, float] | None


def choose_for_label(
    folds: Decisions, label: int, max_fpr: float, candidates: Bools, resampling: Resampling
) -> OptionChoice:
    """Highest recall on one label among the candidates (options,) that catch a positive and whose false-positive rate is
    at most `max_fpr` there, else option 0, the control. Where an earlier eligible option's recall cannot be told from the
    best one's (joint bootstrap over the groups of its positives), the earliest such is kept."""
    positive, fired = folds.positive[:, label], folds.fired[:, :, label]
    fpr = fired[:, ~positive].sum(axis=1) / max(int((~positive).sum()), 1)
    return _choose(fired[:, positive], folds.group[positive], fpr, candidates & (fpr <= max_fpr), resampling)


def choose_whole(
    folds: Decisions, which: Bools, max_fpr: float, candidates: Bools, resampling: Resampling
) -> OptionChoice:
    """One option for all of the labels `which` (labels,): recall pooled over them, the rate that of clean rows on which
    any label fires, and a positive of each of them caught."""
    clean = ~folds.positive.any(axis=1)
    fpr = folds.fired[:, clean].any(axis=2).sum(axis=1) / max(int(clean.sum()), 1)
    row, label = np.nonzero(folds.positive & which)
    catches = np.asarray((folds.fired & folds.positive).any(axis=1))[:, which].all(axis=1)
    within = candidates & (fpr <= max_fpr) & catches
    return _choose(folds.fired[:, row, label], folds.group[row], fpr, within, resampling)


def _choose(
    caught: Bools, groups: NDArray[np.int64], fpr: Floats, within: Bools, resampling: Resampling
) -> OptionChoice:
    """caught (options, positives), of which `groups` (positives,) are resampled whole and for all options at once."""
    recall = caught.mean(axis=1)
    # A threshold that catches nothing keeps every budget, and is no answer.
    eligible = np.asarray(within & (recall > 0))
    sums = group_sums(np.concatenate([caught, np.ones_like(caught[:1])]).T, groups)
    draws = joint_bootstrap(sums, _recalls, resampling.resamples, resampling.seed)

    def over(one: int, other: int) -> tuple[float, float]:
        return draws_interval(draws[:, one] - draws[:, other], resampling.level)

    best = _most_recall(recall, eligible)
    chosen = 0 if best is None else best
    for earlier in np.flatnonzero(eligible[:chosen]).tolist():
        low, high = over(chosen, earlier)
        if low <= 0 <= high:
            chosen = earlier
            break
    rival = _most_recall(recall, eligible & (np.arange(len(recall)) != chosen))
    lead = None if rival is None else over(chosen, rival)
    return OptionChoice(chosen, best, rival, eligible, recall, fpr, over(chosen, 0), lead)


def _recalls(sums: Floats) -> Floats:
    return np.asarray(sums[:, :-1] / sums[:, -1:])


def _most_recall(recall: Floats, among: Bools) -> int | None:
    return int(np.argmax(np.where(among, recall, -1.0))) if among.any() else None
