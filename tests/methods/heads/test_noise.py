"""Paired differences and their noise against brute force."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from methods.heads.noise import (
    clustered_error,
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


def test_draws_are_the_same_bits_in_any_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, predicted, groups = predictions(3)
    counts = np.stack([group_counts(each, labels, groups, 4) for each in predicted])
    whole = macro_f1_draws(counts, 50, 7)
    monkeypatch.setattr("methods.heads.noise._BLOCK", 7 * counts.shape[1])
    assert np.array_equal(macro_f1_draws(counts, 50, 7), whole)


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


def test_units_that_a_pair_joins_are_one_cluster() -> None:
    """Encoders a and b against c: both differences of a seed have c's luck in them."""
    values = np.array([0.1, 0.3, 0.1, 0.3])
    cells = ["a", "a", "b", "b"]
    units = [(("a", 1), ("c", 1)), (("a", 2), ("c", 2)), (("b", 1), ("c", 1)), (("b", 2), ("c", 2))]
    assert clustered_error(values, cells, units) == pytest.approx((0.1, 1))
    assert clustered_error(values, cells, alone(4)) == pytest.approx((0.1 / np.sqrt(2), 2))


def test_holm_goes_step_by_step_and_leaves_out_what_is_not_compared() -> None:
    assert holm([0.01, 0.04, 0.03, np.nan]) == pytest.approx([0.03, 0.06, 0.06, np.nan], nan_ok=True)
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
