"""What rows can tell about a false-positive budget: counts, bounds, the control beside them, and how many would decide."""

from dataclasses import dataclass

from methods.budgets.choice import Decisions
from methods.budgets.evaluation import budget_bounds
from methods.budgets.thresholds import false_positive_budget
from methods.statistics.intervals import lower_bound, mcnemar_exact, upper_bound

MOST_ROWS = 10**9


@dataclass(frozen=True)
class FoldEvidence:
    """One option on one label. allowed: the most false positives whose share is within the budget; the bounds are
    one-sided, of the false-positive rate at the effective n; only_...: negatives on which only this option, only the
    control fired, with the exact McNemar p of the two."""

    caught: int
    positives: int
    false_positives: int
    negatives: int
    allowed: int
    fpr: float
    lower_bound: float
    upper_bound: float
    only_this_option_fired: int
    only_the_control_fired: int
    mcnemar_p: float


def fold_evidence(
    decisions: Decisions, option: int, label: int, max_fpr: float, level: float
) -> FoldEvidence:
    """Option 0 is the control."""
    fired, control = decisions.fired[option, :, label], decisions.fired[0, :, label]
    positive = decisions.positive[:, label]
    negatives = int((~positive).sum())
    false_positives = int((fired & ~positive).sum())
    more, fewer = int((fired & ~control & ~positive).sum()), int((~fired & control & ~positive).sum())
    return FoldEvidence(
        int((fired & positive).sum()),
        int(positive.sum()),
        false_positives,
        negatives,
        false_positive_budget(negatives, max_fpr),
        false_positives / max(negatives, 1),
        *budget_bounds(false_positives, decisions.group[~positive], level),
        more,
        fewer,
        float(mcnemar_exact(more, fewer)),
    )


def negatives_to_decide(rate: float, budget: float, level: float) -> int | None:
    """Negatives that are no copies of each other at which a false-positive rate that stays `rate` has its one-sided
    bound on one side of the budget; None where `rate` is the budget, or too close to it for MOST_ROWS."""

    def decides(n: int) -> bool:
        events = min(rate * n, float(n))
        if rate > budget:
            return float(lower_bound(events, n, level)) > budget
        return float(upper_bound(events, n, level)) <= budget

    if rate == budget:
        return None
    high = 1
    while not decides(high):
        high *= 2
        if high > MOST_ROWS:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high
