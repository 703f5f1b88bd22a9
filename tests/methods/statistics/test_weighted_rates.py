"""Rates over rows in groups of copies: exact without copies, valid where large groups fire more often."""

import numpy as np
import pytest

from methods.statistics.intervals import effective_n, lower_bound, upper_bound
from methods.statistics.weighted_rates import (
    grouped_rate,
    grouped_rate_bounds,
    least_upper_bound,
    most_that_can_hold,
)

GROUP = np.repeat([0, 1, 2, 3], [1, 2, 3, 10])
FIRED = np.repeat([0, 1, 0, 1], [1, 2, 3, 10])


def test_a_rate_counts_rows_or_groups_or_what_stands_between() -> None:
    assert grouped_rate(FIRED, GROUP) == pytest.approx(12 / 16)
    assert grouped_rate(FIRED, GROUP, 1) == pytest.approx(2 / 4)
    assert grouped_rate(FIRED, GROUP, 2) == pytest.approx(4 / 7)
    assert np.isnan(grouped_rate([], []))


@pytest.mark.parametrize("copies", [1, 3])
def test_groups_of_one_size_are_trials(copies: int) -> None:
    fired, group = np.repeat(np.arange(200) < 7, copies), np.repeat(np.arange(200), copies)
    expected = (float(lower_bound(7, 200, 0.95)), float(upper_bound(7, 200, 0.95)))
    assert grouped_rate_bounds(fired, group, 0.95) == pytest.approx(expected)
    assert grouped_rate_bounds(fired, group, 0.95, 1) == pytest.approx(expected)


def test_no_rows_say_nothing_and_rows_without_a_group_each_are_refused() -> None:
    assert grouped_rate_bounds([], [], 0.95) == (0.0, 1.0)
    with pytest.raises(ValueError, match="one value and one group per row"):
        grouped_rate_bounds([1, 0], [1], 0.95)


def test_copies_that_fire_more_often_do_not_pass_where_kishs_effective_n_lets_them() -> None:
    rng = np.random.default_rng(0)
    size = np.concatenate([np.ones(4500, int), np.full(12, 40)])
    rate = np.where(size > 1, 5.0, 1.0)
    rate *= 0.02 / ((rate * size).sum() / size.sum())
    group = np.repeat(np.arange(len(size)), size)
    ours = kish = 0
    for _ in range(300):
        fired = (rng.random(len(size)) < rate)[group]
        low, high = grouped_rate_bounds(fired, group, 0.95)
        n = effective_n(group)
        n_low, n_high = (float(bound(fired.mean() * n, n, 0.95)) for bound in (lower_bound, upper_bound))
        ours += low > 0.02 or high <= 0.02
        kish += n_low > 0.02 or n_high <= 0.02
    assert ours / 300 < 0.08
    assert kish / 300 > 0.2


def test_a_large_group_makes_a_low_rate_unprovable_and_a_cap_makes_it_provable_again() -> None:
    group = np.concatenate([np.arange(960), np.full(40, 1000)])
    assert least_upper_bound(group, 0.95) > 0.02
    most = most_that_can_hold(group, 0.02, 0.95)
    assert most is not None and least_upper_bound(group, 0.95, most) <= 0.01
    assert most_that_can_hold(np.arange(100), 0.02, 0.95) is None
    assert most_that_can_hold(np.arange(400), 0.02, 0.95) == 1
