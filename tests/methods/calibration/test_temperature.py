"""Temperature: right value or right status, against brute force, scikit-learn and netcal."""

import json
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.calibration import _TemperatureScaling

from methods.calibration.temperature import BOUND, WARM_ROWS, fit_temperature, mean_nll
from tests.imports import ROOT

Logits = NDArray[np.floating[Any]]
Labels = NDArray[np.int64]


def drawn(n: int, k: int, temperature: float, seed: int = 0) -> tuple[NDArray[np.float64], Labels]:
    """Logits whose softmax is honest at `temperature`."""
    rng = np.random.Generator(np.random.Philox(seed))
    z = 3 * rng.normal(size=(n, k))
    return z * temperature, (z + rng.gumbel(size=(n, k))).argmax(axis=1)


def nll(z: Logits, y: Labels, temperature: float) -> float:
    return float(-log_softmax(np.asarray(z, np.float64) / temperature, axis=1)[np.arange(len(y)), y].mean())


def brute_force(z: Logits, y: Labels, around: float) -> float:
    """The temperature of least NLL within a factor of 30: bounded search in log T, to rounding of the NLL."""
    found = minimize_scalar(
        lambda log: nll(z, y, float(np.exp(log))),
        bounds=(np.log(around / 30), np.log(around * 30)),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return float(np.exp(found.x))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("scale", [1.0, 8.0, 1 / 50])
@pytest.mark.parametrize(("n", "k"), [(200, 2), (500, 3), (400, 10), (60_000, 4), (300, 1000)])
def test_it_is_the_minimum_of_the_nll(n: int, k: int, scale: float, dtype: type) -> None:
    z, y = drawn(n, k, scale, seed=k)
    fit = fit_temperature(z.astype(dtype), y)
    assert fit.status == "fitted"
    # A search that compares values finds the minimum of a parabola to the root of their rounding only.
    assert fit.temperature == pytest.approx(brute_force(z.astype(dtype), y, scale), rel=1e-6)
    assert mean_nll(z.astype(dtype), y) == pytest.approx(nll(z.astype(dtype), y, 1.0), rel=1e-12)
    single = dtype is np.float32 and n >= 2 * WARM_ROWS  # its last pass is single then, too
    close = 1e-7 if single else 1e-11
    assert fit.nll_after == pytest.approx(nll(z.astype(dtype), y, fit.temperature), rel=close)


@pytest.mark.parametrize(("n", "k"), [(300, 2), (1000, 7), (50_000, 20)])
def test_it_is_the_temperature_of_scikit_learn(n: int, k: int) -> None:
    z, y = drawn(n, k, 1.7, seed=n)
    assert fit_temperature(z, y).temperature == pytest.approx(
        1 / float(_TemperatureScaling().fit(z, y).beta_), rel=1e-6
    )


def test_scikit_learn_reads_one_score_as_minus_x_and_x_so_its_temperature_is_twice_ours() -> None:
    z, y = drawn(500, 2, 1.3)
    margin = z[:, 1] - z[:, 0]
    theirs = 1 / float(_TemperatureScaling().fit(margin, y).beta_)
    assert theirs == pytest.approx(2 * fit_temperature(z, y).temperature, rel=1e-6)
    assert fit_temperature(np.stack([-margin, margin], axis=1), y).temperature == pytest.approx(
        theirs, rel=1e-6
    )


def test_netcal_agrees() -> None:
    netcal = pytest.importorskip("netcal.scaling")
    z, y = drawn(2000, 3, 2.0)
    theirs = netcal.TemperatureScaling()
    theirs.fit(np.exp(log_softmax(z, axis=1)), y)
    assert fit_temperature(z, y).temperature == pytest.approx(1 / float(theirs.temperature[0]), rel=2e-3)


@settings(derandomize=True, max_examples=60)
@given(st.integers(0, 10**6), st.integers(4, 60), st.integers(2, 6), st.floats(0.05, 20))
def test_any_small_sample_has_its_minimum_or_a_status(seed: int, n: int, k: int, scale: float) -> None:
    z, y = drawn(n, k, scale, seed)
    if seed % 2:
        y = np.random.Generator(np.random.Philox(seed)).integers(0, k, n)
    fit = fit_temperature(z, y)
    centred = z - z.mean(axis=1, keepdims=True)
    if centred[np.arange(n), y].mean() <= 0:
        assert fit.status == "anti-informative"
    elif (z.argmax(axis=1) == y).all():
        assert fit.status == "separable"
    else:
        assert fit.status == "fitted"
        for nearby in (0.999, 1.001):
            assert nll(z, y, fit.temperature) <= nll(z, y, fit.temperature * nearby)
        assert fit.nll_after <= mean_nll(z, y) + 1e-12


@settings(derandomize=True, max_examples=30)
@given(st.integers(0, 10**6), st.floats(1e-6, 1e6))
def test_scaled_logits_have_a_scaled_temperature(seed: int, scale: float) -> None:
    z, y = drawn(40, 3, 1.0, seed)
    one: Any = fit_temperature(z, y)
    other: Any = fit_temperature(z * scale, y)
    assert (one.status, other.temperature / scale) == (other.status, pytest.approx(one.temperature, rel=1e-7))


def test_a_constant_added_to_each_row_changes_nothing() -> None:
    z, y = drawn(300, 5, 2.0)
    moved = z + 1e4 * np.random.Generator(np.random.Philox(1)).normal(size=(300, 1))
    assert fit_temperature(moved, y).temperature == pytest.approx(fit_temperature(z, y).temperature, rel=1e-8)


def test_biased_logits_are_fitted_as_they_are() -> None:
    z, y = drawn(500, 2, 1.0)
    biased = z + np.array([2.0, 0.0])
    fit = fit_temperature(biased, y)
    assert fit.status == "fitted"
    assert fit.temperature == pytest.approx(brute_force(biased, y, 1.0), rel=1e-6)


@pytest.mark.parametrize("scale", [1.0, 8.0, 1 / 50])
def test_separable_logits_get_the_temperature_of_smoothed_targets(scale: float) -> None:
    y = np.array([0, 1, 2, 0, 1, 2])
    z = scale * (4 * np.eye(3)[y] + np.random.Generator(np.random.Philox(2)).normal(size=(6, 3)) / 4)
    fit = fit_temperature(z, y)
    target = (np.eye(3)[y] * 6 + 1) / 9

    def smoothed(log: float) -> float:
        return float(-(target * log_softmax(z / np.exp(log), axis=1)).sum())

    expected = minimize_scalar(
        smoothed, bounds=np.log([scale / 30, scale * 30]), method="bounded", options={"xatol": 1e-10}
    )
    assert fit.status == "separable"
    assert fit.temperature == pytest.approx(float(np.exp(expected.x)), rel=1e-6)
    assert fit.nll_after == pytest.approx(nll(z, y, fit.temperature))


def test_a_true_logit_that_ties_with_the_largest_is_separable() -> None:
    assert fit_temperature([[1.0, 1.0], [2.0, 0.0]], [1, 0]).status == "separable"


@pytest.mark.parametrize(
    ("z", "y"),
    [
        ([[2.0, 0.0], [0.0, 1.0]], [1, 0]),
        ([[1.0, 1.0], [1.0, 1.0]], [0, 1]),
        ([[3.0, 0.0], [3.0, 0.0]], [0, 1]),
    ],
)
def test_logits_that_say_nothing_or_the_opposite_are_anti_informative(z: Any, y: Any) -> None:
    fit: Any = fit_temperature(z, y)
    assert (fit.status, fit.temperature, fit.nll_after) == (
        "anti-informative",
        np.inf,
        pytest.approx(np.log(2)),
    )


def test_a_minimum_beyond_the_bracket_is_a_status_not_a_result() -> None:
    hardly = np.array([[1.0, 0.0], [0.0, 1.0 - 1e-9]] * 5)
    low: Any = fit_temperature(hardly, np.array([0, 0] * 5))
    assert (low.status, low.temperature) == ("at_bound", pytest.approx(BOUND))
    tiny = np.array([[1e-9, 0.0, -1e3], [1e-9, 0.0, -1e3], [0.0, 1e-9, -1e3]])
    high: Any = fit_temperature(tiny, np.array([0, 0, 0]))
    assert (high.status, high.temperature) == ("at_bound", pytest.approx(1e3 / BOUND, rel=1e-6))


def test_a_million_rows_take_seconds_at_most() -> None:
    z, y = drawn(1_000_000, 2, 1.5)
    start = time.process_time()
    fit = fit_temperature(z.astype(np.float32), y)
    assert time.process_time() - start < 5
    assert fit.temperature == pytest.approx(1.5, rel=0.01)
    assert fit.temperature == pytest.approx(fit_temperature(z, y).temperature, rel=1e-6)


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1.0, 1e6, 1e12, 1e36])
def test_single_precision_has_the_temperature_of_double(scale: float) -> None:
    z, y = drawn(30_000, 5, 1.0, seed=3)
    single = (z * scale).astype(np.float32)
    fit, other = fit_temperature(single, y), fit_temperature(single.astype(np.float64), y)
    assert fit.status == other.status
    assert fit.temperature == pytest.approx(other.temperature, rel=1e-7)


