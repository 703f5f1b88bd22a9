"""Choose among options on rows that do not report: the best within the budget, or a simpler one just as good."""

from dataclasses import dataclass

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

    def of_labels(self, chosen: Bools) -> "Decisions":
        return Decisions(self.fired[:, :, chosen], self.positive[:, chosen], self.group)


@dataclass(frozen=True)
class Choice:
    """chosen, best and rival are option numbers; best is None where no option stays within the budget, rival (the
    eligible option with the most recall beside the chosen one) where there is no other.

    gain and lead are intervals of the chosen option's recall over the control's and over the rival's. Without a
    label to judge, recall is NaN and the intervals are None.
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
    folds: Decisions, max_fpr: float, judged: Bools, ranked: Bools, level: float, resamples: int, seed: int
) -> Choice:
    """Highest pooled recall (over `ranked` labels) among options that catch a positive of every `judged` label and
    whose pooled false-positive rate is at most `max_fpr` there, else option 0, the control. Where an earlier eligible
    option's recall cannot be told from the best one's (paired bootstrap over groups holds 0), the earliest such is kept.

    recall (options,), fpr (options, labels). Without a judged label there is nothing to choose by: option 0.
    """
    counts = [confusion(fired, folds.positive) for fired in folds.fired]
    fpr = np.array([c.fp / np.maximum(c.fp + c.tn, 1) for c in counts])
    if not judged.any() or not ranked.any():
        none = np.zeros(len(folds.fired), dtype=np.bool_)
        return Choice(0, None, None, none, np.full(len(none), np.nan), fpr, None, None)
    ranking = folds.of_labels(ranked)
    recall = np.array([_pooled_recall(fired, ranking.positive) for fired in ranking.fired])
    # A threshold that catches nothing keeps every budget, and is no answer.
    catches = np.array([c.tp > 0 for c in counts])
    eligible = np.asarray(((fpr <= max_fpr) & catches)[:, judged].all(axis=1))
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
    others = eligible & (np.arange(len(recall)) != chosen)
    rival = int(np.argmax(np.where(others, recall, -1.0))) if others.any() else None
    gain = draws_interval(draws[chosen] - draws[0], level)
    lead = None if rival is None else draws_interval(draws[chosen] - draws[rival], level)
    return Choice(chosen, best, rival, eligible, recall, fpr, gain, lead)


def _pooled_recall(fired: Bools, positive: Bools) -> float:
    return float((fired & positive).sum() / max(int(positive.sum()), 1))
