"""Statistics by group: coverage over groups, exact sign flips, and no claim below six groups."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.stats import permutation_test, t

from methods.statistics import group_statistics
from methods.statistics.group_statistics import (
    mean_interval,
    rate_interval,
    sign_flip_test,
    sign_flip_tests,
)
from methods.statistics.intervals import wilson


@pytest.mark.parametrize("groups", range(1, 6))
def test_below_six_groups_nothing_is_claimed(groups: int) -> None:
    member, correct = np.repeat(np.arange(groups), 8), np.tile([1, 0], groups * 4)
    for found in (rate_interval(correct, member, 0.95), mean_interval(correct, member, 0.95)):
        assert (found.low, found.high, found.value) == (None, None, 0.5)
    assert sign_flip_test(correct, member, 0).p is None


def test_a_sign_flip_test_of_six_groups_can_reach_five_per_cent_and_of_five_cannot() -> None:
    assert sign_flip_test(np.ones(6), np.arange(6), 0).p == pytest.approx(2 / 2**6)
    assert 2 / 2**6 < 0.05 < 2 / 2**5


def test_groups_that_agree_within_count_as_one_row_each() -> None:
    member = np.repeat(np.arange(10), 5)
    correct = np.repeat([1, 1, 1, 1, 1, 1, 1, 0, 0, 0], 5)
    found: Any = rate_interval(correct, member, 0.95)
    low, high = wilson(7, 10, 0.95)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_independent_rows_count_in_full_and_rows_never_beyond() -> None:
    rng = np.random.default_rng(0)
    member, correct = np.repeat(np.arange(200), 5), rng.random(1000) < 0.8
    found: Any = rate_interval(correct, member, 0.95)
    low, high = wilson(correct.sum(), 1000, 0.95)
    assert found.high is not None and found.low is not None
    assert found.high - found.low == pytest.approx(high - low, rel=0.15)
    assert found.high - found.low >= high - low - 1e-12


def test_rows_of_one_clip_count_once_at_most() -> None:
    rng = np.random.default_rng(6)
    member, correct = np.repeat(np.arange(40), 5), rng.random(200) < 0.8
    once: Any = rate_interval(correct, member, 0.95)
    thrice: Any = rate_interval(np.tile(correct, 3), np.tile(member, 3), 0.95, 200)
    assert (thrice.low, thrice.high) == (pytest.approx(once.low), pytest.approx(once.high))


def test_all_correct_is_as_sure_as_its_groups_are_many() -> None:
    found: Any = rate_interval(np.ones(60), np.repeat(np.arange(6), 10), 0.95)
    assert (found.low, found.high) == (pytest.approx(wilson(6, 6, 0.95)[0]), 1.0)


def test_intervals_over_groups_cover_where_intervals_over_rows_do_not() -> None:
    rng = np.random.default_rng(1)
    member = np.repeat(np.arange(12), 10)
    covered = {"rate": 0, "mean": 0, "rows": 0}
    for _ in range(400):
        skill = rng.beta(4, 1, 12)  # mean .8; rows of a group share it
        correct = rng.random(120) < skill[member]
        rate, mean = rate_interval(correct, member, 0.95), mean_interval(correct, member, 0.95)
        low, high = wilson(correct.sum(), 120, 0.95)
        assert (
            rate.low is not None and rate.high is not None and mean.low is not None and mean.high is not None
        )
        covered["rate"] += rate.low <= 0.8 <= rate.high
        covered["mean"] += mean.low <= 0.8 <= mean.high
        covered["rows"] += bool(low <= 0.8 <= high)
    assert covered["rate"] / 400 > 0.9
    assert covered["mean"] / 400 > 0.88
    assert covered["rows"] / 400 < 0.85


def test_of_groups_of_one_size_the_mean_interval_is_students_t_on_group_means() -> None:
    means = np.array([2.0, 5.0, 2.0, 4.0, 6.0, 9.0])
    values = (means[:, None] + [-1.0, 1.0]).ravel()
    low, high = t.interval(0.9, 5, means.mean(), means.std(ddof=1) / np.sqrt(6))
    found: Any = mean_interval(values, np.repeat(np.arange(6), 2), 0.9)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_of_groups_of_unlike_size_the_mean_interval_is_about_the_mean_over_rows() -> None:
    rng = np.random.default_rng(5)
    member, covered = np.repeat(np.arange(20), rng.integers(2, 12, 20)), 0
    for _ in range(400):
        found: Any = mean_interval(rng.normal(1, 1, 20)[member] + rng.normal(size=member.size), member, 0.9)
        assert found.low + found.high == pytest.approx(2 * found.value)
        covered += found.low <= 1 <= found.high
    assert 0.84 < covered / 400 < 0.95


def test_sign_flips_are_all_gone_through() -> None:
    rng = np.random.default_rng(2)
    member, values = np.repeat(np.arange(8), 3), rng.normal(0.4, 1, 24)
    sums = np.bincount(member, values)
    patterns = np.array(list(product([-1, 1], repeat=8))) @ sums
    expected = (np.abs(patterns) >= abs(sums.sum()) - 1e-12).mean()
    theirs = permutation_test((sums,), np.sum, permutation_type="samples", n_resamples=np.inf)
    p = sign_flip_test(values, member, 0).p
    assert p == pytest.approx(expected)
    assert p == pytest.approx(theirs.pvalue)


def test_several_tests_at_once_are_corrected_by_the_largest_over_all_sign_patterns() -> None:
    rng = np.random.default_rng(4)
    sums = rng.normal([[0.2], [0.9], [0.0]], 1, (3, 8))
    signs = np.array(list(product([-1, 1], repeat=8)))
    t_values = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    largest = np.abs(signs @ t_values.T).max(axis=1)
    expected = [(largest >= abs(each.sum()) - 1e-12).mean() for each in t_values]
    found = sign_flip_tests(list(sums), np.arange(8), 0)
    assert [each.p for each in found] == pytest.approx(expected)
    for each, alone in zip(found, sums, strict=True):
        own = sign_flip_test(alone, np.arange(8), 0).p
        assert each.p is not None and own is not None and own <= each.p
    copies = sign_flip_tests([sums[1], 3 * sums[1]], np.arange(8), 0)
    assert [each.p for each in copies] == [sign_flip_test(sums[1], np.arange(8), 0).p] * 2


def test_many_groups_draw_patterns_and_agree_with_the_exact_test() -> None:
    rng = np.random.default_rng(3)
    sums = rng.normal(0.5, 1, 18)
    theirs = permutation_test((sums,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_test(sums, np.arange(18), 0).p == pytest.approx(theirs.pvalue, abs=0.004)


def test_no_difference_at_all_is_no_evidence() -> None:
    assert sign_flip_test(np.zeros(30), np.repeat(np.arange(6), 5), 0).p == 1.0


def test_values_without_a_group_each_are_refused() -> None:
    with pytest.raises(ValueError, match="one value and one group per row"):
        rate_interval([1, 0], [1], 0.95)


def test_patterns_are_the_same_however_few_are_in_memory_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    difference, groups = np.random.default_rng(0).normal(0.1, 1, 75), np.arange(75).astype(str)
    whole = sign_flip_test(difference, groups, 3)
    monkeypatch.setattr(group_statistics, "_CELLS", 75 * 1001)
    assert sign_flip_test(difference, groups, 3) == whole
