"""A variant is better only where neither the stamps nor the luck of its trainings may have made it so."""

import numpy as np
import pytest
from numpy.typing import NDArray

from methods.shortcuts.seed_differences import seed_difference
from methods.statistics.auroc_intervals import auroc_difference_interval

LEVEL = 0.95
POSITIVE = np.arange(200) % 2 == 0
GROUPS = np.arange(200) // 2


def scores(rng: np.random.Generator, stamps: NDArray[np.float64], luck: float) -> NDArray[np.float64]:
    """Two trainings see the same stamps; how well each ranks is luck as well."""
    return np.asarray(stamps + (1.5 + luck * rng.normal()) * POSITIVE + 0.4 * rng.normal(size=200))


def test_one_seed_is_the_paired_interval_of_the_stamps() -> None:
    rng = np.random.default_rng(1)
    ours, control = (scores(rng, rng.normal(size=200), 0) for _ in range(2))
    found = seed_difference(ours[None], control[None], POSITIVE, GROUPS, LEVEL)
    expected = auroc_difference_interval(ours, control, POSITIVE, GROUPS, LEVEL)
    assert (found.low, found.value, found.high) == pytest.approx(expected)
    assert found.seeds == 1


def test_a_seed_said_twice_adds_nothing_and_seeds_that_differ_widen() -> None:
    rng = np.random.default_rng(2)
    stamps = rng.normal(size=200)
    ours, control = (scores(rng, stamps, 0) for _ in range(2))
    once = seed_difference(ours[None], control[None], POSITIVE, GROUPS, LEVEL)
    twice = seed_difference(np.stack([ours] * 2), np.stack([control] * 2), POSITIVE, GROUPS, LEVEL)
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))
    apart = seed_difference(np.stack([ours, control]), np.stack([control, ours]), POSITIVE, GROUPS, LEVEL)
    assert apart.value == pytest.approx(0)
    assert apart.high - apart.low > once.high - once.low
    assert not apart.excludes_zero


def test_three_seeds_keep_the_level_where_trainings_differ_by_luck_alone() -> None:
    rng = np.random.default_rng(3)
    draws, ours, naive = 400, 0, 0
    for _ in range(draws):
        stamps = rng.normal(size=200)
        pairs = [(scores(rng, stamps, 0.5), scores(rng, stamps, 0.5)) for _ in range(3)]
        one, other = (np.stack(each) for each in zip(*pairs, strict=True))
        ours += not seed_difference(one, other, POSITIVE, GROUPS, LEVEL).excludes_zero
        ends = np.array([auroc_difference_interval(*pair, POSITIVE, GROUPS, LEVEL) for pair in pairs]).mean(
            axis=0
        )
        naive += ends[0] <= 0 <= ends[2]
    assert naive / draws < 0.6  # the mean of ends counts no luck of training
    assert ours / draws > 0.94


def test_what_differs_on_no_stamp_is_not_certain() -> None:
    perfect = POSITIVE.astype(float)
    found = seed_difference(np.stack([perfect] * 3), np.stack([2 * perfect] * 3), POSITIVE, GROUPS, LEVEL)
    assert found.value == 0
    assert -0.06 < found.low < -0.02
    assert found.high == -found.low
