"""What rows can tell about a false-positive budget: counts, bounds, the control beside them, and how many would decide."""

from dataclasses import dataclass

import numpy as np

from methods.budgets.choice import Decisions
from methods.budgets.evaluation import budget_bounds
from methods.statistics.intervals import lower_bound, mcnemar_exact, upper_bound

MOST_ROWS = 10**9


@dataclass(frozen=True)
class Seen:
    """One option on one label. allowed: the most false positives whose share is within the budget; floor and bound:
    one-sided bounds of the false-positive rate at the effective n; more, fewer: negatives on which only this option,
    only the control fired, and the exact McNemar p of the two."""

    caught: int
    positives: int
    false_positives: int
    negatives: int
    allowed: int
    floor: float
    bound: float
    more: int
    fewer: int
    p: float


def seen(decided: Decisions, option: int, label: int, max_fpr: float, level: float) -> Seen:
    """Option 0 is the control."""
    fired, control = decided.fired[option, :, label], decided.fired[0, :, label]
    positive = decided.positive[:, label]
    negatives = int((~positive).sum())
    false_positives = int((fired & ~positive).sum())
    floor, bound = budget_bounds(false_positives, decided.group[~positive], level)
    more, fewer = int((fired & ~control & ~positive).sum()), int((~fired & control & ~positive).sum())
    return Seen(
        caught=int((fired & positive).sum()),
        positives=int(positive.sum()),
        false_positives=false_positives,
        negatives=negatives,
        allowed=int((np.arange(negatives + 1) / max(negatives, 1) <= max_fpr).sum()) - 1,
        floor=floor,
        bound=bound,
        more=more,
        fewer=fewer,
        p=float(mcnemar_exact(more, fewer)),
    )


def negatives_to_decide(rate: float, budget: float, level: float) -> int | None:
    """Negatives that are no copies of each other at which a false-positive rate that stays `rate` has its one-sided
    bound on one side of the budget; None where `rate` is the budget, or too close to it for MOST_ROWS."""

    def decided(n: int) -> bool:
        events = min(rate * n, float(n))
        if rate > budget:
            return float(lower_bound(events, n, level)) > budget
        return float(upper_bound(events, n, level)) <= budget

    if rate == budget:
        return None
    high = 1
    while not decided(high):
        high *= 2
        if high > MOST_ROWS:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high
