"""Intervals of a calibration error and of a temperature: they hold their own points, and the truth."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from methods.calibration.calibration_error import expected_calibration_error, width_bin
from methods.calibration.calibration_intervals import (
    CalibrationErrorInterval,
    calibration_error_interval,
    temperature_interval,
)
from methods.calibration.temperature import fit_temperature

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


def error(share: float, seed: int, rows: int = 300, groups: int = 30) -> CalibrationErrorInterval:
    """Of rows whose true logits are `share` times what their confidence says."""
    rng = np.random.default_rng(seed)
    logit = np.abs(rng.normal(2, 1.5, rows))
    right = rng.random(rows) < expit(share * logit)
    confidence = expit(logit)
    found = calibration_error_interval(
        confidence, right, rng.integers(0, groups, rows), width_bin(confidence, 15), 0.95, 300, seed
    )
    assert found.reading == pytest.approx(expected_calibration_error(confidence, right, 15))
    return found


def test_where_confidence_is_honest_the_interval_reaches_to_zero() -> None:
    found = [error(1.0, seed) for seed in range(40)]
    assert sum(each.low == 0 for each in found) >= 36
    assert np.mean([each.value for each in found]) < 0.5 * np.mean([each.reading for each in found])


@pytest.mark.parametrize("share", [1.0, 0.7, 0.4])
def test_the_point_is_within_and_the_truth_mostly(share: float) -> None:
    found = [error(share, seed) for seed in range(40)]
    logit = np.abs(np.random.default_rng(0).normal(2, 1.5, 1_000_000))
    bins = width_bin(expit(logit), 15)
    true = np.abs(np.bincount(bins, expit(share * logit) - expit(logit))).sum() / len(logit)
    for each in found:
        assert each.low is not None and each.high is not None
        assert 0 <= each.low <= each.value <= each.high
    assert sum((each.low or 0) <= true <= (each.high or 0) for each in found) >= 35


def test_three_groups_say_nothing_and_certainty_is_not_proof() -> None:
    assert error(1.0, 0, groups=3).low is None
    sure = calibration_error_interval(np.ones(20), np.ones(20), np.arange(20), np.zeros(20), 0.95, 100, 0)
    assert (sure.value, sure.low) == (0, 0) and sure.high == pytest.approx(1 - 0.025 ** (1 / 20))


def test_a_row_needs_all_its_columns() -> None:
    with pytest.raises(ValueError, match="a group and a bin per row"):
        calibration_error_interval([0.5, 0.6], [1, 0], [0], [0, 0], 0.95, 100, 0)


def clips(seed: int, groups: int = 12) -> tuple[Floats, Index, Index]:
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), 10)
    z = rng.normal(size=(len(group), 3))
    probability = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    label = (rng.random((len(z), 1)) > probability.cumsum(axis=1)[:, :2]).sum(axis=1)
    return 2.5 * z, label, group


def test_a_temperature_is_within_its_interval_and_the_truth_mostly() -> None:
    held = 0
    for seed in range(60):
        z, y, group = clips(seed)
        found = temperature_interval(z, y, group, 0.95)
        assert found.low is not None and found.high is not None
        assert found.low < found.value == fit_temperature(z, y).temperature < found.high
        held += found.low <= 2.5 <= found.high
    assert held >= 53


def test_logits_twice_as_large_ask_for_twice_the_temperature() -> None:
    z, y, group = clips(1)
    one, two = temperature_interval(z, y, group, 0.95), temperature_interval(2 * z + 7, y, group, 0.95)
    assert one.low is not None and one.high is not None
    assert (two.value, two.low, two.high) == pytest.approx(
        (2 * one.value, 2 * one.low, 2 * one.high), rel=1e-3
    )


def test_an_end_that_the_rows_do_not_give_is_infinite_or_zero() -> None:
    rng = np.random.default_rng(2)
    noise = temperature_interval(rng.normal(size=(80, 3)), rng.integers(0, 3, 80), np.arange(80) % 8, 0.95)
    assert noise.high == np.inf
    y = rng.integers(0, 3, 80)
    clear = temperature_interval(5.0 * np.eye(3)[y], y, np.arange(80) % 8, 0.95)
    assert clear.low == 0 and clear.high is not None and clear.high < 5
    assert temperature_interval(*clips(3, 3), 0.95).low is None
