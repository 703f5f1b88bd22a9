"""methods.budgets.threshold_distributions against resampling with every threshold tuned again."""

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from methods.budgets.threshold_distributions import (
    distribution_interval,
    guaranteed_distribution,
    threshold_distribution,
)
from methods.budgets.thresholds import empirical_threshold
from tests.methods.budgets.test_thresholds import budgets, labelled, properties

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]


def masses(values: Floats, probabilities: Floats, support: Floats) -> Floats:
    assert np.isin(values, support).all()
    out = np.zeros(support.size)
    out[np.searchsorted(support, values)] = probabilities
    return out


def resampled(rows: Floats, runs: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    return rows[rng.integers(0, rows.size, (runs, rows.size))]


@pytest.mark.parametrize(
    ("negatives", "positives", "digits", "shift", "max_fpr"),
    [
        (100, 30, 2, 1.0, 0.02),
        (40, 3, 3, -0.5, 0.1),  # often no positive above the boundary
        (40, 3, 1, -0.5, 0.1),  # and then often tied with it
        (25, 1, 3, 0.0, 0.0),
        (12, 60, 3, 1.0, 1.0),
        (1, 4, 1, 0.0, 0.5),
    ],
)
def test_threshold_distribution_is_that_of_resampling_and_retuning(
    negatives: int, positives: int, digits: int, shift: float, max_fpr: float
) -> None:
    rng, runs = np.random.default_rng(negatives), 6000
    low, high = (
        np.round(rng.normal(size=negatives), digits),
        np.round(rng.normal(shift, 1, positives), digits),
    )
    positive = np.arange(negatives + positives) >= negatives
    values, probabilities = threshold_distribution(np.concatenate([low, high]), positive, max_fpr)
    drawn = np.concatenate([resampled(low, runs, 1), resampled(high, runs, 2)], axis=1)
    retuned = np.array([empirical_threshold(row, positive, max_fpr) for row in drawn])
    support = np.unique(np.concatenate([values, retuned]))
    expected, observed = masses(values, probabilities, support), (retuned[:, None] == support).mean(axis=0)
    assert probabilities.sum() == pytest.approx(1, abs=1e-12)
    assert (np.abs(observed - expected) <= 5 * np.sqrt(expected * (1 - expected) / runs) + 1e-9).all()


@properties
@given(labelled(most=7), budgets)
def test_threshold_distribution_is_exact(rows: tuple[Floats, Labels], max_fpr: float) -> None:
    scores, positive = rows
    low, high = scores[~positive], scores[positive]
    if low.size > 3 or high.size > 3:
        low, high = low[:3], high[:3]
    both = np.concatenate([low, high])
    labels = np.arange(both.size) >= low.size
    retuned = [
        empirical_threshold(np.concatenate([low[list(a)], high[list(b)]]), labels, max_fpr)
        for a in np.ndindex(*[low.size] * low.size)
        for b in np.ndindex(*[high.size] * high.size)
    ]
    support, counts = np.unique(retuned, return_counts=True)
    values, probabilities = threshold_distribution(both, labels, max_fpr)
    assert values.tolist() == support.tolist()
    assert probabilities == pytest.approx(counts / counts.sum(), abs=1e-10)


@pytest.mark.parametrize(("n", "allowed", "digits"), [(60, 0, 3), (60, 3, 1), (5, 4, 1)])
def test_guaranteed_distribution_is_that_of_resampling(n: int, allowed: int, digits: int) -> None:
    scores = np.round(np.random.default_rng(n).normal(size=n), digits).astype(np.float32)
    values, probabilities = guaranteed_distribution(scores, allowed)
    order = np.sort(resampled(scores.astype(np.float64), 20_000, 4), axis=1)[:, n - 1 - allowed]
    redrawn = np.nextafter(order.astype(np.float32), np.float32(np.inf)).astype(np.float64)
    support = np.unique(np.concatenate([values, redrawn]))
    expected, observed = masses(values, probabilities, support), (redrawn[:, None] == support).mean(axis=0)
    assert (np.abs(observed - expected) <= 5 * np.sqrt(expected * (1 - expected) / 20_000) + 1e-9).all()


def test_an_infeasible_guarantee_is_distributed_at_inf() -> None:
    values, probabilities = guaranteed_distribution(np.array([0.1, 0.2]), -1)
    assert (values.tolist(), probabilities.tolist()) == ([np.inf], [1.0])
    with pytest.raises(ValueError, match="expected allowed < 2"):
        guaranteed_distribution(np.array([0.1, 0.2]), 2)


def test_distribution_interval_cuts_at_most_the_tails() -> None:
    values, probabilities = np.array([1.0, 2.0, 3.0, np.inf]), np.array([0.05, 0.45, 0.44, 0.06])
    assert distribution_interval(values, probabilities, 0.9) == (1.0, np.inf)
    assert distribution_interval(values, probabilities, 0.8) == (2.0, 3.0)
    assert distribution_interval(np.array([7.0]), np.array([1.0]), 0.95) == (7.0, 7.0)
