"""Whole groups to train, validation and test."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GroupShuffleSplit

from methods.splits.group_holdout import group_holdout, scarce, unlearnable


def test_test_is_what_group_shuffle_split_takes() -> None:
    groups = np.repeat([f"image_{number:03d}" for number in range(91)], 3)
    split = group_holdout(groups, 0.2, 0.25, 42)
    splitter = GroupShuffleSplit(n_splits=1, test_size=0.2, random_state=42)
    _, test = next(splitter.split(groups, groups=groups))
    assert np.array_equal(np.flatnonzero(split == "test"), np.sort(test))


@given(st.lists(st.integers(0, 12), min_size=20, max_size=60), st.integers(0, 5))
def test_no_group_is_in_two_splits_and_none_is_left_out(groups: list[int], seed: int) -> None:
    if len(set(groups)) < 3:
        return
    split = group_holdout(groups, 0.3, 0.3, seed)
    homes = {
        group: {str(part) for part, name in zip(split, groups, strict=True) if name == group}
        for group in groups
    }
    assert all(len(parts) == 1 for parts in homes.values())
    assert {"train", "validation", "test"} == set(split.tolist())


@pytest.mark.parametrize("groups", [["a"] * 5, ["a", "a", "b"]])
def test_too_few_groups_are_refused(groups: list[str]) -> None:
    with pytest.raises(ValueError, match="too few to set some aside"):
        group_holdout(groups, 0.5, 0.5, 0)


def test_a_class_of_one_group_or_without_a_train_row_is_named() -> None:
    labels = ["a", "a", "b", "b", "c", "c"]
    groups = ["1", "2", "3", "3", "1", "2"]
    split = ["train", "test", "train", "train", "validation", "test"]
    why = unlearnable(labels, groups, split)
    assert why == {
        "b": "all its 2 row(s) are of one group, 3",
        "c": "none of its 2 rows is in train",
    }


def test_classes_of_which_a_split_has_few_rows_are_counted() -> None:
    labels, split = (
        ["a", "b", "a", "b", "a", "a"],
        ["train", "train", "validation", "validation", "test", "test"],
    )
    assert scarce(labels, split, 1) == [("test", "b", 0)]
    assert scarce(labels, split, 2) == [("validation", "a", 1), ("validation", "b", 1), ("test", "b", 0)]
