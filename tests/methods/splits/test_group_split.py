"""The grouped split: exact counts, no shared group, found wherever one exists."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from methods.splits.group_split import Quota, exact_group_split, single_groups

# The plan: 160 clips in 13 groups, 64 / 72 / 24 clips in 6 / 4 / 3 groups.
SIZES = {
    **{"s1": 12, "s2": 10, "s3": 10, "s4": 20, "s5": 16, "s6": 12},
    **{"n1": 11, "n2": 11, "n3": 10, "n4": 18, "n5": 18, "n6": 6, "n7": 6},
}
PLAN = {"train": Quota(64, 6), "dev": Quota(72, 4), "test": Quota(24, 3)}


def rows(sizes: dict[str, int]) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    groups = np.repeat(list(sizes), list(sizes.values()))
    return groups, np.array(["SPEECH" if name[0] == "s" else "NONSPEECH" for name in groups])


def assert_whole(split: NDArray[np.str_], groups: NDArray[np.str_]) -> None:
    assert {len(set(split[groups == group])) for group in set(groups)} == {1}


def test_the_plans_counts_are_met_and_the_classes_balanced() -> None:
    groups, labels = rows(SIZES)
    for seed in range(5):
        split = exact_group_split(groups, labels, PLAN, seed)
        assert_whole(split, groups)
        for name, quota in PLAN.items():
            inside = split == name
            assert (inside.sum(), len(np.unique(groups[inside]))) == (quota.rows, quota.groups)
            assert (labels[inside] == "SPEECH").sum() == inside.sum() / 2


def test_the_seed_draws_among_equally_good_splits() -> None:
    groups = np.array([f"{kind}{i}" for kind in "sn" for i in range(12) for _ in range(2)])
    labels = np.array([name[0] for name in groups])
    quotas = {"train": Quota(16, None), "dev": Quota(16, None), "test": Quota(16, None)}
    drawn = {tuple(exact_group_split(groups, labels, quotas, seed).tolist()) for seed in range(6)}
    assert len(drawn) == 6
    assert tuple(exact_group_split(groups, labels, quotas, 3).tolist()) in drawn


def test_quotas_may_be_stated_per_class() -> None:
    groups, labels = rows(SIZES)
    quotas = {
        "train": Quota({"SPEECH": 32}, {"SPEECH": 3, "NONSPEECH": 3}),
        "dev": Quota(72, None),
        "test": Quota(None, {"SPEECH": 1, "NONSPEECH": 2}),
    }
    split = exact_group_split(groups, labels, quotas, 0)
    speech = labels == "SPEECH"
    assert ((split == "train") & speech).sum() == 32
    assert (split == "dev").sum() == 72
    assert len(np.unique(groups[(split == "test") & ~speech])) == 2


@settings(derandomize=True, max_examples=40)
@given(st.lists(st.integers(1, 6), min_size=3, max_size=7), st.integers(0, 100), st.data())
def test_a_split_is_found_exactly_where_one_exists(sizes: list[int], seed: int, data: st.DataObject) -> None:
    named = {f"{'sn'[i % 2]}{i}": size for i, size in enumerate(sizes)}
    train = data.draw(st.integers(1, sum(sizes) - 2))
    dev = data.draw(st.integers(1, sum(sizes) - train - 1))
    assume(train + dev < sum(sizes))
    wanted = (train, dev, sum(sizes) - train - dev)
    reachable = any(
        tuple(sum(size for size, of in zip(sizes, homes, strict=True) if of == split) for split in range(3))
        == wanted
        for homes in product(range(3), repeat=len(sizes))
    )
    groups, labels = rows(named)
    quotas = {name: Quota(n, None) for name, n in zip(("train", "dev", "test"), wanted, strict=True)}
    if reachable:
        split = exact_group_split(groups, labels, quotas, seed)
        assert [(split == name).sum() for name in quotas] == list(wanted)
        assert_whole(split, groups)
    else:
        with pytest.raises(ValueError, match="no split of whole groups meets train"):
            exact_group_split(groups, labels, quotas, seed)


@pytest.mark.parametrize(
    ("quotas", "complaint"),
    [
        (
            {"train": Quota(64, 6), "dev": Quota(72, 4), "test": Quota(25, 3)},
            "ask for 161 rows, there are 160",
        ),
        (
            {"train": Quota(64, 6), "dev": Quota(72, 4), "test": Quota(24, 4)},
            "ask for 14 groups, there are 13",
        ),
        (
            {"train": Quota(3, 1), "dev": Quota(None, None)},
            "no split of whole groups meets train: 3 rows, 1 groups",
        ),
        ({"train": Quota({"MUSIC": 3}, None), "dev": Quota(None, None)}, r"name class\(es\) \['MUSIC'\]"),
    ],
)
def test_impossible_counts_are_refused(quotas: dict[str, Quota], complaint: str) -> None:
    groups, labels = rows(SIZES)
    with pytest.raises(ValueError, match=complaint):
        exact_group_split(groups, labels, quotas, 0)


def test_a_class_that_stands_on_one_group_is_named() -> None:
    splits = ["train", "train", "test", "test", "test"]
    assert single_groups(splits, ["a", "b", "c", "d", "e"], ["S", "S", "S", "N", "N"]) == [("test", "S", "c")]
