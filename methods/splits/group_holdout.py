"""Whole groups at random to test and validation; and classes that such a split can hardly learn or judge."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

SPLITS = ("train", "validation", "test")


def group_holdout(groups: ArrayLike, test: float, validation: float, seed: int) -> NDArray[np.str_]:
    """(rows,) train, validation or test: scikit-learn's GroupShuffleSplit takes `test` of all groups, then
    `validation` of those left. ValueError where a part would be empty."""
    from sklearn.model_selection import GroupShuffleSplit  # noqa: PLC0415 - slow to import: a split may be given

    names = np.asarray(groups).astype(str)
    split = np.full(len(names), SPLITS[0], dtype="<U10")
    left = np.arange(len(names))
    for part, share in (("test", test), ("validation", validation)):
        if len(np.unique(names[left])) < 2:
            raise ValueError(
                f"{len(np.unique(names))} group(s) are too few to set some aside for {part}; three are the least"
            )
        kept, taken = next(
            GroupShuffleSplit(n_splits=1, test_size=share, random_state=seed).split(left, groups=names[left])
        )
        split[left[taken]] = part
        left = left[kept]
    return split


def unlearnable(
    labels: Sequence[str], groups: Sequence[str], split: Sequence[str] | NDArray[np.str_]
) -> dict[str, str]:
    """Class -> why no head can be trained and judged on it: all its rows in one group, or none of them in train."""
    label, group, part = np.asarray(labels), np.asarray(groups), np.asarray(split)
    why = {}
    for name in np.unique(label).tolist():
        homes = np.unique(group[label == name])
        if len(homes) == 1:
            why[name] = f"all its {int((label == name).sum())} row(s) are of one group, {homes[0]}"
        elif not np.any(part[label == name] == "train"):
            why[name] = f"none of its {int((label == name).sum())} rows is in train"
    return why


def scarce(
    labels: Sequence[str], split: Sequence[str] | NDArray[np.str_], few: int
) -> list[tuple[str, str, int]]:
    """(split, class, rows) for classes of which validation or test has fewer than `few` rows.

    A macro mean leaves a class without a row out; one with a row or two hangs on them.
    """
    label, part = np.asarray(labels), np.asarray(split)
    return [
        (name, of_class, rows)
        for name in SPLITS[1:]
        for of_class in np.unique(label).tolist()
        if (rows := int(np.count_nonzero(label[part == name] == of_class))) < few
    ]
