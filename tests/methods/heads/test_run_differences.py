"""Differences of finished runs: against scipy's paired tests, and what luck alone does."""

import numpy as np
import pytest
from scipy import stats

from methods.heads.run_differences import run_difference

CELLS, SEEDS = 7, 4


def grid(random: np.random.Generator) -> tuple[np.ndarray, list[int], list[int]]:
    values = random.normal(size=(CELLS, SEEDS)) + 2 * random.normal(size=(CELLS, 1))
    cell, seed = np.indices(values.shape)
    return values.ravel(), cell.ravel().tolist(), seed.ravel().tolist()


def test_one_luck_a_seed_is_the_t_test_of_the_seeds_means() -> None:
    values, cells, seeds = grid(np.random.default_rng(0))
    found = run_difference(values, cells, seeds, 0.95)
    reference = stats.ttest_1samp(values.reshape(CELLS, SEEDS).mean(axis=0), 0)
    assert found.p == pytest.approx(reference.pvalue, rel=1e-12)
    assert (found.low, found.high) == pytest.approx(tuple(reference.confidence_interval(0.95)), rel=1e-12)
    assert found.freedom == SEEDS - 1


def test_a_luck_of_its_own_for_each_run_pools_the_cells() -> None:
    values, cells, seeds = grid(np.random.default_rng(1))
    found = run_difference(values, cells, list(zip(cells, seeds, strict=True)), 0.95)
    table = values.reshape(CELLS, SEEDS)
    spread = np.sqrt(table.var(axis=1, ddof=1).mean() / values.size)
    assert found.error == pytest.approx(spread, rel=1e-12)
    assert found.freedom == CELLS * (SEEDS - 1)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.delta) / spread, CELLS * (SEEDS - 1)), rel=1e-12)


def test_the_spread_of_cells_is_no_error() -> None:
    values, cells, seeds = grid(np.random.default_rng(2))
    moved = values + 100 * np.array(cells) - 100 * np.mean(cells)
    assert run_difference(moved, cells, seeds, 0.95).error == pytest.approx(
        run_difference(values, cells, seeds, 0.95).error
    )


def test_many_cells_at_one_seed_prove_nothing() -> None:
    found = run_difference(np.full(58, 0.1) + np.arange(58) / 1e3, range(58), [42] * 58, 0.95)
    assert (found.error, found.p, found.low, found.cells_above) == (None, None, None, 58)
    assert not found.above
    assert not found.below


def test_equal_differences_at_every_seed_have_no_spread_to_judge_by() -> None:
    scores = np.array([0.83, 0.92, 0.71])
    found = run_difference((scores + 0.01) - scores, [0] * 3, range(3), 0.95)
    assert (found.freedom, found.error, found.p) == (2, None, None)
    same = run_difference(np.zeros(3), [0] * 3, range(3), 0.95)
    assert (same.delta, same.error) == (0, 0)


@pytest.mark.parametrize("shared", [True, False])
def test_luck_alone_is_named_as_often_as_the_level_says(shared: bool) -> None:
    """Where a seed's luck is common to all cells, only the seed as the unit holds the level."""
    random, named = np.random.default_rng(3), {"seed": 0, "run": 0}
    _, cells, seeds = grid(random)
    for _ in range(600):
        luck = random.normal(size=(1 if shared else CELLS, SEEDS))
        values = (luck + 0.3 * random.normal(size=(CELLS, SEEDS))).ravel()
        for name, units in (("seed", seeds), ("run", list(zip(cells, seeds, strict=True)))):
            found = run_difference(values, cells, units, 0.95)
            named[name] += found.above or found.below
    assert named["seed"] / 600 < 0.075
    assert (named["run"] / 600 > 0.2) == shared
