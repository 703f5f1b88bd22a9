"""The exact distribution of a threshold over bootstrap resamples of the rows that it was tuned on."""

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.budgets.thresholds import false_positive_budget, just_above
from methods.statistics.intervals import DEPTH, resampled_rank, resampled_top_and_rank
from methods.statistics.ranking import finite_scores, labelled_scores

Scores = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]


def threshold_distribution(
    scores: Scores, positive: NDArray[np.bool_], max_fpr: float
) -> tuple[Floats, Floats]:
    """Values (ascending, inf last) and probabilities of empirical_threshold over bootstrap resamples.

    Positives and negatives are each resampled with replacement, their numbers fixed. Exact: with everything
    sorted, the resampled order statistics are ranks whose joint law is binomial, so nothing is simulated.
    """
    scores, positive = labelled_scores(scores, positive)
    rising, falling = np.sort(scores[positive]), -np.sort(-scores[~positive])
    p, n = rising.size, falling.size
    budget = false_positive_budget(n, max_fpr)
    if budget >= n:
        first, below, mass = 0, np.zeros(1, dtype=np.intp), np.ones(1)
    else:
        first, mass = resampled_rank(n, budget)
        below = np.searchsorted(rising, falling[first : first + mass.size], side="right")
    gaps = np.arange(min(p, DEPTH) + 1)
    next_positive = -np.diff((1 - gaps / p) ** p)  # the resample's first positive is the 1st, 2nd ... above
    at_positive = np.convolve(np.bincount(below, mass, minlength=p + 1), next_positive)[:p]
    at_negative = _no_positive_above(falling, budget, first, mass, (below / p) ** p)
    lost = max(0.0, 1.0 - float(at_positive.sum() + at_negative.sum()))
    values = np.concatenate([rising, falling[: at_negative.size], [inf]])
    return _merged(values, np.concatenate([at_positive, at_negative, [lost]]))


def guaranteed_distribution(negative_scores: Scores, allowed: int) -> tuple[Floats, Floats]:
    """As threshold_distribution, for just above the (allowed + 1)-th largest negative; allowed -1 gives inf."""
    falling = -np.sort(-finite_scores(negative_scores, "negative_scores"))
    if allowed < 0:
        return np.array([inf]), np.ones(1)
    if allowed >= falling.size:
        raise ValueError(f"expected allowed < {falling.size}, the number of negatives, got {allowed}")
    first, mass = resampled_rank(falling.size, allowed)
    return _merged(just_above(falling[first : first + mass.size]), mass)


def distribution_interval(values: Floats, probabilities: Floats, level: float) -> tuple[float, float]:
    """Equal-tailed: the smallest values at which the distribution function reaches both tails."""
    cumulative = np.cumsum(probabilities)
    tail = (1 - level) / 2
    ends = np.searchsorted(cumulative, np.array([tail, 1 - tail]) - 1e-12)
    low, high = values[np.minimum(ends, values.size - 1)]
    return float(low), float(high)


def _no_positive_above(falling: Scores, budget: int, first: int, mass: Floats, missed: Floats) -> Floats:
    """Probability that the threshold is the resample's highest negative, by rank of that negative.

    No positive was drawn above the boundary (`missed`, per rank of the boundary from `first`), yet the
    highest negative lies above it.
    """
    relevant = np.flatnonzero(mass * missed > 1e-15) if budget < falling.size else np.empty(0, dtype=np.intp)
    if not relevant.size:
        return np.empty(0)
    low, high = first + int(relevant[0]), first + int(relevant[-1]) + 1
    joint = resampled_top_and_rank(falling.size, budget, low, high)
    above = falling[: len(joint), None] > falling[None, low:high]
    return np.asarray((joint * above) @ missed[low - first : high - first])


def _merged(values: Scores, masses: Floats) -> tuple[Floats, Floats]:
    distinct, where = np.unique(values, return_inverse=True)
    probabilities = np.bincount(where, masses, minlength=distinct.size)
    kept = probabilities > 1e-12
    return distinct[kept].astype(np.float64), probabilities[kept] / probabilities[kept].sum()