def test_logits_too_far_apart_for_single_precision_are_fitted_in_double() -> None:
    z, y = drawn(30_000, 5, 1.0, seed=3)
    masked = np.full((len(z), 7), np.finfo(np.float32).min)
    masked[:, :5] = z
    assert fit_temperature(masked, y) == fit_temperature(masked.astype(np.float64), y)


def test_a_subsample_that_is_separable_does_not_mislead_the_rest() -> None:
    z, y = drawn(40_000, 3, 1.0)
    sampled = np.arange(0, 40_000, 4)
    y[sampled] = z[sampled].argmax(axis=1)
    fit = fit_temperature(z, y)
    assert fit.status == "fitted"
    assert fit.temperature == pytest.approx(brute_force(z, y, 1.0), rel=1e-6)


@pytest.mark.parametrize(
    ("z", "y", "complaint"),
    [
        ([1.0, 2.0], [0, 1], "expected logits"),
        ([[1.0], [2.0]], [0, 0], "expected logits"),
        ([[1.0, 2.0]], [0, 1], "a label per row"),
        (np.empty((0, 2)), [], "expected logits"),
        ([[1.0, 2.0]], [2], r"labels in 0\.\.1, got 2\.\.2"),
        ([[1.0, 2.0]], [0.5], "whole-number labels"),
        ([[1.0, np.nan]], [0], r"finite logits, found others in rows 0\.\.0"),
        ([[1.0, np.inf]], [0], "finite logits"),
        ([[1.0, -np.inf]], [0], "finite logits"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_anything_else_is_refused(z: Any, y: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        fit_temperature(z, np.asarray(y))


def test_temperature_lowers_the_ece_of_overconfident_networks_as_published() -> None:
    """Guo et al.'s own logits are not at hand: the reference file says only what temperature does to ECE."""
    path = ROOT.parent / "shared" / "reference" / "calibration.json"
    if not path.exists():
        pytest.skip("no reference file")
    published = json.loads(path.read_text())["ece15_before_after_temperature"]
    assert all(after < before for before, after in published.values())
