"""What is printed decides every row as the threshold does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from methods.budgets.printed_thresholds import printed_threshold
from methods.budgets.thresholds import just_above

UNIT = st.floats(0, 1, allow_subnormal=False)


@given(st.lists(UNIT, min_size=1, max_size=40), st.data(), st.sampled_from(["score", "above", "between"]))
def test_the_decimal_fires_on_the_same_rows(values: list[float], data: st.DataObject, kind: str) -> None:
    scores = np.array(
        [*values, *(np.nextafter(value, 2.0) for value in values), *(round(v, 3) for v in values)]
    )
    threshold = float(data.draw(st.sampled_from(scores.tolist())))
    if kind == "above":
        threshold = float(just_above(np.float64(threshold)))
    if kind == "between":
        threshold = data.draw(UNIT)
    printed = float(printed_threshold(threshold, scores, 6))
    np.testing.assert_array_equal(scores >= printed, scores >= threshold)


@pytest.mark.parametrize(
    ("threshold", "scores", "text"),
    [
        (0.70000005, [0.7, 0.70000005], "0.70000005"),
        (0.70000005, [0.6, 0.70000005], "0.7"),
        (0.1234567, [0.1, 0.1234567], "0.123456"),  # the nearest of six digits lies above the row itself
        (float(just_above(np.float64(0.7))), [0.7, 0.9], "0.700001"),
        (float("inf"), [0.7], "inf"),
        (0.25, [np.nan, 0.25], "0.25"),
    ],
)
def test_as_many_digits_as_it_takes(threshold: float, scores: list[float], text: str) -> None:
    assert printed_threshold(threshold, np.array(scores), 6) == text
