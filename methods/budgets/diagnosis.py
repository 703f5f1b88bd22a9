"""Why thresholds fail on a label: ranking, shift, offset, or too little data."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import kolmogorov

from methods.budgets.learnability import Help, HelpRule, LabelRows, OracleRecall, oracle_recall
from methods.statistics.auroc_intervals import auroc_interval, mover
from methods.statistics.ranking import AurocInterval

Scores = NDArray[np.floating[Any]]
FEWEST = 10
TOO_LITTLE_DATA, RANKING, SHIFT, OFFSET, NONE = "too little data", "ranking", "shift", "offset", "none"


@dataclass(frozen=True)
class Diagnosis:
    """fewest: rows of the rarest class on the poorer side. oracle: on the holdout. calibration and holdout: AUROC with
    intervals (None: one class only), and change: their difference (value, low, high); quantiles .5/.9/.98 of the negatives' scores;
    p-values of the two-sample Kolmogorov-Smirnov test for negatives and positives."""

    kind: str
    fewest: int
    oracle: OracleRecall
    calibration: AurocInterval | None
    holdout: AurocInterval | None
    change: tuple[float, float, float] | None
    negatives_calibration: tuple[float, ...]
    negatives_holdout: tuple[float, ...]
    negatives_p: float
    positives_p: float


def diagnose(calibration: LabelRows, holdout: LabelRows, rule: HelpRule) -> Diagnosis:
    """Of one label on both slices, the first of these that applies:

    too little data (fewer than ten of a class on a side), ranking (no threshold can be shown to help on the holdout,
    `oracle_recall`), shift (the two AUROCs differ), offset (no difference can be seen, but scores have moved), none.
    """
    (before, was), (after, is_) = ((each.scores, each.positive) for each in (calibration, holdout))
    ranking, reranking = _auroc(calibration.scored, rule.level), _auroc(holdout.scored, rule.level)
    change = _change(ranking, reranking) if ranking and reranking else None
    p_negative, p_positive = _ks(before[~was], after[~is_]), _ks(before[was], after[is_])
    fewest = min(int(was.sum()), int((~was).sum()), int(is_.sum()), int((~is_).sum()))
    oracle = oracle_recall(holdout, rule)
    if change is None or fewest < FEWEST:
        kind = TOO_LITTLE_DATA
    elif oracle.kind != Help.YES:
        kind = RANKING
    elif not change[1] <= 0 <= change[2]:
        kind = SHIFT
    else:
        kind = OFFSET if min(p_negative, p_positive) < (1 - rule.level) / 2 else NONE
    return Diagnosis(
        kind,
        fewest,
        oracle,
        ranking,
        reranking,
        change,
        _quantiles(before[~was]),
        _quantiles(after[~is_]),
        p_negative,
        p_positive,
    )


def _change(before: AurocInterval, after: AurocInterval) -> tuple[float, float, float]:
    """(value, low, high) of two AUROCs on rows of their own."""
    ends = mover((after.low, after.auroc, after.high), (before.low, before.auroc, before.high), 0.0)
    return after.auroc - before.auroc, float(ends[0]), float(ends[1])


def _auroc(rows: LabelRows, level: float) -> AurocInterval | None:
    if not rows.positive.any() or rows.positive.all():
        return None
    return auroc_interval(rows.scores, rows.positive, rows.group, level)


def _quantiles(scores: Scores) -> tuple[float, ...]:
    return tuple(float(q) for q in np.quantile(scores, [0.5, 0.9, 0.98])) if len(scores) else ()


def _ks(a: Scores, b: Scores) -> float:
    """Asymptotic p-value of the two-sample Kolmogorov-Smirnov statistic; 1 where a side is empty."""
    if not len(a) or not len(b):
        return 1.0
    a, b = np.sort(a), np.sort(b)
    at = np.concatenate([a, b])
    gap = np.abs(np.searchsorted(a, at, "right") / len(a) - np.searchsorted(b, at, "right") / len(b)).max()
    return float(kolmogorov(gap * np.sqrt(len(a) * len(b) / (len(a) + len(b)))))
