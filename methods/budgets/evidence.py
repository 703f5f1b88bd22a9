"""What rows can tell about a false-positive budget: counts, bounds, the control beside them, and the risk left."""

from dataclasses import dataclass

from scipy.special import bdtr

from methods.budgets.choice import Decisions
from methods.budgets.evaluation import budget_bounds
from methods.budgets.thresholds import false_positive_budget
from methods.statistics.intervals import mcnemar_exact


@dataclass(frozen=True)
class FoldEvidence:
    """One option on one label. allowed: the most false positives whose share is within the budget; the bounds are
    one-sided (`budget_bounds`), of the false-positive rate; only_...: negatives on which only this option, only the
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
        *budget_bounds(fired[~positive], decisions.group[~positive], max_fpr, level),
        more,
        fewer,
        float(mcnemar_exact(more, fewer)),
    )


def budget_risk(allowed: int, negatives: int, max_fpr: float) -> float:
    """The risk that a threshold which leaves `allowed` of `negatives` above it has a true rate above `max_fpr`, if these
    are a sample of those to come: P(Bin(negatives, max_fpr) <= allowed), as for a guarantee. NaN without negatives."""
    return float(bdtr(allowed, negatives, max_fpr)) if negatives else float("nan")
