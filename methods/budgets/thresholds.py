"""Which score threshold keeps a false-positive budget, or has the best F1; a row fires at score >= threshold."""

from bisect import bisect_right
from dataclasses import dataclass
from math import ceil, inf, log, log1p, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from methods.statistics.intervals import upper_bound
from methods.statistics.ranking import finite_scores, labelled_scores

Scores = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]

_SAMPLE = 1 << 14  # rows that estimate the window of _boundary


@dataclass(frozen=True)
class MinedThreshold:
    """`at_mined_edge`: a lower threshold might have more recall, but the mined rows do not reach so low."""

    threshold: float
    status: Literal["feasible", "infeasible", "at_mined_edge"]


@dataclass(frozen=True)
class GuaranteedThreshold:
    """`allowed` is -1 and `upper_bound` the best that `negatives` rows can give where `negatives < needed`."""

    threshold: float
    status: Literal["feasible", "infeasible", "undetermined"]
    allowed: int
    negatives: int
    needed: int
    upper_bound: float


@dataclass(frozen=True)
class AnyLabelThreshold:
    """As GuaranteedThreshold, but counted in test rows on which any label fires; `step` is -1 if infeasible.

    Infeasible with `negatives >= needed` means that already the strictest step of the path fires too often.
    """

    thresholds: Floats
    status: Literal["feasible", "infeasible"]
    step: int
    allowed: int
    negatives: int
    needed: int
    upper_bound: float


def empirical_threshold(scores: Scores, positive: NDArray[np.bool_], max_fpr: float) -> float:
    """The observed score with the most recall whose false-positive rate is <= max_fpr; inf if there is none.

    The rate is over all rows with `positive` False. Ties in recall go to the higher threshold: where no
    positive lies within the budget, that is the highest observed score, if it is within the budget itself.
    """
    scores, positive = labelled_scores(scores, positive)
    budget = false_positive_budget(scores.size - int(np.count_nonzero(positive)), max_fpr)
    return _most_recall(scores, positive, _boundary(scores, positive, budget))


def mined_threshold(
    scores: Scores, positive: NDArray[np.bool_], mined: Scores, population: int, max_fpr: float
) -> MinedThreshold:
    """The empirical rule over `scores` plus a pool of `population` negatives, of which `mined` are the highest.

    False-positive rate at t: (negatives in scores >= t, plus mined >= t) / (negatives in scores + population).
    The unselected rows of the pool score below every mined one, so this holds for t >= min(mined) and only such
    observed scores are candidates, unless `mined` is the whole pool. Mining must not split a tie.
    """
    scores, positive = labelled_scores(scores, positive)
    mined = finite_scores(mined, "mined")
    if not 0 < mined.size <= population:
        raise ValueError(f"expected 1 to population={population} mined scores, got {mined.size}")
    budget = false_positive_budget(int(np.count_nonzero(~positive)) + population, max_fpr)
    scores = np.concatenate([scores, mined])
    positive = np.concatenate([positive, np.zeros(mined.size, dtype=np.bool_)])
    boundary = _boundary(scores, positive, budget)
    edge = -inf if mined.size == population else float(mined.min())
    threshold = _most_recall(scores, positive, boundary, edge)
    if threshold == inf:
        return MinedThreshold(inf, "infeasible")
    out_of_reach = positive & (scores > boundary) & (scores < edge)
    return MinedThreshold(threshold, "at_mined_edge" if out_of_reach.any() else "feasible")


def allowed_false_positives(n: int, alpha: float, delta: float) -> int:
    """The largest j with P(Bin(n, alpha) <= j) <= delta, equality up to rounding included; -1 if there is none."""
    _check_risk(alpha, delta)
    tolerated = delta * (1 + 1e-12)
    return bisect_right(range(n), tolerated, key=lambda j: float(bdtr(j, n, alpha))) - 1


def negatives_needed(alpha: float, delta: float) -> int:
    """The fewest negatives that can support the guarantee at all: ceil(ln delta / ln(1 - alpha))."""
    _check_risk(alpha, delta)
    needed = max(1, ceil(log(delta) / log1p(-alpha)) - 1)  # one less, in case the quotient was rounded up
    while allowed_false_positives(needed, alpha, delta) < 0:
        needed += 1
    return needed


def guaranteed_threshold(
    negative_scores: Scores, alpha: float, delta: float, population: int | None = None
) -> GuaranteedThreshold:
    """P(true false-positive rate > alpha) <= delta, for negatives that are a sample of those to come.

    The Neyman-Pearson umbrella algorithm (Tong, Feng & Li 2018, proposition 1), which equals the one-sided
    Clopper-Pearson bound and fixed-sequence Learn-then-Test: just above the (allowed + 1)-th largest negative.
    With `population`, the scores are the highest of so many negatives (mined): the guarantee is over all of
    them, and the status is `undetermined` (threshold inf) where that order statistic was not mined.
    """
    scores = finite_scores(negative_scores, "negative_scores")
    n = scores.size if population is None else population
    if scores.size > n:
        raise ValueError(f"expected population >= {scores.size}, the number of scores given, got {n}")
    certificate = _certificate(n, alpha, delta)
    allowed = certificate[0]
    if allowed < 0:
        return GuaranteedThreshold(inf, "infeasible", *certificate)
    if allowed >= scores.size:
        return GuaranteedThreshold(inf, "undetermined", *certificate)
    return GuaranteedThreshold(float(just_above(_largest(scores, allowed))), "feasible", *certificate)


