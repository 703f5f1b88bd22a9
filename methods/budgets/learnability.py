"""Can any threshold of a label help: does the best one inside the budget catch more than chance would?"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from methods.budgets.evaluation import Bools
from methods.budgets.thresholds import false_positive_budget
from methods.statistics.intervals import upper_bound

FEWEST_POSITIVES = 10


class Help(StrEnum):
    """Whether a threshold inside the budget is worth having: there is one; none is; the rows cannot tell."""

    YES = "learnable"
    NO = "no threshold helps"
    UNCLEAR = "cannot tell"


@dataclass(frozen=True)
class OracleRecall:
    """The most positives that one threshold catches within the budget, chosen on the very rows that it is counted on.
    upper: one-sided bound of that share. p: of as many or more, were positives scored as negatives are."""

    kind: Help
    caught: int
    positives: int
    upper: float
    p: float


@dataclass(frozen=True)
class LabelRows:
    """Rows of one label, each (n,): scores (NaN: not scored), positive, and the group of equal texts."""

    scores: NDArray[np.floating[Any]]
    positive: Bools
    group: NDArray[np.int64]

    @property
    def scored(self) -> "LabelRows":
        those = ~np.isnan(self.scores)
        return LabelRows(self.scores[those], self.positive[those], self.group[those])


@dataclass(frozen=True)
class HelpRule:
    """max_fpr: the budget. least_recall: a threshold that catches a smaller share is no help."""

    max_fpr: float
    least_recall: float
    level: float


def oracle_recall(rows: LabelRows, rule: HelpRule) -> OracleRecall:
    """Each text counts once for each answer.

    The p-value is exact for exchangeable scores: x or more positives lie above the (b + 1)-th negative if and only if at
    least x of the top x + b rows are positive, which is hypergeometric. YES needs p <= 1 - level and a share of
    `least_recall`; NO an upper bound below it; both at least `FEWEST_POSITIVES`.
    """
    scores, positive, group = rows.scored.scores, rows.scored.positive, rows.scored.group
    once = np.unique(np.stack([group, positive]), axis=1, return_index=True)[1]
    hits, misses = scores[once][positive[once]], np.sort(scores[once][~positive[once]])[::-1]
    budget = false_positive_budget(len(misses), rule.max_fpr)
    caught = int((hits > misses[budget]).sum()) if budget < len(misses) else len(hits)
    p = float(hypergeom.sf(caught - 1, len(once), len(hits), min(caught + budget, len(once))))
    upper = float(upper_bound(caught, len(hits), rule.level))
    if min(len(hits), len(misses)) < FEWEST_POSITIVES:
        kind = Help.UNCLEAR
    elif p <= 1 - rule.level and caught >= rule.least_recall * len(hits):
        kind = Help.YES
    else:
        kind = Help.NO if upper < rule.least_recall else Help.UNCLEAR
    return OracleRecall(kind, caught, len(hits), upper, p)
