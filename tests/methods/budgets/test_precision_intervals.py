"""Intervals of a precision: Wilson where rows fired, and what a cleaner traffic leaves of it."""

import numpy as np
import pytest

from methods.budgets.precision_intervals import base_rate_precision, precision
from methods.statistics.intervals import wilson


def test_the_precision_of_no_decision_is_unknown() -> None:
    nothing, positive, group = np.zeros(4, bool), np.array([1, 0, 0, 1], bool), np.arange(4)
    assert precision(nothing, positive, group, 0.95).value is None
    assert base_rate_precision(0.9, nothing, positive, ~positive, group, 0.95).low is None


def test_copies_of_a_row_that_fired_are_one_row() -> None:
    fired, positive = np.ones(10, bool), np.arange(10) % 2 == 0
    single = precision(fired, positive, np.arange(10), 0.95)
    assert (single.low, single.high) == pytest.approx(tuple(map(float, wilson(5, 10, 0.95))))
    assert precision(np.repeat(fired, 2), np.repeat(positive, 2), np.arange(20) // 2, 0.95) == single


def test_no_false_positive_on_few_clean_rows_is_not_a_precision_of_one() -> None:
    positive = np.arange(261) < 166
    found = base_rate_precision(0.95, np.arange(261) < 14, positive, ~positive, np.arange(261), 0.95)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low is not None
    assert 0.02 < found.low < 0.1


def test_the_interval_holds_the_truth_at_least_as_often_as_it_says() -> None:
    random, held, runs = np.random.default_rng(5), 0, 400
    share, rates = 0.95, np.array([0.4, 0.1, 0.02])  # of positives, other labelled rows, clean rows
    clean, positive = np.arange(300) < 100, np.arange(300) >= 160
    rate = np.where(clean, rates[2], np.where(positive, rates[0], rates[1]))
    right = (1 - share) * rates[0] * 140 / 200
    truth = right / (right + (1 - share) * rates[1] * 60 / 200 + share * rates[2])
    for _ in range(runs):
        found = base_rate_precision(share, random.random(300) < rate, positive, clean, np.arange(300), 0.95)
        assert found.low is not None and found.high is not None
        held += found.low <= truth <= found.high
    assert held >= 0.95 * runs
