"""Calibration errors: bins as published, bounds, nulls, and the figures of other libraries."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, log_loss

from methods.calibration.calibration_error import (
    brier_score,
    ece_null,
    equal_mass_bins,
    equal_mass_calibration_error,
    expected_calibration_error,
    negative_log_likelihood,
    null_p_value,
    smooth_calibration_error,
)
from tests.imports import ROOT

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def drawn(n: int, seed: int) -> tuple[Floats, Bools]:
    rng = np.random.Generator(np.random.Philox(seed))
    confidence = 0.5 + rng.random(n) / 2
    return confidence, rng.random(n) < confidence**2


def by_loop(confidence: Floats, correct: Bools, bins: int) -> float:
    """The definition, bin by bin: (i/b, (i+1)/b], zero in the first."""
    total = 0.0
    for i in range(bins):
        inside = (confidence > i / bins) & (confidence <= (i + 1) / bins) | ((confidence == 0) & (i == 0))
        if inside.any():
            total += inside.sum() * abs(correct[inside].mean() - confidence[inside].mean())
    return total / len(confidence)


@pytest.mark.parametrize("bins", [1, 5, 10, 15, 100])
@pytest.mark.parametrize("n", [1, 24, 1000])
def test_ece_is_its_definition(n: int, bins: int) -> None:
    confidence, correct = drawn(n, bins)
    assert expected_calibration_error(confidence, correct, bins) == pytest.approx(
        by_loop(confidence, correct, bins), abs=1e-12
    )


def test_bins_are_closed_on_the_right_zero_in_the_first_one_in_the_last() -> None:
    edges = np.arange(16) / 15
    correct = np.arange(16) % 2 == 0
    # Zero shares the first bin with 1/15; every other edge is alone in its bin.
    expected = (abs(1 - 1 / 15) + np.abs(correct[2:] - edges[2:]).sum()) / 16
    assert expected_calibration_error(edges, correct) == pytest.approx(expected)
    assert expected_calibration_error([0.0, 1.0], [0, 1]) == 0.0


@settings(derandomize=True, max_examples=200)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60), st.integers(1, 30))
def test_ece_is_at_most_the_root_of_the_brier_score(rows: list[tuple[float, bool]], bins: int) -> None:
    confidence, correct = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    brier = brier_score(np.stack([1 - confidence, confidence], axis=1), correct)
    for error in (expected_calibration_error, equal_mass_calibration_error):
        assert error(confidence, correct, bins) <= np.sqrt(brier) + 1e-9


def test_torchmetrics_agrees() -> None:
    functional = pytest.importorskip("torchmetrics.functional.classification")
    import torch  # noqa: PLC0415

    confidence, correct = drawn(500, 3)
    theirs = functional.binary_calibration_error(
        torch.from_numpy(confidence), torch.from_numpy(correct.astype(np.int64)), n_bins=15
    )
    assert expected_calibration_error(confidence, correct, 15) == pytest.approx(float(theirs), abs=1e-5)


def test_netcal_agrees() -> None:
    netcal = pytest.importorskip("netcal.metrics")
    confidence, correct = drawn(500, 4)
    theirs = netcal.ECE(10).measure(confidence, correct.astype(np.int64))
    assert expected_calibration_error(confidence, correct, 10) == pytest.approx(theirs, abs=1e-9)


def test_equal_mass_bins_hold_equally_many_rows_and_keep_ties_together() -> None:
    confidence, correct = drawn(100, 6)
    assert equal_mass_bins(confidence, correct, 10).count.tolist() == [10] * 10
    assert sorted(equal_mass_bins([0.7] * 5 + [0.9] * 5, [1] * 10, 4).count.tolist()) == [0, 0, 5, 5]
    assert equal_mass_calibration_error([0.7] * 5 + [0.9] * 5, [1] * 10, 4) == pytest.approx(0.2)


def test_the_null_is_what_simulated_calibrated_models_read() -> None:
    confidence, _ = drawn(24, 7)
    null = ece_null(confidence, 15, 4000, seed=1)
    rng = np.random.default_rng(2)
    by_hand = [expected_calibration_error(confidence, rng.random(24) < confidence, 15) for _ in range(4000)]
    assert np.quantile(null, [0.05, 0.5, 0.95]) == pytest.approx(
        np.quantile(by_hand, [0.05, 0.5, 0.95]), abs=0.01
    )
    assert np.array_equal(null, ece_null(confidence, 15, 4000, seed=1))
    assert not np.array_equal(null, ece_null(confidence, 15, 4000, seed=2))


def test_the_null_of_uniform_confidence_has_the_reference_mean() -> None:
    path = ROOT.parent / "shared" / "reference" / "calibration.json"
    if not path.exists():
        pytest.skip("no reference file")
    for n, expected in json.loads(path.read_text())["ece_null_uniform_confidence_10_bins"].items():
        means = [
            ece_null(0.5 + np.random.default_rng(seed).random(int(n)) / 2, 10, 200, seed).mean()
            for seed in range(40)
        ]
        assert np.mean(means) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(
    ("low", "mean", "quantile"), [(0.5, 0.75, 0.26), (0.8, 0.9, 0.17), (0.94, 0.97, 0.08)]
)
def test_at_24_rows_a_calibrated_model_often_reads_an_ece_above_five_per_cent(
    low: float, mean: float, quantile: float
) -> None:
    confidence = np.linspace(low, 1, 24)
    null = ece_null(confidence, 15, 4000, seed=0)
    assert confidence.mean() == pytest.approx(mean)
    assert np.quantile(null, 0.95) == pytest.approx(quantile, abs=0.04)
    assert np.quantile(null, 0.95) > 0.05


def test_a_p_value_counts_the_draws_at_least_as_large() -> None:
    assert null_p_value(0.2, np.array([0.1, 0.2, 0.3])) == pytest.approx(3 / 4)
    assert null_p_value(1.0, np.zeros(99)) == pytest.approx(0.01)


@pytest.mark.parametrize("k", [2, 4])
def test_brier_and_nll_are_those_of_scikit_learn(k: int) -> None:
    rng = np.random.default_rng(k)
    p, y = rng.dirichlet(np.ones(k), 50), rng.integers(0, k, 50)
    assert brier_score(p, y) == pytest.approx(
        brier_score_loss(y, p if k > 2 else p[:, 1], labels=list(range(k)))
    )
    assert negative_log_likelihood(p, y) == pytest.approx(log_loss(y, p, labels=list(range(k))))


@pytest.mark.parametrize(
    ("confidence", "correct", "bins"),
    [([], [], 5), ([0.5], [1, 0], 5), ([1.1], [1], 5), ([np.nan], [1], 5), ([0.5], [1], 0)],
)
def test_anything_else_is_refused(confidence: list[float], correct: list[int], bins: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        expected_calibration_error(confidence, correct, bins)


@pytest.mark.parametrize(
    ("rows", "seed", "bias", "relplot"),
    [(24, 0, 0.0, 0.0630), (500, 1, 0.1, 0.0575), (5000, 2, 0.0, 0.0199), (3000, 3, 0.25, 0.2323)],
)
def test_smooth_error_is_that_of_its_definition_and_of_relplot(
    rows: int, seed: int, bias: float, relplot: float
) -> None:
    """relplot 1.0's figures, whose search for the width ends at a thousandth; the definition written out beside it."""
    rng = np.random.default_rng(seed)
    confidence = rng.beta(4, 2, rows)
    correct = (rng.random(rows) < np.clip(confidence - bias, 0, 1)) * 1.0
    found = smooth_calibration_error(confidence, correct)
    assert found == pytest.approx(relplot, abs=1.1e-3)
    at = (np.arange(1000) + 0.5) / 1000
    mirrored = (sign * confidence + 2 * shift for sign in (1, -1) for shift in (-1, 0, 1))
    kernel = sum(np.exp(-(((at[:, None] - mirror) / found) ** 2) / 2) for mirror in mirrored)
    density = kernel / (found * np.sqrt(2 * np.pi))
    assert np.abs(density @ (correct - confidence) / rows).mean() == pytest.approx(found, abs=2e-4)


def test_smooth_error_is_nothing_where_confidence_is_right_and_all_where_it_is_wrong() -> None:
    assert smooth_calibration_error([1.0, 0.0], [1, 0]) == 0
    assert smooth_calibration_error(np.ones(50), np.zeros(50)) == pytest.approx(1.0, abs=1e-3)
