"""Copies join the groups that they stand in."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from methods.splits.joined_groups import joined_groups


def test_groups_that_share_a_copy_go_by_the_first_ones_name() -> None:
    groups = ["a", "a", "b", "c", "d", "b"]
    assert joined_groups(groups, [[0, 2], [5, 4]]) == ["a", "a", "a", "c", "a", "a"]
    assert joined_groups(groups, []) == groups


@given(st.lists(st.integers(0, 6), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_copies_end_in_one_group_and_no_group_is_torn(numbers: list[int], random: "Random") -> None:
    groups = [f"g{number}" for number in numbers]
    copies = [[random.randrange(len(groups)) for _ in range(2)] for _ in range(3)]
    joined = joined_groups(groups, copies)
    assert all(joined[one] == joined[other] for one, other in copies)
    home = dict(zip(groups, joined, strict=True))
    assert [home[group] for group in groups] == joined
    assert len(set(joined)) >= len(set(groups)) - len(copies)
