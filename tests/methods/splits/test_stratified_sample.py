"""A tenth of the plan's sets has the plan's sizes and the proportions of the whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from methods.splits.stratified_sample import proportional_counts, share_of, stratified_sample


@pytest.mark.parametrize(("stamps", "sampled"), [(29_108, 2_910), (100_240, 10_024), (88_528, 8_852)])
def test_a_tenth_of_the_plans_splits_with_both_labels_alike(stamps: int, sampled: int) -> None:
    assert 2 * share_of(stamps // 2, 0.1) == sampled


def test_a_share_is_not_lost_to_rounding() -> None:
    assert share_of(100, 0.29) == 29  # 0.29 * 100 is 28.999...


@given(st.lists(st.integers(1, 400), min_size=1, max_size=30), st.floats(0.01, 1), st.integers(0, 5))
def test_every_stratum_is_within_one_of_its_exact_share(sizes: list[int], share: float, seed: int) -> None:
    strata = np.repeat(np.arange(len(sizes)), sizes)
    total = share_of(len(strata), share)
    counts = proportional_counts(np.array(sizes), total)
    taken = stratified_sample(strata, total, np.random.default_rng(seed))
    assert counts.sum() == len(taken) == len(set(taken.tolist())) == total
    assert (np.abs(counts - np.array(sizes) * (total / len(strata))) < 1 + 1e-6).all()
    assert np.array_equal(np.bincount(strata[taken], minlength=len(sizes)), counts)


def test_the_seed_draws_within_strata() -> None:
    strata = np.repeat([0, 1], 50)
    first, second = (stratified_sample(strata, 20, np.random.default_rng(seed)) for seed in (1, 2))
    assert not np.array_equal(first, second)
