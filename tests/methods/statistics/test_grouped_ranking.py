"""Intervals by group: wider where rows of a group agree."""

import numpy as np
import pytest

from methods.statistics.auroc_intervals import auroc_difference_interval, auroc_interval
from methods.statistics.grouped_ranking import unvarying_difference
from methods.statistics.intervals import clopper_pearson
from methods.statistics.ranking import auroc

RNG = np.random.default_rng(4)
POSITIVE = np.arange(300) % 3 == 0
SCORES = RNG.normal(size=300) + POSITIVE
ROWS = np.arange(300)


def test_rows_said_twice_do_not_make_it_surer() -> None:
    twice = np.repeat(ROWS, 2)
    once = auroc_interval(SCORES, POSITIVE, ROWS, 0.95)
    again = auroc_interval(SCORES[twice], POSITIVE[twice], twice, 0.95)
    assert again.auroc == pytest.approx(once.auroc)
    assert again.high - again.low == pytest.approx(once.high - once.low)


def test_it_agrees_with_a_bootstrap_of_pairs() -> None:
    """Both members of a pair share what makes the scores vary, so the interval is much narrower than by row."""
    host = np.arange(400) // 2
    positive = np.arange(400) % 2 == 0
    scores = np.repeat(RNG.normal(size=200) * 2, 2) + 0.5 * RNG.normal(size=400) + 0.6 * positive
    found = auroc_interval(scores, positive, host, 0.95)
    draws = []
    for _ in range(1500):
        hosts = RNG.integers(0, 200, 200)
        rows = np.concatenate([2 * hosts, 2 * hosts + 1])
        draws.append(auroc(scores[rows], positive[rows]))
    sd = float(np.std(draws))
    assert found.high - found.auroc == pytest.approx(1.96 * sd, rel=0.12)
    by_row = auroc_interval(scores, positive, np.arange(400), 0.95)
    assert found.high - found.low < 0.6 * (by_row.high - by_row.low)


def test_a_perfect_ranking_claims_no_certainty() -> None:
    found = auroc_interval(POSITIVE.astype(float), POSITIVE, ROWS, 0.95)
    assert found.auroc == found.high == 1
    assert 0.9 < found.low < 1


def test_a_difference_is_that_of_the_aurocs() -> None:
    low, value, high = auroc_difference_interval(SCORES, -SCORES, POSITIVE, ROWS, 0.95)
    assert low < value < high
    assert value == pytest.approx(2 * auroc(SCORES, POSITIVE) - 1)


def test_scores_that_agree_on_every_row_are_not_certain_to_agree_on_others() -> None:
    """The rule of three on either side, at 1 - .05 / 4: of 100 independent comparisons none went apart."""
    end = 1 - 0.0125 ** (1 / 100)
    perfect = POSITIVE.astype(float)
    for one, other in ((SCORES, SCORES), (perfect, 2 * perfect)):
        low, value, high = auroc_difference_interval(one, other, POSITIVE, ROWS, 0.95)
        assert (low, value, high) == pytest.approx((-end, 0, end))
    fewer = auroc_difference_interval(perfect, perfect, POSITIVE, ROWS // 30, 0.95)
    assert fewer[2] == pytest.approx(1 - 0.0125 ** (1 / 10))


def test_a_difference_without_variance_is_two_shares() -> None:
    """Perfect against constant: a alone wins half of the comparisons, the other half are ties of b."""
    perfect, constant = POSITIVE.astype(float), np.zeros(300)
    low, value, high = auroc_difference_interval(perfect, constant, POSITIVE, ROWS, 0.95)
    (least, _), (most, unseen) = clopper_pearson([50.0, 0.0], 100, 0.975)
    assert (low, value, high) == pytest.approx((least - unseen, 0.5, most))
    back = auroc_difference_interval(constant, perfect, POSITIVE, ROWS, 0.95)
    assert back == pytest.approx((-high, -value, -low))


@pytest.mark.parametrize("apart", [0.0, 0.01, 0.05])
def test_without_variance_the_truth_is_held(apart: float) -> None:
    """Comparisons that go apart with this probability, all one way: however few are seen, the truth is inside."""
    rng, pairs, held = np.random.default_rng(6), 40, 0
    for _ in range(500):
        seen = rng.binomial(pairs, apart)
        low, high = unvarying_difference(seen / pairs, pairs, 0.95)
        held += low <= apart <= high
    assert held / 500 >= 0.95


def test_groups_have_to_fit() -> None:
    with pytest.raises(ValueError, match="one group per score"):
        auroc_interval(SCORES, POSITIVE, ROWS[:-1], 0.95)
