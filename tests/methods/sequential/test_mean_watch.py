"""Verdicts of a watch, its record, and the interval beside it."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import beta as beta_function

from methods.sequential.group_values import group_means, group_sums, paired_wins, ratio_values
from methods.sequential.mean_interval import mean_interval
from methods.sequential.mean_watch import (
    MeanWatch,
    new_watch,
    observed,
    rows_to_go,
    verdict,
    watch_of,
    watch_record,
)
from methods.sequential.promises import Observations

RISK = 0.05


def seen(values: NDArray[np.float64], first: int = 1) -> Observations:
    return Observations(values, np.arange(first, first + len(values)))


def fired(rate: float, rows: int, seed: int = 0) -> NDArray[np.float64]:
    return (np.random.default_rng(seed).random(rows) < rate).astype(np.float64)


def watched(*batches: NDArray[np.float64]) -> MeanWatch:
    watch = new_watch(0.02)
    for number, batch in enumerate(batches):
        watch = observed(watch, seen(batch, 2), f"b{number}", RISK)
    return watch


def test_a_rate_far_below_is_kept_and_one_above_is_broken_where_it_was_shown() -> None:
    assert verdict(new_watch(0.02), RISK) == "open"
    assert verdict(watched(fired(0.005, 3000)), RISK) == "kept"
    broken = watched(fired(0.005, 500), fired(0.2, 400))
    assert verdict(broken, RISK) == "broken"
    crossing = broken.broken
    assert crossing is not None
    assert (crossing.batch, crossing.row) == ("b1", crossing.n - 500 + 1)  # rows of a file count from 2 here


def test_broken_stays_and_kept_does_not() -> None:
    watch = watched(fired(0.005, 3000), fired(0.2, 400), np.zeros(50_000))
    assert verdict(watch, RISK) == "broken"
    kept = watched(fired(0.005, 800))
    assert verdict(kept, RISK) == "kept"
    after = observed(
        kept, seen(np.tile(np.eye(1, 30, 3)[0], 15)), "b", 1e-9
    )  # a rate of 3.3%, nothing shown yet
    assert verdict(after, RISK) == "open"


def test_the_same_rows_in_other_batches_are_the_same_watch() -> None:
    rows = fired(0.03, 4000)
    once, often = watched(rows), watched(*np.split(rows, [7, 50, 51, 2000]))
    assert once.broken is not None
    assert often.broken is not None
    assert once.broken.n == often.broken.n
    np.testing.assert_allclose(once.above.later, often.above.later, rtol=1e-9)
    assert once.bad == often.bad


@pytest.mark.parametrize("rows", [0, 30, 4000])
def test_a_record_is_the_watch(rows: int) -> None:
    watch = watched(fired(0.03, rows))
    again = watch_of(json.loads(json.dumps(watch_record(watch), allow_nan=False)))
    more = fired(0.03, 100, seed=1)
    assert watch_record(observed(again, seen(more), "c", RISK)) == watch_record(
        observed(watch, seen(more), "c", RISK)
    )


def test_an_open_watch_closes_about_when_it_says() -> None:
    watch = watched(fired(0.01, 600, seed=3))
    assert verdict(watch, RISK) == "open"
    more = rows_to_go(watch, RISK)
    rate = watch.mean
    again = observed(watch, seen(np.tile(np.eye(1, round(1 / rate), 3)[0], 200)[: int(2 * more)]), "b", RISK)
    assert verdict(again, RISK) == "kept"


def test_false_alarms_are_within_the_risk() -> None:
    """200 streams at the limit: with probability .999 no more than 20 alarms at a risk of 5% (binomial)."""
    alarms = [watched(fired(0.02, 2000, seed)).broken is not None for seed in range(200)]
    assert sum(alarms) <= 20


def test_the_interval_is_where_the_mixture_does_not_reject() -> None:
    n, k, level = 200, 7, 0.95
    low, high = mean_interval(n, k, level)
    rates = np.linspace(0.001, 0.2, 4000)
    mixture = beta_function(k + 0.5, n - k + 0.5) / beta_function(0.5, 0.5)
    inside = rates[mixture / (rates**k * (1 - rates) ** (n - k)) < 1 / (1 - level)]
    assert (low, high) == pytest.approx((inside.min(), inside.max()), abs=1e-4)


def test_intervals_at_the_edges() -> None:
    assert mean_interval(0, 0, 0.95) == (0, 1)
    assert mean_interval(50, 0, 0.95)[0] == 0
    assert mean_interval(50, 50, 0.95)[1] == 1
    assert mean_interval(100, 50.5, 0.95)[0] < 0.505 < mean_interval(100, 50.5, 0.95)[1]


def test_a_group_is_one_observation() -> None:
    values, groups = np.array([1.0, 0, 0, 1, 1]), np.array(["b", "a", "b", "c", "a"])
    means, last = group_means(values, groups)
    assert means.tolist() == [0.5, 0.5, 1]
    assert last.tolist() == [2, 4, 3]
    assert group_sums(values, groups)[0].tolist() == [1, 1, 1]


def test_a_ratio_is_at_most_its_limit_where_its_values_are_in_the_mean() -> None:
    rng = np.random.default_rng(0)
    weight = rng.integers(0, 12, 500).astype(np.float64)
    bad = rng.binomial(weight.astype(int), 0.2).astype(np.float64)
    ratio = bad.sum() / weight.sum()
    assert ratio_values(bad, weight, ratio, 20).mean() == pytest.approx(ratio)
    assert ratio_values(bad, weight, 0.1, 20).mean() > 0.1
    assert ratio_values(bad, weight, 0.3, 20).mean() < 0.3
    assert ratio_values(np.array([30.0]), np.array([60.0]), 0.1, 20)[0] == pytest.approx(0.1 + (10 - 2) / 20)


def test_pairs_of_groups_win_as_often_as_their_scores_say() -> None:
    scores = np.array([0.9, 0.1, 0.5, 0.5, 0.2, 0.8])
    positive = np.array([True, False, True, False, False, True])
    groups = np.array(["p", "n", "both", "both", "m", "q"])
    wins, last, alone = paired_wins(scores, positive, groups)
    assert wins.tolist() == [1.0, 0.5, 1.0]
    assert last.tolist() == [1, 3, 5]
    assert alone == 0
    assert paired_wins(scores[:1], positive[:1], groups[:1])[2] == 1
