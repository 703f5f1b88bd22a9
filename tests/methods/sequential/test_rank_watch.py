"""Ranks among older scores: uniform while nothing changes, found where it does, the same in pieces."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest

from methods.sequential.promises import Observations
from methods.sequential.rank_watch import (
    BINS,
    _ranks,
    _uniforms,
    binned,
    new_rank_watch,
    rank_record,
    rank_watch_of,
    scored,
)

RISK = 0.05


def seen(scores: NDArray[np.float64]) -> Observations:
    return Observations(scores, np.arange(len(scores)))


def test_a_rank_is_the_share_below_and_a_random_part_of_its_own_bin() -> None:
    rng = np.random.default_rng(0)
    before, new, uniforms = rng.integers(0, BINS, 40), rng.integers(0, BINS, 60), rng.random(60)
    counts, ranks = _ranks(np.bincount(before, minlength=BINS), new, uniforms)
    bag = list(before)
    for value, uniform, rank in zip(new, uniforms, ranks, strict=True):
        bag.append(value)
        below, ties = sum(each < value for each in bag), sum(each == value for each in bag)
        assert rank == pytest.approx((below + uniform * ties) / len(bag))
    assert counts.tolist() == np.bincount(bag, minlength=BINS).tolist()


def test_ranks_of_one_source_are_uniform_and_independent() -> None:
    scores = np.random.default_rng(1).beta(0.3, 3, 3000).round(2)  # with ties, and 0
    _, ranks = _ranks(np.zeros(BINS, np.int64), binned(scores), _uniforms(0, 0, 3000))
    assert kstest(ranks, "uniform").pvalue > 0.001
    assert abs(np.corrcoef(ranks[1:], ranks[:-1])[0, 1]) < 0.06


def test_ties_are_broken_by_the_same_numbers_in_whatever_batches() -> None:
    whole = _uniforms(3, 0, 5000)
    assert np.concatenate([_uniforms(3, 0, 1999), _uniforms(3, 1999, 2), _uniforms(3, 2001, 2999)]).tolist() == whole.tolist()  # fmt: skip
    assert not len(_uniforms(3, 10, 0))


def test_a_move_is_found_with_its_direction_and_rarely_without_one() -> None:
    rng = np.random.default_rng(2)
    old = rng.beta(2, 5, 400)
    up = scored(new_rank_watch(old), seen(rng.beta(3, 4, 600)), "b", RISK, 0)
    assert up.moved is not None
    assert up.direction == "up"
    wide = scored(new_rank_watch(old), seen(np.tile([0.01, 0.99], 200)), "b", RISK, 0)
    assert wide.moved is not None
    still = [
        scored(new_rank_watch(rng.beta(2, 5, 200)), seen(rng.beta(2, 5, 800)), "b", RISK, seed).moved
        for seed in range(60)
    ]
    assert sum(each is not None for each in still) <= 9  # .999 at a risk of 5%


def test_in_pieces_through_the_record_is_in_one_go() -> None:
    scores = np.random.default_rng(4).random(2500)
    whole = scored(new_rank_watch(scores[:100]), seen(scores), "b", RISK, 7)
    watch = new_rank_watch(scores[:100])
    for part in np.split(scores, [1, 1000, 2001]):
        watch = rank_watch_of(json.loads(json.dumps(rank_record(watch), allow_nan=False)))
        watch = scored(watch, seen(part), "b", RISK, 7)
    assert watch.counts.tolist() == whole.counts.tolist()
    for mine, theirs in zip(watch.bets, whole.bets, strict=True):
        np.testing.assert_allclose(mine.first, theirs.first, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(mine.later, theirs.later, rtol=1e-9, atol=1e-9)
