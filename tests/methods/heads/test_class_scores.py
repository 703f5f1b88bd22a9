"""F1 of rare classes: the point is scikit-learn's, and its interval holds it and does not call three rows certain."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from methods.heads.class_scores import class_effects, class_f1_intervals, macro_f1_interval
from methods.heads.noise import group_counts, macro_f1

Index = NDArray[np.int64]


def rows(seed: int, size: int = 200, classes: int = 5) -> tuple[Index, Index, Index]:
    rng = np.random.default_rng(seed)
    label = rng.integers(0, classes, size)
    called = np.where(rng.random(size) < 0.7, label, rng.integers(0, classes, size))
    return called, label, rng.integers(0, 25, size)


@pytest.mark.parametrize("seed", range(5))
def test_points_are_those_of_scikit_learn_and_within_their_intervals(seed: int) -> None:
    called, label, group = rows(seed)
    counts = group_counts(called, label, group, 4)
    found = macro_f1_interval(counts, 0.95)
    value, low, high = class_f1_intervals(counts, 0.95)
    assert found.value == pytest.approx(f1_score(label, called, average="macro", labels=range(4)))
    assert value == pytest.approx(f1_score(label, called, average=None, labels=range(4)))
    assert 0 < found.low < found.value < found.high < 1
    assert (low < value).all() and (value < high).all()


def test_what_a_group_adds_is_what_leaving_it_out_takes() -> None:
    called, label, group = rows(7, 4000)
    counts = group_counts(called, label, group, 4).astype(np.float64)
    _, effects = class_effects(counts[None])
    assert effects.sum(axis=1) == pytest.approx(0, abs=1e-12)
    without = np.array([macro_f1(np.delete(counts, g, axis=0).sum(axis=0)) for g in range(25)])
    assert effects[0].mean(axis=1) == pytest.approx(
        macro_f1(counts.sum(axis=0)) - without, rel=0.15, abs=2e-4
    )


def test_runs_of_one_answer_know_no_more_than_one() -> None:
    counts = group_counts(*rows(1), 4)
    one, three = macro_f1_interval(counts, 0.95), macro_f1_interval(np.stack([counts] * 3), 0.95)
    assert (three.value, three.low, three.high) == pytest.approx((one.value, one.low, one.high))


def test_a_class_that_no_row_has_is_no_class() -> None:
    counts = group_counts(*rows(2), 4)
    more = np.concatenate([counts, np.zeros((len(counts), 1, 3), np.int64)], axis=1)
    assert macro_f1_interval(more, 0.95) == macro_f1_interval(counts, 0.95)
    assert np.isnan(np.array(class_f1_intervals(more, 0.95))[:, 4]).all()
    with pytest.raises(ValueError, match="no row of a class"):
        macro_f1_interval(np.zeros((3, 2, 3)), 0.95)


@pytest.mark.parametrize("right", [True, False])
def test_three_rows_all_right_or_all_wrong_are_not_certain(right: bool) -> None:
    label = np.repeat([0, 1], 3)
    counts = group_counts(label if right else 1 - label, label, np.arange(6), 2)
    found = macro_f1_interval(counts, 0.95)
    _, low, high = class_f1_intervals(counts, 0.95)
    assert 0.4 < found.low < 0.6 if right else 0.4 < found.high < 0.6
    assert (low < 0.5).all() if right else (high > 0.6).all()
    assert found.low <= found.value <= found.high


def test_few_images_make_few_degrees_of_freedom() -> None:
    called, label, group = rows(3)
    many, few = (
        macro_f1_interval(group_counts(called, label, g, 4), 0.95) for g in (np.arange(200), group % 4)
    )
    assert few.freedom <= 3 < many.freedom
