"""Pairs that share a host are not independent, and nothing else is taken off."""

import numpy as np
import pytest
from numpy.typing import NDArray

from methods.statistics.intervals import clopper_pearson
from methods.statistics.pair_rates import pair_rate_interval

LEVEL = 0.95


def test_where_no_host_is_shared_it_is_clopper_and_pearsons() -> None:
    won = np.array([1.0, 1, 0, 0.5, 1, 1, 1, 0, 1, 1])
    low, high = (float(end) for end in clopper_pearson(won.sum(), len(won), LEVEL))
    apart = np.arange(20).reshape(10, 2)
    together = np.repeat(np.arange(10), 2).reshape(10, 2)  # both rows of a pair are of one host
    for members in (apart, together):
        assert pair_rate_interval(won, members, LEVEL) == pytest.approx((low, float(won.mean()), high))


def test_pairs_said_twice_make_it_no_surer() -> None:
    won, members = np.array([1.0, 1, 0, 1, 1, 0, 1, 1]), np.arange(16).reshape(8, 2)
    once = pair_rate_interval(won, members, LEVEL)
    again = pair_rate_interval(np.repeat(won, 3), np.repeat(members, 3, axis=0), LEVEL)
    assert again == pytest.approx(once)


def test_without_variance_pairs_that_share_a_host_count_as_one() -> None:
    won = np.ones(12)
    chained = np.stack(
        [np.repeat(np.arange(3), 4), 3 + np.arange(12)], axis=1
    )  # three hosts, each in four pairs
    assert pair_rate_interval(won, chained, LEVEL)[0] == pytest.approx(float(clopper_pearson(3, 3, LEVEL)[0]))


def variance_by_hand(won: NDArray[np.float64], members: NDArray[np.int64]) -> float:
    residual = won - won.mean()
    shared = [
        residual[i] * residual[j]
        for i in range(len(won))
        for j in range(len(won))
        if set(members[i]) & set(members[j])
    ]
    return float(np.sum(shared)) / len(won) ** 2


def test_the_effective_number_is_that_of_all_pairs_of_pairs_with_a_host_in_common() -> None:
    rng = np.random.default_rng(3)
    members = np.concatenate([rng.integers(0, 25, (40, 2)), np.arange(100, 140).reshape(20, 2)])
    members = np.concatenate([members, members[:3, ::-1]])  # the same two hosts, the other way round
    quality = rng.normal(size=140)
    won = (quality[members].sum(axis=1) > -1).astype(float)
    variance = variance_by_hand(won, members)
    share = float(won.mean())
    effective = share * (1 - share) / variance
    assert 0 < effective < len(won)
    low, high = (float(end) for end in clopper_pearson(share * effective, effective, LEVEL))
    assert pair_rate_interval(won, members, LEVEL) == pytest.approx((low, share, high))


def test_hosts_in_four_pairs_each_keep_the_level() -> None:
    """Thirty pictures, four positives and four negatives of each, as the importer of real hosts makes them."""
    rng = np.random.default_rng(8)
    ours, naive, truth = 0, 0, []
    draws = []
    for _ in range(600):
        quality = 1.2 * rng.normal(size=30)
        hosts = np.repeat(np.arange(30), 4)
        members = np.stack([hosts, rng.permutation(hosts)], axis=1)
        chance = 1 / (1 + np.exp(-(1 + quality[members].sum(axis=1))))
        truth.append(chance.mean())
        draws.append(((rng.random(120) < chance).astype(float), members))
    mean = float(np.mean(truth))
    for won, members in draws:
        low, _, high = pair_rate_interval(won, members, LEVEL)
        ours += low <= mean <= high
        low, high = (float(end) for end in clopper_pearson(won.sum(), len(won), LEVEL))
        naive += low <= mean <= high
    assert naive / 600 < 0.88
    assert ours / 600 > 0.90
