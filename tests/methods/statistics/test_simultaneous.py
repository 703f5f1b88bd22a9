"""Many differences at once: noise is seldom named, what is there is, and one seed names nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from methods.statistics.simultaneous import (
    SimultaneousDifferences,
    moderated_variances,
    simultaneous_differences,
)

Floats = NDArray[np.float64]
LEVEL, RESAMPLES = 0.95, 400


def sweep(
    recipes: int, seeds: int, groups: int, luck: float, row_luck: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Values (runs,) and draws: means over groups of what groups, seeds and single rows do; all recipes are as good."""
    own = rng.normal(size=(recipes, 1, groups))
    cells = (
        own
        + row_luck * rng.normal(size=(recipes, seeds, groups))
        + luck * rng.normal(size=(recipes, seeds, 1))
    )
    cells = cells.reshape(recipes * seeds, groups)
    weights = rng.multinomial(groups, np.full(groups, 1 / groups), RESAMPLES) / groups
    return cells.mean(axis=1), cells @ weights.T


def compared(
    values: Floats, draws: Floats, recipes: int, seeds: int, groups: int = 60
) -> SimultaneousDifferences:
    """Each recipe with the first."""
    means = np.kron(np.eye(recipes), np.full(seeds, 1 / seeds))
    recipe = np.repeat(np.arange(recipes), seeds)
    return simultaneous_differences(values, draws, recipe, means[1:] - means[0], groups, LEVEL, 3)


def test_one_seed_names_nothing_however_large() -> None:
    values, draws = sweep(5, 1, 60, 0.1, 0.1, np.random.default_rng(0))
    found = compared(values + np.array([0, 0, 100, 0, 0]), draws, 5, 1)
    assert found.best(found.delta) is None
    assert (found.p == 1).all() and np.isinf(found.floor).all()


@pytest.mark.parametrize("seeds", [2, 3, 8])
def test_noise_is_seldom_named(seeds: int) -> None:
    rng = np.random.default_rng(seeds)
    named = sum(
        bool(
            (
                np.abs((found := compared(*sweep(12, seeds, 60, 0.1, 0.5, rng), 12, seeds)).delta)
                > found.floor
            ).any()
        )
        for _ in range(150)
    )
    assert named <= 150 * 0.05 + 2.6 * np.sqrt(150 * 0.05 * 0.95)


def test_what_is_truly_better_is_named_and_nothing_else() -> None:
    rng, right = np.random.default_rng(1), 0
    for _ in range(20):
        values, draws = sweep(20, 3, 60, 0.1, 0.3, rng)
        better = values.copy()
        better[12:15] += 1.2  # the fifth recipe: six standard errors
        found = compared(better, draws, 20, 3)
        right += found.best(found.delta) == 3 and int((found.low > 0).sum()) == 1
    assert right >= 17


def test_the_best_of_those_that_are_shown() -> None:
    found = SimultaneousDifferences(
        np.array([3.0, 2.0, 9.0]), np.ones(3), np.array([1.0, 1.0, 10.0]), np.ones(3)
    )
    assert found.best([0.1, 0.2, 0.9]) == 1
    assert found.low.tolist() == [2, 1, -1] and found.high.tolist() == [4, 3, 19]


def test_luck_with_single_rows_is_counted_once() -> None:
    rng = np.random.default_rng(2)
    runs = [compared(*sweep(8, 4, 60, 0.0, 2.0, rng), 8, 4) for _ in range(40)]
    true = np.sqrt(2 * (1 + 2.0**2 / 4) / 60)
    assert np.mean([found.error.mean() for found in runs]) == pytest.approx(true, rel=0.1)


def test_a_recipe_that_answers_as_its_control_is_no_difference() -> None:
    values, draws = sweep(6, 3, 60, 0.1, 0.1, np.random.default_rng(3))
    values[3:6], draws[3:6] = values[:3], draws[:3]
    found = compared(values, draws, 6, 3)
    assert found.delta[0] == pytest.approx(0, abs=1e-12) and found.p[0] == 1


def test_an_interval_without_zero_has_a_small_p() -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        values, draws = sweep(10, 3, 60, 0.1, 0.1, rng)
        found = compared(values + np.repeat(rng.normal(0, 0.6, 10), 3), draws, 10, 3)
        assert (found.p[np.abs(found.delta) > found.floor] <= 1 - LEVEL).all()
        assert (np.diff(found.p[np.argsort(-np.abs(found.delta / found.error))]) >= 0).all()


def test_alike_spreads_are_pooled_and_unlike_ones_are_not() -> None:
    rng = np.random.default_rng(5)
    chance = rng.chisquare(4, 100) / 4
    alike, many = moderated_variances(chance, np.full(100, 4))
    unlike, few = moderated_variances(chance * np.repeat([1, 100], 50), np.full(100, 4))
    assert alike.std() < 0.4 * chance.std() and many[0] > 10
    assert np.median(unlike[50:]) > 20 * np.median(unlike[:50]) and few[0] < 8


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(st.floats(1e-6, 1e3), min_size=2, max_size=30), st.integers(1, 9))
def test_a_moderated_variance_keeps_its_rank_and_knows_no_more_than_all_do(
    each: list[float], own: int
) -> None:
    moderated, freedom = moderated_variances(each, np.full(len(each), own))
    assert (np.diff(moderated[np.argsort(each)]) >= -1e-9 * max(each)).all()
    assert (freedom <= own * len(each) + 1e-9).all() and (moderated > 0).all()


def test_what_does_not_fit_together_is_refused() -> None:
    values, draws = sweep(2, 3, 60, 0.1, 0.1, np.random.default_rng(6))
    with pytest.raises(ValueError, match="add up to 0"):
        simultaneous_differences(values, draws, np.repeat([0, 1], 3), np.ones((1, 6)), 60, LEVEL, 0)
    with pytest.raises(ValueError, match="of 6 runs"):
        simultaneous_differences(values, draws[:5], np.repeat([0, 1], 3), np.ones((1, 6)), 60, LEVEL, 0)


def test_luck_in_common_widens_what_it_adds_up_in_and_never_narrows_what_it_cancels_in() -> None:
    """Two recipes in two cells of four seeds; a seed's luck is the same in both cells."""
    rng = np.random.default_rng(4)
    values = 0.7 + 0.02 * np.repeat(rng.normal(size=(2, 1, 4)), 2, axis=1).ravel()
    draws = values[:, None] + 0.005 * rng.normal(size=(16, 400))
    number = np.arange(16).reshape(2, 2, 4)
    recipes, unit = number // 4, np.broadcast_to(number[:, :1], number.shape)
    over_cells = np.where(number < 8, 1 / 8, -1 / 8).ravel()
    between_cells = np.where(number // 4 % 2, 1 / 8, -1 / 8).ravel()
    contrasts = np.stack([over_cells, between_cells])
    own, shared = (
        simultaneous_differences(values, draws, recipes.ravel(), contrasts, 50, 0.95, 0, luck)
        for luck in (None, unit.ravel())
    )
    assert shared.error[0] > 1.3 * own.error[0]
    assert shared.error[1] == own.error[1]
