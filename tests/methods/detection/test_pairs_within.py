"""Pairs of one label in a window, against asking every pair."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from methods.detection.matching import pairs_within

places = st.integers(-40, 40).map(lambda each: each / 8)
left_rows = st.lists(
    st.tuples(st.integers(0, 4), places, st.integers(0, 24).map(lambda each: each / 8)), max_size=12
)
right_rows = st.lists(st.tuples(st.integers(0, 4), places), max_size=30)


@given(left_rows, right_rows, st.sampled_from([1.0, 1e-3, 1e5]))
def test_they_are_those_that_lie_in_the_window_and_none_of_another_label(
    left: list[tuple[int, float, float]], right: list[tuple[int, float]], unit: float
) -> None:
    label, low, wide = np.array(left, np.float64).reshape(-1, 3).T
    other, at = np.array(right, np.float64).reshape(-1, 2).T
    found = [
        pair
        for i, j in pairs_within(
            label.astype(np.int64), unit * low, unit * (low + wide), other.astype(np.int64), unit * at
        )
        for pair in zip(i.tolist(), j.tolist(), strict=True)
    ]
    inside = (label[:, None] == other) & (low[:, None] <= at) & (at <= (low + wide)[:, None])
    assert sorted(found) == list(zip(*(each.tolist() for each in np.nonzero(inside)), strict=True))
    assert [i for i, _ in found] == sorted(i for i, _ in found)
