"""Paths of an any-label threshold: the promise holds for any path, and a smooth one leaves less on the table."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from methods.budgets.any_label_paths import (
    STEPS,
    halved_any_label_threshold,
    outside_any_label_threshold,
    smooth_path,
)

ALPHA, DELTA = 0.05, 0.1


def scores(rng: np.random.Generator, rows: int, shift: float = 0.0) -> NDArray[np.float32]:
    return np.asarray(expit(rng.normal(size=(rows, 3)) + np.array([shift, 0, -shift])), np.float32)


def test_a_smooth_path_falls_from_one_through_the_scores() -> None:
    sample = scores(np.random.default_rng(0), 30)
    path = smooth_path(sample)
    assert path.dtype == np.float32 and path.shape == (30 * STEPS + 1, 3)
    assert (path[0] == 1).all() and (np.diff(path, axis=0) <= 0).all()
    assert path[STEPS::STEPS] == pytest.approx(-np.sort(-sample, axis=0))


@pytest.mark.parametrize("shift", [None, 0.0, 2.0])
def test_the_promise_holds_whatever_rows_shape_the_path(shift: float | None) -> None:
    """None: half of the calibration rows."""
    rng = np.random.default_rng(1)
    later, above = scores(rng, 40_000), 0
    for _ in range(200):
        clean = scores(rng, 200)
        if shift is None:
            found = halved_any_label_threshold(clean, ALPHA, DELTA)
        else:
            found = outside_any_label_threshold(scores(rng, 100, shift), clean, ALPHA, DELTA)
        above += bool((later >= found.thresholds).any(axis=1).mean() > ALPHA)
    assert 0 < above <= 200 * DELTA + 2.6 * np.sqrt(200 * DELTA * (1 - DELTA))


def test_more_rows_that_test_allow_more() -> None:
    rng = np.random.default_rng(2)
    clean = scores(rng, 300)
    halved = halved_any_label_threshold(clean, ALPHA, DELTA)
    outside = outside_any_label_threshold(scores(rng, 300), clean, ALPHA, DELTA)
    assert (halved.negatives, outside.negatives) == (150, 300)
    assert outside.allowed / 300 > halved.allowed / 150


def test_a_path_and_a_test_need_rows() -> None:
    one = scores(np.random.default_rng(3), 1)
    with pytest.raises(ValueError, match=r"at least two clean rows, .* got 1"):
        halved_any_label_threshold(one, ALPHA, DELTA)
    with pytest.raises(ValueError, match="got 0 and 1"):
        outside_any_label_threshold(one[:0], one, ALPHA, DELTA)
