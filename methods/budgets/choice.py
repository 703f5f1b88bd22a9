"""Choose among options on rows that do not report: the best within the budget, or a simpler one just as good."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from methods.budgets.evaluation import Bools, confusion, draws_interval, pooled_draws

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Decisions:
    """What every option decided on the folds: fired (options, rows, labels), positive (rows, labels), group (rows)."""

    fired: Bools
    positive: Bools
    group: NDArray[np.int64]

    def of_labels(self, which: Bools) -> "Decisions":
        return Decisions(self.fired[:, :, which], self.positive[:, which], self.group)


@dataclass(frozen=True)
class OptionChoice:
    """chosen, best and rival are option numbers; best is None where no option stays within the budget, rival (the
    eligible option with the most recall beside the chosen one) where there is no other.

    gain and lead are intervals of the chosen option's recall over the control's and over the rival's. Without a
    learnable label, recall is NaN and the intervals are None.
    """

    chosen: int
    best: int | None
    rival: int | None
    eligible: Bools
    recall: Floats
    fpr: Floats
    gain: tuple[float, float] | None
    lead: tuple[float, float] | None


def choose(
    folds: Decisions, max_fpr: float, learnable: Bools, level: float, resamples: int, seed: int
) -> OptionChoice:
    """Highest recall pooled over the `learnable` labels among options that catch a positive of each of them and whose
    pooled false-positive rate is at most `max_fpr` there, else option 0, the control. Where an earlier eligible
    option's recall cannot be told from the best one's (paired bootstrap over groups holds 0), the earliest such is kept.

    recall (options,), fpr (options, labels). Without a learnable label there is nothing to choose by: option 0.
    """
    counts = [confusion(fired, folds.positive) for fired in folds.fired]
    fpr = np.array([c.fp / np.maximum(c.fp + c.tn, 1) for c in counts])
    if not learnable.any():
        none = np.zeros(len(folds.fired), dtype=np.bool_)
        return OptionChoice(0, None, None, none, np.full(len(none), np.nan), fpr, None, None)
    ranking = folds.of_labels(learnable)
    recall = np.array([_pooled_recall(fired, ranking.positive) for fired in ranking.fired])
    # A threshold that catches nothing keeps every budget, and is no answer.
    catches = np.array([c.tp > 0 for c in counts])
    eligible = np.asarray(((fpr <= max_fpr) & catches)[:, learnable].all(axis=1))

    @cache
    def draws(option: int) -> Floats:
        fired = ranking.fired[option]
        return pooled_draws(fired, ranking.positive, ranking.group, resamples, seed).micro_recall

    best = _most_recall(recall, eligible)
    chosen = 0 if best is None else best
    for earlier in np.flatnonzero(eligible[:chosen]).tolist():
        low, high = draws_interval(draws(chosen) - draws(earlier), level)
        if low <= 0 <= high:
            chosen = earlier
            break
    rival = _most_recall(recall, eligible & (np.arange(len(recall)) != chosen))
    gain = draws_interval(draws(chosen) - draws(0), level)
    lead = None if rival is None else draws_interval(draws(chosen) - draws(rival), level)
    return OptionChoice(chosen, best, rival, eligible, recall, fpr, gain, lead)


def _most_recall(recall: Floats, among: Bools) -> int | None:
    return int(np.argmax(np.where(among, recall, -1.0))) if among.any() else None


def _pooled_recall(fired: Bools, positive: Bools) -> float:
    return float((fired & positive).sum() / max(int(positive.sum()), 1))
