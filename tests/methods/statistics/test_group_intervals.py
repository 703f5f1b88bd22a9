"""Shares and mean losses of few groups: interval and p say the same, and hold where losses are skewed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from methods.statistics.group_intervals import (
    FEWEST,
    group_effects,
    group_mean_interval,
    group_share_interval,
    mean_p,
)

properties = settings(derandomize=True, deadline=None, max_examples=100)


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_below_four_groups_nothing_is_claimed(groups: int) -> None:
    member, correct = np.repeat(np.arange(groups), 8), np.tile([1, 0], groups * 4)
    share, mean = group_share_interval(correct, member, 0.95), group_mean_interval(correct, member, 0.95)
    assert (share.low, share.high, share.value) == (None, None, 0.5)
    assert (mean.low, mean.high, mean.p, mean.value) == (None, None, None, 0.5)


def test_four_groups_have_a_wide_interval() -> None:
    member, correct = np.repeat(np.arange(FEWEST), 8), np.repeat([1, 1, 1, 0], 8)
    found = group_share_interval(correct, member, 0.95)
    assert found.low is not None and found.high is not None
    assert found.low < 0.3 and found.high > 0.95


def test_effects_of_groups_of_one_size_are_their_means() -> None:
    effects, mean, rows = group_effects([1, 3, 5, 5, 0, 4], np.repeat([0, 1, 2], 2))
    assert effects.tolist() == [2, 5, 2] and (mean, rows) == (3, 6)


def test_the_spread_of_effects_is_that_of_the_mean_over_rows() -> None:
    rng = np.random.default_rng(0)
    member = np.repeat(np.arange(20), rng.integers(1, 12, 20))
    values = rng.normal(size=member.size)
    effects, mean, _ = group_effects(values, member)
    residual = np.bincount(member, values) - values.mean() * np.bincount(member)  # of a ratio of group sums
    error = np.sqrt(20 / 19 * np.square(residual).sum()) / values.size
    assert effects.std(ddof=1) / 20**0.5 == pytest.approx(error)
    assert effects.mean() == pytest.approx(mean)


@properties
@given(st.integers(4, 30), st.integers(0, 10_000), st.floats(-3, 3))
def test_the_interval_ends_where_the_test_stops_refusing(groups: int, seed: int, shift: float) -> None:
    values = np.exp(np.random.default_rng(seed).normal(size=groups)) + shift
    found = group_mean_interval(values, np.arange(groups), 0.95)
    assert found.low is not None and found.high is not None and found.p is not None
    assert found.low <= found.value <= found.high
    assert (found.p < 0.05) == (not found.low <= 0 <= found.high)
    for end in (found.low, found.high):
        assert mean_p(values - end) == pytest.approx(0.05, abs=1e-6)


def test_without_skewness_it_is_students_t() -> None:
    values = np.array([-3.0, -1.0, 0.5, 1.0, 1.5, 3.0, 5.0]) + 0.2
    found = group_mean_interval(values, np.arange(7), 0.95)
    expected = ttest_1samp(values, 0)
    assert found.p == pytest.approx(expected.pvalue, abs=1e-12)


def test_groups_that_all_say_the_same() -> None:
    none, all_alike = (group_mean_interval(np.full(6, value), np.arange(6), 0.95) for value in (0.0, 2.0))
    assert (none.p, none.low, none.high) == (1.0, 0.0, 0.0)
    assert (all_alike.p, all_alike.low, all_alike.high) == (0.0, 2.0, 2.0)


def test_skewed_losses_are_refused_less_often_than_by_students_t() -> None:
    losses = np.exp(np.random.default_rng(0).normal(size=(4000, 16))) - np.exp(0.5)
    ours, theirs = (mean_p(losses) < 0.05).mean(), (ttest_1samp(losses, 0, axis=1).pvalue < 0.05).mean()
    assert ours < 0.085 < 0.11 < theirs
