"""Choose among options on rows that do not report: the best within the budget, or a simpler one just as good."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.evaluation import Bools, confusion, draws_interval, pooled_draws

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Decisions:
    """What every option decided on the folds: fired (options, rows, labels), positive (rows, labels), group (rows)."""

    fired: Bools
    positive: Bools
    group: NDArray[np.int64]

    def of_labels(self, chosen: Bools) -> "Decisions":
        return Decisions(self.fired[:, :, chosen], self.positive[:, chosen], self.group)


@dataclass(frozen=True)
class Choice:
    """chosen and best are option numbers; best is None where no option stays within the budget."""

    chosen: int
    best: int | None
    eligible: Bools
    recall: Floats
    fpr: Floats
    gain_low: float
    gain_high: float


def choose(
    folds: Decisions, max_fpr: float, judged: Bools, ranked: Bools, level: float, resamples: int, seed: int
) -> Choice:
    """Highest pooled recall (over `ranked` labels) among options that fire on every `judged` label and whose pooled
    false-positive rate is at most `max_fpr` there, else option 0, the control. Where an earlier eligible option's recall
    cannot be told from the best one's (paired bootstrap over groups holds 0), the earliest such is kept.

    recall (options,), fpr (options, labels); gain: interval of the chosen option's recall over the control's.
    """
    counts = [confusion(fired, folds.positive) for fired in folds.fired]
    fpr = np.array([c.fp / np.maximum(c.fp + c.tn, 1) for c in counts])
    ranking = folds.of_labels(ranked)
    recall = np.array([_pooled_recall(fired, ranking.positive) for fired in ranking.fired])
    # A threshold that never fires keeps every budget, and is no answer.
    eligible = np.asarray(((fpr <= max_fpr) & folds.fired.any(axis=1))[:, judged].all(axis=1))
    draws = [
        pooled_draws(fired, ranking.positive, ranking.group, resamples, seed).micro_recall
        for fired in ranking.fired
    ]
    best = int(np.argmax(np.where(eligible, recall, -1.0))) if eligible.any() else None
    chosen = 0 if best is None else best
    if best is not None:
        for earlier in np.flatnonzero(eligible[:best]):
            low, high = draws_interval(draws[best] - draws[earlier], level)
            if low <= 0 <= high:
                chosen = int(earlier)
                break
    low, high = draws_interval(draws[chosen] - draws[0], level)
    return Choice(chosen, best, eligible, recall, fpr, low, high)


def _pooled_recall(fired: Bools, positive: Bools) -> float:
    return float((fired & positive).sum() / max(int(positive.sum()), 1))
