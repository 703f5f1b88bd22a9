"""Classes of background: shaped by train alone, everything else untouched."""

import numpy as np
import pytest
from numpy.typing import NDArray

from methods.heads.background_classes import background_classes

Values = NDArray[np.float32]


def clouds(seed: int = 0) -> tuple[Values, list[str], list[str]]:
    """Three directions of background, of 30, 20 and 10 train rows, a class beside them, and as many test rows."""
    random = np.random.default_rng(seed)
    centres = np.repeat(np.eye(4)[[0, 1, 2, 3]], [30, 20, 10, 15], axis=0)
    values = np.concatenate([centres, centres]) + 0.05 * random.normal(size=(150, 4))
    labels = (["__bg"] * 60 + ["cat"] * 15) * 2
    return values.astype(np.float32), labels, ["train"] * 75 + ["test"] * 75


def test_clusters_are_named_by_their_frequency_in_train() -> None:
    values, labels, split = clouds()
    found = background_classes(values, labels, split, "__bg", 3, 5, 0)
    expected = ["__bg_0"] * 30 + ["__bg_1"] * 20 + ["__bg_2"] * 10 + ["cat"] * 15
    assert found == expected * 2


def test_rows_outside_train_shape_nothing() -> None:
    values, labels, split = clouds()
    moved = values.copy()
    moved[75:] = np.random.default_rng(9).normal(size=(75, 4))
    before = background_classes(values, labels, split, "__bg", 3, 5, 0)
    assert background_classes(moved, labels, split, "__bg", 3, 5, 0)[:75] == before[:75]


def test_only_directions_count() -> None:
    values, labels, split = clouds()
    scaled = values * np.random.default_rng(1).uniform(0.1, 10, (150, 1)).astype(np.float32)
    assert background_classes(scaled, labels, split, "__bg", 3, 5, 0) == background_classes(
        values, labels, split, "__bg", 3, 5, 0
    )


def test_without_background_nothing_is_asked() -> None:
    values, _, split = clouds()
    assert background_classes(values, ["cat"] * 150, split, "__bg", 5, 5, 0) == ["cat"] * 150


def test_more_classes_than_different_rows_are_refused() -> None:
    values, labels, split = clouds()
    values[:60] = values[0]
    with pytest.raises(ValueError, match="1 different background rows in train are too few for 3"):
        background_classes(values, labels, split, "__bg", 3, 5, 0)
