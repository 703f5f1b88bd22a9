"""Choosing on dev: every group judged by a fit without it, and no choice where groups are too few."""

import numpy as np
import pytest

from methods.calibration.calibration_error import row_nll
from methods.calibration.cross_fitting import (
    choose_method,
    cross_fitted_nll,
    group_folds,
    groups_to_tell,
    lone_class,
    without_folds,
)
from methods.calibration.planned_groups import chance_of_groups, family_level
from methods.calibration.recalibration import apply, recalibrate


def test_no_group_is_in_two_folds_and_every_fit_has_both_classes() -> None:
    groups = np.repeat([f"g{i}" for i in range(30)], 2)
    labels = np.repeat(np.arange(30) % 2, 2)
    folds = group_folds(groups, labels)
    assert all(len(set(folds[groups == name])) == 1 for name in np.unique(groups))
    assert sorted(set(folds)) == list(range(10))
    assert all(len(set(labels[folds != fold])) == 2 for fold in set(folds))


def test_few_groups_are_left_out_one_by_one() -> None:
    folds = group_folds(np.array(["a", "a", "b", "c", "d"]), np.array([0, 0, 0, 1, 1]))
    assert len(set(folds)) == 4


def test_a_class_of_one_group_cannot_be_cross_fitted() -> None:
    with pytest.raises(ValueError, match="class 1 has one group"):
        group_folds(np.array(["a", "b", "c"]), np.array([0, 0, 1]))


def test_groups_of_both_classes_count_for_both_and_are_dealt_out_on_their_own() -> None:
    six = group_folds(np.repeat(np.arange(6), 4).astype(str), np.tile([0, 0, 1, 1], 6))
    assert len(set(six)) == 6
    groups = np.array([f"a{i:02}" for i in range(14)] + ["b", "m", "m"])  # one of B alone, one of both
    labels = np.array([0] * 14 + [1, 0, 1])
    folds = group_folds(groups, labels)
    assert len(set(folds)) == 10 and folds[-2] == folds[-1] != folds[-3]
    assert all(set(labels[folds != fold]) == {0, 1} for fold in set(folds))
    with pytest.raises(ValueError, match="class 1 has one group"):
        group_folds(np.array(["m", "m", "a", "c"]), np.array([0, 1, 0, 0]))


def test_each_row_is_judged_by_a_fit_that_has_not_seen_its_group() -> None:
    rng = np.random.default_rng(0)
    logits, labels, folds = rng.normal(size=(40, 2)) * 3, rng.integers(0, 2, 40), np.arange(40) % 4
    found = cross_fitted_nll("platt", logits, labels, folds)
    held = folds == 2
    fitted = recalibrate("platt", logits[~held], labels[~held])
    assert found[held] == pytest.approx(row_nll(apply(fitted, logits[held]).probabilities, labels[held]))


def test_the_choice_needs_a_difference_that_groups_agree_on() -> None:
    groups, rng = np.repeat(np.arange(12), 5).astype(str), np.random.default_rng(1)
    control = rng.random(60) + 1
    better = control - 0.5
    noisy = control + np.repeat([1.0, -1.2], 30)
    chosen = choose_method(np.array([control, better]), groups, 0.05, 0)
    assert (chosen.chosen, chosen.status) == (1, "chosen")
    doubtful = choose_method(np.array([control, noisy]), groups, 0.05, 0)
    assert (doubtful.chosen, doubtful.best, doubtful.status) == (0, 1, "not distinguishable")
    alike = choose_method(
        np.array([control, better, better - 1e-3 * rng.normal(0.1, 1, 60)]), groups, 0.05, 0
    )
    assert (alike.chosen, alike.status) == (1, "chosen")


def test_below_four_groups_the_control_stays_whatever_the_difference() -> None:
    groups = np.repeat(np.arange(3), 24).astype(str)
    found = choose_method(np.array([np.full(72, 2.0), np.full(72, 0.1)]), groups, 0.05, 0)
    assert (found.chosen, found.best, found.status) == (0, 1, "cannot tell")
    assert [each.p for each in found.differences or ()] == [None, None]


def test_what_could_not_be_cross_fitted_has_no_loss_and_the_true_reason() -> None:
    groups, labels = np.array(["a", "b", "c"]), np.array([0, 0, 1])
    assert lone_class(groups, labels) == 1
    assert lone_class(groups, np.zeros(3, np.int64)) is None
    found = without_folds(groups, 1)
    assert (found.chosen, found.status, found.lone_class) == (0, "cannot tell", 1)
    assert found.nll is None and found.differences is None


def test_methods_that_are_all_worth_nothing_replace_the_control_no_oftener_than_alpha() -> None:
    groups, left = np.repeat(np.arange(8), 3).astype(str), 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        losses = np.concatenate([np.zeros((1, 24)), np.repeat(rng.normal(size=(5, 8)), 3, axis=1)])
        left += choose_method(losses, groups, 0.05, 0).chosen > 0
    assert left <= 400 * 0.05 + 2 * np.sqrt(400 * 0.05 * 0.95)


def test_a_copy_of_a_method_is_never_chosen_before_it() -> None:
    """As threshold has the temperature's probabilities: NLL cannot tell them apart."""
    groups, control = np.repeat(np.arange(10), 3).astype(str), np.full(30, 1.0)
    found = choose_method(np.array([control, control - 0.5, control - 0.5]), groups, 0.05, 0)
    assert (found.chosen, found.best, found.status) == (1, 1, "chosen")


def test_of_more_than_two_classes_each_follows_itself_and_a_lone_one_hinders_nothing() -> None:
    labels = np.repeat(np.arange(4), [30, 20, 10, 1])
    folds = group_folds(np.array([f"r{row:02}" for row in np.random.default_rng(0).permutation(61)]), labels)
    for number, rows in ((0, 30), (1, 20), (2, 10)):
        assert np.bincount(folds[labels == number], minlength=10).tolist() == [rows // 10] * 10


def test_where_nothing_is_told_apart_the_groups_are_named_that_would() -> None:
    groups = np.repeat(np.arange(6), 5).astype(str)
    control = np.full(30, 1.0)
    hopeful = control + np.repeat([-0.5, 0.1, -0.4, 0.2, -0.3, 0.3], 5)
    found = choose_method(np.array([control, hopeful]), groups, 0.05, 0)
    assert (found.chosen, found.best, found.status) == (0, 1, "not distinguishable")
    needed = groups_to_tell(np.array([control, hopeful]), groups, 0.05, 0)
    assert needed is not None and needed > 6


def test_several_methods_are_held_to_the_level_of_as_many_groups_as_are_asked_for() -> None:
    """It is not that of the groups that are there."""
    rng, groups = np.random.default_rng(2), np.arange(8).astype(str)
    control = np.full(8, 1.0)
    losses = np.array([control, control - 0.2 + rng.normal(0, 0.5, 8), control + rng.normal(0, 0.5, 8)])
    effects = losses - control
    level = family_level(effects, 0, 0.05)
    needed = groups_to_tell(losses, groups, 0.05, 0)
    assert needed is not None
    best = effects[losses.mean(axis=1).argmin()]
    assert chance_of_groups(best, level, 0, needed) >= 0.79
    assert chance_of_groups(best, level, 0, needed // 2) < 0.7
    assert 0.95 < level(8) < level(needed)
