"""The joint bootstrap: one draw of groups for all columns."""

import numpy as np
import pytest

from methods.statistics.intervals import percentile_interval
from methods.statistics.joint_bootstrap import (
    counted_bootstrap,
    group_sums,
    group_weights,
    joint_bootstrap,
)

RNG = np.random.default_rng(0)
GROUP = RNG.integers(0, 300, 2000).astype(str)
COLUMNS = RNG.integers(0, 2, (2000, 3)).astype(float)


def test_sums_are_those_of_each_group() -> None:
    names = np.unique(GROUP)
    expected = [COLUMNS[name == GROUP].sum(axis=0) for name in names]
    assert np.array_equal(group_sums(COLUMNS, GROUP), expected)
    with pytest.raises(ValueError, match="a group per row"):
        group_sums(COLUMNS, GROUP[1:])


def test_every_resample_draws_as_many_groups_as_there_are() -> None:
    blocks = list(group_weights(3000, 700, seed=1))
    weights = np.concatenate(blocks)
    assert len(blocks) > 1 and weights.shape == (700, 3000)
    assert (weights.sum(axis=1) == 3000).all()
    assert weights.var() == pytest.approx(1, abs=0.01)


def test_an_option_has_the_same_draws_whatever_stands_beside_it() -> None:
    """What a bootstrap of each option by itself does not promise: its draws would follow how many kinds of rows it has."""
    alone = joint_bootstrap(group_sums(COLUMNS[:, :1], GROUP), lambda sums: sums, 200, seed=3)
    beside = joint_bootstrap(group_sums(COLUMNS, GROUP), lambda sums: sums, 200, seed=3)
    assert np.array_equal(alone[:, 0], beside[:, 0])


def test_differences_vary_as_the_differences_of_groups_do() -> None:
    base = RNG.normal(0, 5, 400)
    sums = np.stack([base, base + RNG.normal(0, 1, 400)], axis=1)
    draws = joint_bootstrap(sums, lambda each: each / 400, 4000, seed=5)
    low, high = percentile_interval(draws - draws[:, [0]], 0.95)
    spread = (sums[:, 1] - sums[:, 0]).std() / 20
    assert (low[0], high[0]) == (0, 0)
    assert high[1] - low[1] == pytest.approx(2 * 1.96 * spread, rel=0.08)


def test_memory_is_a_block_and_the_result() -> None:
    most = 0

    def statistic(sums: np.ndarray) -> np.ndarray:
        nonlocal most
        most = max(most, len(sums))
        return sums[:, :1]

    assert joint_bootstrap(np.ones((10_000, 2)), statistic, 1000, seed=0).shape == (1000, 1)
    assert most * 10_000 <= 1 << 20


def test_counting_kinds_of_groups_gives_the_same_bits() -> None:
    """Many groups of few kinds, and groups of which hardly two are alike."""
    few, many = RNG.integers(0, 2, (2000, 4)).astype(float), RNG.integers(0, 1000, (2000, 4)).astype(float)
    options = [few, many, np.zeros_like(few)]
    together = counted_bootstrap(options, lambda each: each / 7, 700, seed=4)
    for sums, draws in zip(options, together, strict=True):
        assert np.array_equal(draws, joint_bootstrap(sums, lambda each: each / 7, 700, seed=4))
