"""Figures as people read them."""

import pytest

from tasks.report.figures import probability


@pytest.mark.parametrize(
    ("p", "text"),
    [(None, ""), (float("nan"), ""), (0.0, "< .001"), (0.0009, "< .001"), (0.001, "0.001"), (1, "1.000")],
)
def test_a_p_has_three_digits_and_none_is_nothing(p: float | None, text: str) -> None:
    assert probability(p) == text
