"""Hosts stay whole, matched hosts stay together, and pictures in many pairs are not chained to one group."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from methods.shortcuts.probes import gate_auc
from methods.splits.matched_groups import matched_groups

Numbers = NDArray[np.int64]


def groups(hosts: list[int], pairs: list[int]) -> Numbers:
    return matched_groups(np.array(hosts), np.array(pairs))


def test_the_hosts_of_a_matched_pair_are_one_group() -> None:
    assert groups([4, 7, 5, 9], [0, 0, 1, 1]).tolist() == [0, 0, 1, 1]


def test_a_pair_of_one_host_is_that_host() -> None:
    assert groups([3, 3, 2, 2], [1, 1, 0, 0]).tolist() == [1, 1, 0, 0]


def test_hosts_without_pairs_stay_whole() -> None:
    assert groups([3, 2, 3, 2], [-1, -1, -1, -1]).tolist() == [1, 0, 1, 0]


def test_a_matched_host_brings_its_rows_without_a_pair() -> None:
    assert groups([3, 2, 3, 8], [0, 0, -1, -1]).tolist() == [0, 0, 0, 1]


def test_hosts_in_several_pairs_join_nothing_and_leave_other_pairs_alone() -> None:
    found = groups([1, 2, 2, 3, 4, 5], [0, 0, 1, 1, 2, 2])
    assert len(set(found[:4])) == 3 and found[1] == found[2]
    assert found[4] == found[5] and found[4] not in found[:4]


def test_the_numbering_of_hosts_and_pairs_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    hosts, pairs = rng.permutation(40) // 2 * 3, rng.integers(-1, 12, 40)
    one = matched_groups(hosts, pairs)
    other = matched_groups(100 - hosts, np.where(pairs < 0, -1, 50 - pairs))
    assert all(((one == a) == (other == b)).all() for a, b in zip(one, other, strict=True))


def test_a_row_without_its_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="a pair for every row"):
        matched_groups(np.arange(3), np.arange(2))


def test_a_shared_sky_reads_below_chance_only_where_pairs_are_torn() -> None:
    """Both members of a pair see the same sky; nothing else is in the columns."""
    found: dict[str, list[Any]] = {"torn": [], "whole": []}
    for seed in range(6):
        sky = np.repeat(np.random.default_rng(seed).normal(size=(300, 6)), 2, axis=0)
        sky += np.random.default_rng([seed, 1]).normal(0, 0.05, sky.shape)
        labels, hosts, pairs = np.arange(600) % 2 == 0, np.arange(600), np.arange(600) // 2
        found["torn"].append(gate_auc(sky, labels, hosts, seed).auc)
        found["whole"].append(gate_auc(sky, labels, matched_groups(hosts, pairs), seed).auc)
    assert np.mean(found["torn"]) < 0.47
    assert abs(np.mean(found["whole"]) - 0.5) < 0.02
