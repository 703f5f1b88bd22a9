"""Paired differences and their noise against brute force."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp
from sklearn.metrics import f1_score

from methods.heads.noise import (
    clustered_error,
    difference,
    group_counts,
    holm,
    macro_f1,
    macro_f1_draws,
    seed_spread,
)


def predictions(runs: int, rows: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, rows)
    wrong = rng.random((runs, rows)) < 0.3
    return labels, np.where(wrong, rng.integers(0, 5, (runs, rows)), labels), rng.integers(0, 40, rows)


def alone(pairs: int) -> list[tuple[int, int]]:
    """Units of pairs that have nothing in common."""
    return [(2 * i, 2 * i + 1) for i in range(pairs)]


def test_counts_by_group_add_up_to_scikit_learns_f1() -> None:
    labels, predicted, groups = predictions(1)
    counts = group_counts(predicted[0], labels, groups, 4)
    assert macro_f1(counts.sum(0)) == pytest.approx(
        f1_score(labels, predicted[0], average="macro", labels=[0, 1, 2, 3])
    )


def test_draws_are_f1_scores_of_rows_whose_groups_were_drawn() -> None:
    labels, predicted, groups = predictions(3)
    counts = np.stack([group_counts(each, labels, groups, 4) for each in predicted])
    draws = macro_f1_draws(counts, 20, 7)
    names = np.unique(groups)
    weights = np.random.Generator(np.random.Philox(7)).multinomial(
        len(names), np.full(len(names), 1 / len(names)), 20
    )
    for number in (0, 5, 19):
        rows = np.concatenate([np.repeat(np.flatnonzero(groups == name), times)
                               for name, times in zip(names, weights[number], strict=True)])  # fmt: skip
        for run in range(3):
            expected = f1_score(labels[rows], predicted[run][rows], average="macro", labels=[0, 1, 2, 3])
            assert draws[run, number] == pytest.approx(expected)


def test_a_run_against_itself_differs_by_exactly_nothing() -> None:
    labels, predicted, groups = predictions(2)
    counts = np.stack([group_counts(each, labels, groups, 4) for each in predicted])
    values, draws = macro_f1(counts.sum(1)), macro_f1_draws(counts, 200, 1)
    found = difference([0, 1], [0, 1], [0, 0], alone(2), values, draws, 0.95)
    assert (found.delta, found.low, found.high, found.floor, found.p) == (0, 0, 0, 0, 1)


def test_cells_that_share_a_test_set_are_no_independent_evidence() -> None:
    """Ten copies of one pair have the interval of one pair, not one a third as wide."""
    labels, predicted, groups = predictions(2)
    counts = np.stack([group_counts(each, labels, groups, 4) for each in predicted] * 10)
    values, draws = macro_f1(counts.sum(1)), macro_f1_draws(counts, 500, 1)
    one = difference([1], [0], [0], alone(1), values, draws, 0.95)
    ten = difference(range(1, 20, 2), range(0, 20, 2), list(range(10)), alone(10), values, draws, 0.95)
    assert (ten.low, ten.high) == pytest.approx((one.low, one.high))


def test_seed_noise_alone_rarely_counts_as_a_difference() -> None:
    """No truth behind it: 200 comparisons of heads that are alike, five seeds each."""
    rng = np.random.default_rng(3)
    named = 0
    for _ in range(200):
        values = 0.8 + 0.02 * rng.normal(size=10)
        draws = values[:, None] + 0.01 * rng.normal(size=(1, 400))
        found = difference(range(5), range(5, 10), [0] * 5, alone(5), values, draws, 0.95)
        named += abs(found.delta) > found.floor
    assert 2 <= named <= 20  # 5% of 200 is 10; the spread is known from five seeds only


def test_the_floor_grows_with_the_spread_over_seeds() -> None:
    draws = np.outer([1, 1, 1, 1, 0, 0, 0, 0], np.linspace(-0.01, 0.01, 100))
    steady = difference(
        [0, 1, 2, 3], [4, 5, 6, 7], [0] * 4, alone(4), np.array([0.8] * 4 + [0.7] * 4), draws, 0.95
    )
    shaky = difference(
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [0] * 4,
        alone(4),
        np.array([0.9, 0.7, 0.95, 0.65] + [0.7] * 4),
        draws,
        0.95,
    )
    assert shaky.floor > steady.floor
    assert steady.p < shaky.p


def test_one_seed_a_cell_leaves_seed_noise_unknown() -> None:
    assert seed_spread([0.1, 0.2, 0.3], ["a", "b", "c"]) is None
    assert clustered_error([0.1, 0.2, 0.3], ["a", "b", "c"], alone(3)) is None
    assert seed_spread([0.1, 0.3, 0.3, 0.5], ["a", "a", "b", "b"]) == pytest.approx(np.sqrt(0.02))


def test_a_cluster_per_value_is_the_pooled_standard_error() -> None:
    found = clustered_error([0.1, 0.3, 0.3, 0.5], ["a", "a", "b", "b"], alone(4))
    assert found == pytest.approx((np.sqrt(0.02) / 2, 2))


def test_copies_of_a_training_are_no_more_evidence_than_one() -> None:
    """Three seeds as they are, and with ten copies of each in cells of their own that share the seeds."""
    values, seeds = np.array([0.02, 0.05, -0.01]), [("wide", 64, seed) for seed in (1, 2, 3)]
    units = [(seed, seed) for seed in seeds]
    one = clustered_error(values, ["a"] * 3, units)
    copies = clustered_error(
        np.tile(values, 10), [f"cell {i}" for i in range(10) for _ in range(3)], units * 10
    )
    assert one is not None
    assert copies == pytest.approx(one)
    draws = np.tile(np.linspace(-0.01, 0.01, 50), (6, 1))
    scores = np.concatenate([values, np.zeros(3)])
    once = difference([0, 1, 2], [3, 4, 5], ["a"] * 3, units, scores, draws, 0.95)
    many = difference(
        [0, 1, 2] * 10, [3, 4, 5] * 10, [f"cell {i}" for i in range(10) for _ in range(3)], units * 10, scores, draws,
        0.95,
    )  # fmt: skip
    assert (many.floor, many.p) == pytest.approx((once.floor, once.p))


def test_units_that_a_pair_joins_are_one_cluster() -> None:
    """Encoders a and b against c: both differences of a seed have c's luck in them."""
    values = np.array([0.1, 0.3, 0.1, 0.3])
    cells = ["a", "a", "b", "b"]
    units = [(("a", 1), ("c", 1)), (("a", 2), ("c", 2)), (("b", 1), ("c", 1)), (("b", 2), ("c", 2))]
    assert clustered_error(values, cells, units) == pytest.approx((0.1, 1))
    assert clustered_error(values, cells, alone(4)) == pytest.approx((0.1 / np.sqrt(2), 2))


def test_few_seeds_know_their_spread_badly() -> None:
    """Student's t: with seeds alone as noise, three of them have two degrees of freedom."""
    values, draws = np.array([0.02, 0.05, -0.01, 0, 0, 0]), np.zeros((6, 50))
    found = difference([0, 1, 2], [3, 4, 5], ["a"] * 3, alone(3), values, draws, 0.95)
    assert found.p == pytest.approx(ttest_1samp(values[:3], 0).pvalue)
    assert found.floor == pytest.approx(4.302653 * 0.03 / np.sqrt(3))


def test_holm_goes_step_by_step_and_leaves_out_what_is_not_compared() -> None:
    assert holm([0.01, 0.04, 0.03, np.nan]) == pytest.approx([0.03, 0.06, 0.06, np.nan], nan_ok=True)
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
