"""Recalibration: what each method may change, and what it is worth on more rows than it needs."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from methods.calibration.calibration_error import negative_log_likelihood
from methods.calibration.recalibration import (
    METHODS,
    Method,
    apply,
    mean_logit,
    mean_probability,
    recalibrate,
)

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


def drawn(n: int, seed: int, k: int = 2, scale: float = 3.0, bias: float = 0.0) -> tuple[Floats, Labels]:
    rng = np.random.Generator(np.random.Philox(seed))
    z = rng.normal(size=(n, k))
    z[:, 0] -= bias
    labels = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    z[:, 0] += bias
    return scale * z, labels


@settings(derandomize=True, max_examples=100)
@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(3, 40))
def test_temperature_never_changes_a_prediction(seed: int, k: int, n: int) -> None:
    z, y = drawn(n, seed, k)
    before, after = (apply(recalibrate(method, z, y), z).predicted for method in ("none", "temperature"))
    assert np.array_equal(before, after)
    assert np.array_equal(before, z.argmax(axis=1))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_probabilities_that_sum_to_one(method: Method) -> None:
    z, y = drawn(40, 1)
    made = apply(recalibrate(method, z, y), z)
    assert made.probabilities.sum(axis=1) == pytest.approx(np.ones(40))
    assert (made.probabilities >= 0).all()
    assert np.isfinite(negative_log_likelihood(made.probabilities, y))


@pytest.mark.parametrize("method", ["temperature", "platt", "isotonic", "vector"])
def test_with_many_rows_each_repairs_overconfidence(method: Method) -> None:
    z, y = drawn(20_000, 2)
    fresh, labels = drawn(20_000, 3)
    fitted = apply(recalibrate(method, z, y), fresh)
    honest = negative_log_likelihood(softmax(fresh / 3, axis=1), labels)
    assert negative_log_likelihood(fitted.probabilities, labels) == pytest.approx(honest, abs=0.003)


@pytest.mark.parametrize("method", ["bias", "platt", "threshold", "isotonic", "vector"])
def test_an_intercept_or_a_threshold_repairs_a_bias_and_so_accuracy(method: Method) -> None:
    z, y = drawn(5000, 4, scale=1.0, bias=2.0)
    fresh, labels = drawn(5000, 5, scale=1.0, bias=2.0)
    before = (apply(recalibrate("none", z, y), fresh).predicted == labels).mean()
    after = (apply(recalibrate(method, z, y), fresh).predicted == labels).mean()
    assert after > before + 0.05


def test_platt_is_a_logistic_regression_on_the_margin() -> None:
    z, y = drawn(50_000, 6, bias=1.0)
    theirs = LogisticRegression(C=np.inf, tol=1e-10).fit((z[:, 1] - z[:, 0])[:, None], y)
    ours = recalibrate("platt", z, y).parameters
    assert ours["slope"][0] == pytest.approx(theirs.coef_[0, 0], rel=1e-3)
    assert ours["intercept"][0] == pytest.approx(theirs.intercept_[0], rel=2e-3)


def test_platt_of_separable_margins_is_finite_and_of_turned_ones_a_status() -> None:
    z, y = np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 0.0], [0.0, 1.0]]), np.array([0, 1, 0, 1])
    assert 0 < recalibrate("platt", z, y).parameters["slope"][0] < 100
    assert recalibrate("platt", z, 1 - y).status == "anti-informative"


def test_isotonic_blocks_are_those_of_scikit_learn() -> None:
    z, y = drawn(3000, 7)
    margin = z[:, 1] - z[:, 0]
    theirs = IsotonicRegression(out_of_bounds="clip").fit(margin, y).predict(margin)
    ours = apply(recalibrate("isotonic", z, y), z).probabilities[:, 1]
    assert ours == pytest.approx(np.clip(theirs, 1 / 3002, 3001 / 3002), abs=1e-9)
    order = np.argsort(margin)
    assert (np.diff(ours[order]) >= -1e-12).all()


def test_of_equally_good_thresholds_the_argmax_is_kept() -> None:
    z, y = np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 0.0], [0.0, 1.0]]), np.array([0, 1, 0, 1])
    assert recalibrate("threshold", z, y).parameters["threshold"] == (0.0,)


def test_two_class_methods_refuse_more_classes() -> None:
    z, y = drawn(10, 8, k=3)
    with pytest.raises(ValueError, match="platt is for two classes, got 3"):
        recalibrate("platt", z, y)


def test_ensembles_are_means() -> None:
    one, two = np.array([[2.0, 0.0]]), np.array([[0.0, 1.0]])
    assert mean_logit([one, two]).tolist() == [[1.0, 0.5]]
    made = mean_probability([softmax(one, axis=1), softmax(two, axis=1)])
    assert made.probabilities[0, 0] == pytest.approx((softmax(one)[0, 0] + softmax(two)[0, 0]) / 2)
    assert made.predicted.tolist() == [0]


def by_every_pair(z: Floats, y: Labels) -> float:
    """The threshold by comparing every margin with every cut."""
    margin, positive = z[:, 1] - z[:, 0], y == 1
    ranked = np.unique(margin)
    cuts = np.concatenate([[ranked[0] - 1], (ranked[1:] + ranked[:-1]) / 2, [ranked[-1] + 1], [0.0]])
    above = margin >= cuts[:, None]
    balanced = (above & positive).sum(axis=1) / max(int(positive.sum()), 1)
    balanced = balanced + (~above & ~positive).sum(axis=1) / max(int((~positive).sum()), 1)
    best = cuts[balanced >= balanced.max() - 1e-12]
    return float(best[np.abs(best).argmin()])


@settings(derandomize=True, max_examples=300)
@given(
    st.integers(0, 10**6), st.integers(1, 60), st.sampled_from([None, 0, 1]), st.sampled_from([0.0, 0.5, 1.0])
)
def test_a_threshold_is_that_of_comparing_every_margin_with_every_cut(
    seed: int, n: int, decimals: int | None, share: float
) -> None:
    rng = np.random.Generator(np.random.Philox(seed))
    z, y = drawn(n, seed) if share == 0.5 else (rng.normal(size=(n, 2)), np.full(n, int(share)))
    z = z if decimals is None else z.round(decimals)
    assert recalibrate("threshold", z, y).parameters["threshold"] == (by_every_pair(z, y),)


def test_a_threshold_of_many_rows_takes_memory_of_their_order() -> None:
    z, y = drawn(200_000, 12)
    tracemalloc.start()
    recalibrate("threshold", z, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 * len(z)