def any_label_threshold(
    path_scores: Scores, test_scores: Scores, alpha: float, delta: float
) -> AnyLabelThreshold:
    """P(P(any label fires on a clean row) > alpha) <= delta, by a path of thresholds and fixed-sequence testing.

    Rows are clean rows, columns labels. Step q of the path puts each label's threshold just above its (q+1)-th
    largest path score. The test rows, which had no part in the path, test the steps from strict to loose with
    exact binomial p-values up to the first that fails (Angelopoulos et al. 2021, Learn then Test, section 2.3);
    since false positives only grow along the path, that is the last step with at most `allowed` of them.
    """
    path, test = np.asarray(path_scores), np.asarray(test_scores)
    if path.ndim != 2 or test.ndim != 2 or path.shape[1] != test.shape[1] or path.dtype != test.dtype:
        got = f"{path.shape} {path.dtype} and {test.shape} {test.dtype}"
        raise ValueError(f"expected path_scores (m, labels), test_scores (n, labels) of one dtype, got {got}")
    path, test = finite_scores(path, "path_scores", ndim=2), finite_scores(test, "test_scores", ndim=2)
    certificate = _certificate(len(test), alpha, delta)
    allowed = certificate[0]
    fires = np.sort(_first_firing_step(path, test))
    step = min(len(path), int(fires[allowed])) - 1 if allowed >= 0 else -1
    if step < 0:
        return AnyLabelThreshold(np.full(path.shape[1], inf), "infeasible", -1, *certificate)
    thresholds = just_above(_largest(path, step)).astype(np.float64)
    return AnyLabelThreshold(thresholds, "feasible", step, *certificate)


def accepted_counts(
    scores: Scores, true_positive: NDArray[np.bool_]
) -> tuple[Scores, NDArray[np.int64], NDArray[np.int64]]:
    """Distinct scores from high to low; true positives and rows at or above each."""
    scores = finite_scores(scores, "scores")
    falling = np.argsort(-scores, kind="stable")
    ordered = scores[falling]
    last = np.flatnonzero(np.diff(ordered, append=-inf))
    hits = np.cumsum(np.asarray(true_positive, dtype=np.int64)[falling])
    return ordered[last], hits[last], last + 1


def false_positive_budget(negatives: int, max_fpr: float) -> int:
    """The most false positives whose share of the negatives is within max_fpr, a share that equals it up to rounding
    included: 3 of 150 at .02, and 1 of 130 at .01 / 1.3."""
    if not 0 <= max_fpr <= 1:
        raise ValueError(f"expected max_fpr within [0, 1], got {max_fpr}")
    return int(max_fpr * negatives * (1 + 1e-12))


def just_above(scores: Any) -> Any:
    """The next number in the dtype of the scores: a float64 next to a float32 score would round back and fire."""
    return np.nextafter(scores, np.asarray(inf, dtype=scores.dtype))


def _most_recall(scores: Scores, positive: NDArray[np.bool_], boundary: float, edge: float = -inf) -> float:
    """The lowest positive above `boundary` and at or above `edge`; if none, the highest score that is; else inf."""
    reached = positive & (scores > boundary) & (scores >= edge)
    step = max(1, scores.size // _SAMPLE)
    sampled = scores[::step][reached[::step]].min(initial=inf)  # so that few rows are left to gather
    lowest = float(scores[np.flatnonzero(reached & (scores <= sampled))].min(initial=inf))
    if lowest < inf:
        return lowest
    highest = float(scores.max())
    return highest if highest > boundary and highest >= edge else inf


def _boundary(scores: Scores, positive: NDArray[np.bool_], budget: int) -> float:
    """The (budget + 1)-th largest negative: a row that fires at it is over budget; -inf if there is none.

    Sought first in a window placed by a sample, which may miss, since gathering all negatives costs the most.
    """
    step = max(1, scores.size // _SAMPLE)
    sample = np.sort(scores[::step][~positive[::step]])
    rank = (budget + 1) / step
    margin = 5 * sqrt(rank) + 10
    low, high = int(sample.size - rank - margin), int(sample.size - rank + margin)
    if low >= 0:
        ceiling = sample[high] if high < sample.size else inf
        window = scores[np.flatnonzero((scores >= sample[low]) & (scores <= ceiling) & ~positive)]
        left = budget - int(np.count_nonzero((scores > ceiling) & ~positive))
        if 0 <= left < window.size:
            return float(_largest(window, left))
    negatives = scores[~positive]
    return float(_largest(negatives, budget)) if budget < negatives.size else -inf


def _first_firing_step(path: Scores, test: Scores) -> NDArray[np.intp]:
    """Per test row, the first step at which any label fires: how many path scores are >= its own."""
    rising = np.sort(path, axis=0)
    first = np.full(len(test), len(path), dtype=np.intp)
    for label in range(path.shape[1]):
        np.minimum(first, len(path) - np.searchsorted(rising[:, label], test[:, label]), out=first)
    return first


def _largest(scores: Scores, rank: int) -> Any:
    """The score at `rank` from the top (0 = the largest), along the first axis."""
    at = len(scores) - 1 - rank
    return np.partition(scores, at, axis=0)[at]


def _certificate(n: int, alpha: float, delta: float) -> tuple[int, int, int, float]:
    """allowed, negatives, needed, upper_bound of the records."""
    allowed = allowed_false_positives(n, alpha, delta)
    bound = float(upper_bound(max(allowed, 0), n, 1 - delta))
    return allowed, n, negatives_needed(alpha, delta), bound


def _check_risk(alpha: float, delta: float) -> None:
    if not (0 < alpha < 1 and 0 < delta < 1):
        raise ValueError(f"expected alpha and delta within (0, 1), got alpha={alpha}, delta={delta}")
