"""AUROC intervals: they hold their value, near 1 as elsewhere; differences against the intervals of each."""

import numpy as np
import pytest
from scipy.special import ndtri

from methods.statistics.auroc_intervals import auroc_difference_interval, auroc_interval, mover, ranked_groups
from methods.statistics.grouped_ranking import unvarying_difference
from methods.statistics.ranking import auroc

RNG = np.random.default_rng(0)
POSITIVE = np.arange(120) < 40
GROUPS = RNG.permutation(np.repeat(np.arange(60), 2))
SCORES = RNG.normal(size=120) + POSITIVE


def test_value_and_variance_are_those_of_the_structural_components() -> None:
    found, ranked = auroc_interval(SCORES, POSITIVE, GROUPS, 0.95), ranked_groups(SCORES, POSITIVE, GROUPS)
    assert found.auroc == pytest.approx(auroc(SCORES, POSITIVE))
    wald = 2 * float(ndtri(0.975)) * ranked.variance**0.5
    assert wald < found.high - found.low < 1.3 * wald


def test_the_other_way_round_the_interval_is_mirrored() -> None:
    one, other = (auroc_interval(sign * SCORES, POSITIVE, GROUPS, 0.95) for sign in (1, -1))
    assert (1 - one.low, 1 - one.high) == pytest.approx((other.high, other.low))


def test_several_trainings_are_their_mean() -> None:
    again = SCORES + RNG.normal(size=120)
    both = ranked_groups(np.stack([SCORES, again]), POSITIVE, GROUPS)
    each = [ranked_groups(scores, POSITIVE, GROUPS) for scores in (SCORES, again)]
    assert both.area == pytest.approx(np.mean([one.area for one in each]))
    assert both.influence == pytest.approx(np.mean([one.influence for one in each], axis=0))


def test_five_positives_near_one_are_covered_where_wald_covers_none() -> None:
    rng, held = np.random.default_rng(1), np.zeros(2)
    positive, groups = np.arange(55) < 5, np.arange(55)
    for _ in range(300):
        scores = rng.exponential(np.where(positive, 0.97 / 0.03, 1.0))
        ranked = ranked_groups(scores, positive, groups)
        found = ranked.interval(0.95)
        held[0] += found.low <= 0.97 <= found.high
        held[1] += abs(ranked.area - 0.97) <= float(ndtri(0.975)) * ranked.variance**0.5
    assert held[0] / 300 > 0.93
    assert held[1] / 300 < 0.9


def test_a_difference_of_independent_scores_adds_in_squares() -> None:
    low, high = mover((0.6, 0.7, 0.8), (0.5, 0.6, 0.7), 0.0)
    assert np.allclose((low, high), (0.1 - 0.1 * 2**0.5, 0.1 + 0.1 * 2**0.5))
    assert np.allclose(mover((0.6, 0.7, 0.8), (0.5, 0.6, 0.7), 1.0), 0.1)


def test_scores_that_err_alike_differ_for_surer() -> None:
    near, far = SCORES + RNG.normal(0, 0.1, 120), RNG.normal(size=120) + POSITIVE
    widths = []
    for other in (near, far):
        low, value, high = auroc_difference_interval(SCORES, other, POSITIVE, GROUPS, 0.95)
        back = auroc_difference_interval(other, SCORES, POSITIVE, GROUPS, 0.95)
        assert low < value < high and (-back[2], -back[0]) == pytest.approx((low, high))
        widths.append(high - low)
    assert widths[0] < widths[1]


def test_scores_that_rank_alike_are_no_proof_that_they_always_do() -> None:
    low, value, high = auroc_difference_interval(SCORES, 2 * SCORES, POSITIVE, GROUPS, 0.95)
    pairs = ranked_groups(SCORES, POSITIVE, GROUPS).pairs
    assert (low, high) == unvarying_difference(0.0, pairs, 0.95) and value == 0


def test_a_group_a_score_is_asked_for() -> None:
    with pytest.raises(ValueError, match="one group per score"):
        ranked_groups(SCORES, POSITIVE, GROUPS[1:])
