"""What is said to be better than the chosen option keeps the budget and catches more, both for sure."""

import numpy as np
import pytest

from methods.budgets.better_options import better_for_label, better_whole
from methods.budgets.choice import Decisions

POSITIVES, NEGATIVES = 200, 600
POSITIVE = np.arange(POSITIVES + NEGATIVES) < POSITIVES
LEVEL = 0.95


def fires_on(positives: int, negatives: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    fired = np.zeros(len(POSITIVE), bool)
    fired[:positives] = True
    fired[POSITIVES : POSITIVES + negatives] = True
    return fired


def rows(*options: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Decisions:
    fired = np.stack(options)[:, :, None]
    return Decisions(fired, POSITIVE[:, None], np.arange(len(POSITIVE)))


CHOSEN = fires_on(100, 3)


@pytest.mark.parametrize(
    ("option", "better"),
    [
        (fires_on(130, 3), True),
        (fires_on(130, 12), False),  # 2% exactly: not shown to keep it
        (fires_on(101, 0), False),  # hardly more
        (fires_on(80, 0), False),
    ],
)
def test_both_are_shown_or_nothing_is_said(
    option: np.ndarray[tuple[int], np.dtype[np.bool_]], better: bool
) -> None:
    others = np.array([False, True])
    found = better_for_label(rows(CHOSEN, option), 0, CHOSEN, others, 0.02, LEVEL)
    assert [each.option for each in found] == [1] * better
    for each in found:
        assert each.gain == pytest.approx(0.15)
        assert 0 < each.low < each.gain < each.high
    whole = better_whole(rows(CHOSEN, option), np.array([True]), CHOSEN[:, None], others, 0.02, LEVEL)
    assert whole == found


def test_a_candidate_is_never_among_them_and_many_are_held_to_a_stricter_level() -> None:
    option = fires_on(130, 4)
    few = better_for_label(rows(CHOSEN, option), 0, CHOSEN, np.array([False, True]), 0.02, LEVEL)
    many = rows(CHOSEN, *[option] * 20)
    assert few and not better_for_label(many, 0, CHOSEN, np.zeros(21, bool), 0.02, LEVEL)
    strict = better_for_label(many, 0, CHOSEN, np.arange(21) > 0, 0.02, LEVEL)
    assert not strict or strict[0].low < few[0].low


def test_what_positives_of_one_group_catch_together_is_one_piece_of_evidence() -> None:
    option = fires_on(130, 3)
    group = np.concatenate([np.repeat(np.arange(4), 50), np.arange(4, 4 + NEGATIVES)])
    clustered = Decisions(rows(CHOSEN, option).fired, POSITIVE[:, None], group)
    assert not better_for_label(clustered, 0, CHOSEN, np.array([False, True]), 0.02, LEVEL)


def test_a_handful_of_rows_that_all_differ_one_way_shows_nothing() -> None:
    """Seven rows of 200 that only the option catches, one of nine options: McNemar's p is .016, over nine .14."""
    options = rows(CHOSEN, *[fires_on(107, 0)] * 9)
    assert not better_for_label(options, 0, CHOSEN, np.arange(10) > 0, 0.02, LEVEL)
    assert better_for_label(rows(CHOSEN, fires_on(120, 0)), 0, CHOSEN, np.array([False, True]), 0.02, LEVEL)
