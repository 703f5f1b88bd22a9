"""Beta bounds: Clopper and Pearson's where groups weigh the same, and sane at the ends."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit

from methods.statistics.beta_bounds import beta_lower, beta_upper, share_interval
from methods.statistics.intervals import clopper_pearson, lower_bound, upper_bound

properties = settings(derandomize=True, deadline=None, max_examples=150)


@properties
@given(st.integers(1, 500), st.data(), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_of_equal_weights_they_are_clopper_and_pearsons(n: int, data: st.DataObject, level: float) -> None:
    k = data.draw(st.integers(0, n))
    assert beta_upper(k / n, k / n**2, 1 / n, level) == pytest.approx(upper_bound(k, n, level), abs=1e-9)
    assert beta_lower(k / n, k / n**2, level) == pytest.approx(lower_bound(k, n, level), abs=1e-9)


@properties
@given(st.sampled_from([0.0, 1.0]) | st.floats(0.001, 0.999), st.floats(0, 0.2), st.integers(1, 200))
def test_an_interval_holds_its_own_value_and_mirrors(value: float, variance: float, groups: int) -> None:
    low, high = share_interval(value, variance, groups, 0.95)
    assert 0 <= low <= value + 1e-9 and value - 1e-9 <= high <= 1
    if abs(value - 0.5) > 1e-6:
        mirrored = share_interval(1 - value, variance, groups, 0.95)
        assert np.allclose(mirrored, (1 - high, 1 - low), atol=1e-6)


def test_a_perfect_share_is_as_sure_as_one_more_group_by_chance_allows() -> None:
    low, high = share_interval(1.0, 0.0, 5, 0.95)
    assert np.allclose((low, high), (0.025 ** (1 / 10), 1.0))


def test_where_nothing_varies_in_between_groups_are_trials() -> None:
    assert np.allclose(share_interval(0.5, 0.0, 8, 0.95), clopper_pearson(4, 8, 0.95))
    assert np.allclose(share_interval(0.7, 0.01, 1, 0.95), clopper_pearson(0.7, 1, 0.95))


def test_of_many_groups_it_is_students_t() -> None:
    low, high = share_interval(0.7, 0.02**2, 2000, 0.95)
    half = float(stdtrit(1999, 0.975)) * 0.02
    assert np.allclose((low, high), (0.7 - half, 0.7 + half), atol=2e-3)


def test_an_array_is_its_elements() -> None:
    values, variances = np.array([0.0, 0.3, 0.9, 1.0]), np.array([0.0, 0.01, 0.002, 0.0])
    low, high = share_interval(values, variances, 12, 0.9)
    for at in range(4):
        assert (low[at], high[at]) == share_interval(values[at], variances[at], 12, 0.9)
