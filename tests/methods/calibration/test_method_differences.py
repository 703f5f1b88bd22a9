"""Differences of several methods at once: corrected for their number, for little where they move together."""

import numpy as np
import pytest

from methods.calibration.method_differences import method_differences
from methods.statistics.group_intervals import group_mean_interval

GROUPS = np.repeat(np.arange(12), 4).astype(str)


def drawn(seed: int, methods: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rng = np.random.default_rng(seed)
    return np.repeat(rng.normal(0.3, 1, (methods, 12)), 4, axis=1)


def test_one_method_is_the_plain_interval_and_its_p() -> None:
    losses, control = drawn(0, 1), np.zeros(48)
    (found,), level = method_differences(losses, control, GROUPS, 0.05, 0)
    plain = group_mean_interval(losses[0], GROUPS, 0.95)
    assert level == pytest.approx(0.95, abs=0.005)
    assert (found.low, found.high, found.p) == pytest.approx((plain.low, plain.high, plain.p), abs=0.02)


def test_copies_of_a_method_cost_nothing_and_others_no_more_than_bonferroni() -> None:
    one, control = drawn(1, 1), np.zeros(48)
    (alone,), _ = method_differences(one, control, GROUPS, 0.05, 0)
    copies, _ = method_differences(np.repeat(one, 5, axis=0), control, GROUPS, 0.05, 0)
    assert copies[0].p == pytest.approx(alone.p, abs=0.01)
    many = np.concatenate([one, drawn(2, 4)])
    corrected, level = method_differences(many, control, GROUPS, 0.05, 0)
    assert 0.975 < level <= 0.991
    for each, row in zip(corrected, many, strict=True):
        single = group_mean_interval(row, GROUPS, 0.95)
        assert single.p is not None and each.p is not None
        assert single.p <= each.p <= min(1.0, 5 * single.p + 0.01)


def test_p_is_below_alpha_where_the_interval_leaves_zero_out() -> None:
    for seed in range(60):
        found, _ = method_differences(drawn(seed, 3), np.zeros(48), GROUPS, 0.05, 0)
        for each in found:
            assert each.low is not None and each.high is not None and each.p is not None
            if abs(each.p - 0.05) > 0.003:
                assert (each.low > 0 or each.high < 0) == (each.p < 0.05)


def test_three_groups_say_nothing() -> None:
    found, _ = method_differences(np.ones((2, 9)), np.zeros(9), np.repeat(np.arange(3), 3), 0.05, 0)
    assert [(each.value, each.low, each.p) for each in found] == [(1.0, None, None)] * 2
