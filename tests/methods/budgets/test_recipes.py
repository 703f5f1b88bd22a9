"""Each rule of a recipe gives its threshold, or says what is missing."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from methods.budgets.calibration_sets import CalibrationSet, MinedRows, Moment
from methods.budgets.recipes import LabelThreshold, recipe_thresholds, threshold_distributions
from methods.budgets.thresholds import empirical_threshold, guaranteed_threshold

RANDOM = np.random.default_rng(0)


@dataclass(frozen=True)
class RuleAtTarget:
    rule: Literal["empirical", "guaranteed", "any_label"]
    target: float = 0.02
    delta: float | None = 0.1


def moment(
    scores: NDArray[np.float32], positive: NDArray[np.bool_], group: NDArray[np.int64] | None = None
) -> Moment:
    n = len(scores)
    rows = np.arange(n)
    return Moment(
        rows, np.full(n, "calib"), scores, positive, rows if group is None else group, rows, np.zeros(n, bool)
    )


def sample(negatives: int, positives: int, labels: int = 1) -> Moment:
    positive = np.zeros((negatives + positives, labels), bool)
    positive[negatives:] = True
    scores = np.clip(RANDOM.beta(2, 5, positive.shape) + 0.3 * positive, 0, 1).astype(np.float32)
    return moment(scores, positive)


def one(recipe: RuleAtTarget, calibration: CalibrationSet, target: float | None = None) -> LabelThreshold:
    return recipe_thresholds(
        recipe, calibration, ["x"], np.array([recipe.target if target is None else target])
    )[0]


def test_the_empirical_rule_is_the_order_statistic() -> None:
    rows = sample(200, 50)
    made = one(RuleAtTarget("empirical", delta=None), CalibrationSet(rows, (), ()))
    assert made.threshold == empirical_threshold(rows.scores[:, 0], rows.positive[:, 0], 0.02)
    assert (made.negatives, made.positives, made.allowed, made.status) == (200, 50, 4, "feasible")


def test_the_guaranteed_rule_is_the_certified_one() -> None:
    rows = sample(300, 50)
    made = one(RuleAtTarget("guaranteed"), CalibrationSet(rows, (), ()))
    expected = guaranteed_threshold(rows.scores[:300, 0], 0.02, 0.1)
    assert (made.threshold, made.allowed, made.upper_bound) == (
        expected.threshold,
        expected.allowed,
        expected.upper_bound,
    )


def test_too_few_negatives_are_infeasible_with_the_number_to_collect() -> None:
    made = one(RuleAtTarget("guaranteed"), CalibrationSet(sample(92, 169), (), ()))
    assert made.threshold == np.inf
    assert (made.status, made.needed, made.negatives) == ("infeasible", 114, 92)


def test_duplicates_do_not_fill_up_a_guarantee() -> None:
    rows = sample(60, 10)
    twice = np.concatenate([np.arange(70), np.arange(70)])
    doubled = moment(rows.scores[twice], rows.positive[twice], twice)
    assert one(RuleAtTarget("guaranteed"), CalibrationSet(doubled, (), ())).negatives == 60


@pytest.mark.parametrize(
    ("negatives", "positives", "status"), [(50, 0, "no positives"), (0, 50, "no negatives")]
)
def test_a_set_without_a_class_is_named(negatives: int, positives: int, status: str) -> None:
    made = one(RuleAtTarget("empirical", delta=None), CalibrationSet(sample(negatives, positives), (), ()))
    assert (made.threshold, made.status) == (np.inf, status)


def test_mined_negatives_count_with_their_pool_and_the_selected_figure_stands_beside() -> None:
    pool = sample(1000, 0)
    order = np.argsort(-pool.scores[:, 0])
    rows = sample(100, 50)
    whole = CalibrationSet(moment(
        np.concatenate([rows.scores, pool.scores]), np.concatenate([rows.positive, pool.positive])
    ), (), ())  # fmt: skip
    mined = CalibrationSet(rows, (MinedRows(pool[order[:300]], 1000),), ())
    recipe = RuleAtTarget("empirical", delta=None)
    assert one(recipe, mined).threshold == one(recipe, whole).threshold
    assert one(recipe, mined).negatives == 1100
    selected = one(recipe, mined).selected_threshold
    assert selected is not None
    assert selected > one(recipe, mined).threshold


def test_a_guarantee_with_mined_rows_equals_that_with_the_whole_pool_or_is_undetermined() -> None:
    pool = sample(1000, 0)
    order = np.argsort(-pool.scores[:, 0])
    rows = sample(100, 50)
    whole = CalibrationSet(moment(
        np.concatenate([rows.scores, pool.scores]), np.concatenate([rows.positive, pool.positive])
    ), (), ())  # fmt: skip
    recipe = RuleAtTarget("guaranteed")
    few = one(recipe, CalibrationSet(rows, (MinedRows(pool[order[:3]], 1000),), ()))
    many = one(recipe, CalibrationSet(rows, (MinedRows(pool[order[:300]], 1000),), ()))
    assert many.threshold == one(recipe, whole).threshold
    assert (few.threshold, few.status) == (np.inf, "undetermined")


def test_any_label_thresholds_keep_the_joint_rate_and_are_feasible_with_enough_rows() -> None:
    rows = sample(3000, 0, labels=3)
    made = recipe_thresholds(
        RuleAtTarget("any_label"), CalibrationSet(rows, (), ()), list("abc"), np.full(3, 0.02)
    )
    fired = rows.scores >= np.array([label.threshold for label in made], np.float32)
    assert {label.status for label in made} == {"feasible"}
    assert 0 < fired.any(axis=1).mean() <= 0.025
    few = recipe_thresholds(
        RuleAtTarget("any_label"), CalibrationSet(sample(240, 0, 3), (), ()), list("abc"), np.full(3, 0.02)
    )
    assert {label.status for label in few} == {"feasible"}


def test_any_label_without_enough_clean_rows_is_infeasible() -> None:
    for negatives in (0, 1, 100):
        made = recipe_thresholds(
            RuleAtTarget("any_label"),
            CalibrationSet(sample(negatives, 5, 2), (), ()),
            list("ab"),
            np.full(2, 0.02),
        )
        assert {label.threshold for label in made} == {np.inf}


def test_rows_that_no_model_has_scored_are_left_out() -> None:
    rows = sample(200, 50)
    scores = rows.scores.copy()
    scores[::2] = np.nan
    made = one(RuleAtTarget("empirical", delta=None), CalibrationSet(moment(scores, rows.positive), (), ()))
    assert (made.negatives, made.positives) == (100, 25)


def test_a_threshold_lies_within_its_bootstrap_distribution() -> None:
    calibration = CalibrationSet(sample(300, 50), (), ())
    for recipe in (RuleAtTarget("empirical", delta=None), RuleAtTarget("guaranteed")):
        made = [one(recipe, calibration)]
        found = threshold_distributions(recipe, calibration, made)[0]
        assert found is not None
        assert made[0].threshold in found[0]
        assert found[1].sum() == pytest.approx(1)
