"""Bootstraps of rates, of sums over groups and of a re-tuned threshold: closed forms against index resampling."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.budgets.threshold_distributions import distribution_interval, threshold_distribution
from methods.budgets.thresholds import empirical_threshold
from methods.statistics.intervals import cluster_bootstrap, multinomial_rates, percentile_interval

RESAMPLES = 1000
MAX_FPR = 0.02

Rates = tuple[NDArray[np.float64], NDArray[np.float64]]


def rates_by_index(fires: NDArray[np.bool_], positive: NDArray[np.bool_], resamples: int) -> Rates:
    rng = np.random.default_rng(0)
    recall, false_positive_rate = np.empty(resamples), np.empty(resamples)
    for i in range(resamples):
        drawn = rng.integers(0, fires.size, fires.size)
        f, p = fires[drawn], positive[drawn]
        recall[i], false_positive_rate[i] = f[p].mean(), f[~p].mean()
    return recall, false_positive_rate


def sums_by_index(
    counts: NDArray[np.float64], group: NDArray[np.int64], resamples: int
) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    order = np.argsort(group, kind="stable")
    rows_of = np.split(order, np.cumsum(np.bincount(group))[:-1])
    out = np.empty((resamples, counts.shape[1]))
    for i in range(resamples):
        drawn = rng.integers(0, len(rows_of), len(rows_of))
        out[i] = counts[np.concatenate([rows_of[g] for g in drawn])].sum(axis=0)
    return out


def thresholds_by_index(
    scores: NDArray[np.float64], positive: NDArray[np.bool_], resamples: int
) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    low, high = scores[~positive], scores[positive]
    labels = np.arange(scores.size) >= low.size
    draws = (
        np.concatenate([rng.choice(low, low.size), rng.choice(high, high.size)]) for _ in range(resamples)
    )
    return np.array([empirical_threshold(draw, labels, MAX_FPR) for draw in draws])


def milliseconds(call: Callable[[], Any], repeats: int) -> float:
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return 1e3 * best


def report(what: str, ours: Callable[[], Any], loop: Callable[[int], Any], looped: int) -> None:
    fast = milliseconds(ours, 7)
    slow = milliseconds(lambda: loop(looped), 1) * RESAMPLES / looped
    print(f"{what:50}{fast:12.2f}{slow:14.1f}{slow / fast:10.0f}")


def main() -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(100_000) < 0.1
    scores = rng.normal(size=positive.size) + 2 * positive
    fires = scores >= 2
    tp, fp = int(np.sum(fires & positive)), int(np.sum(fires & ~positive))
    fn, tn = int(np.sum(positive)) - tp, int(np.sum(~positive)) - fp
    cells = np.stack([fires & positive, ~fires & positive, fires & ~positive, ~fires & ~positive], axis=1)
    group = rng.integers(0, 10_000, positive.size)
    weights = cells * rng.random((positive.size, 1))
    counted = cells.astype(np.float64)
    few = slice(0, 20_000)

    print(f"{RESAMPLES} resamples, CPU ms; index loops timed on fewer and scaled up")
    print(f"{'':50}{'ours':>12}{'index loop':>14}{'ratio':>10}")
    report(
        "recall and FPR at a fixed threshold, 1e5 rows",
        lambda: multinomial_rates(tp, fn, fp, tn, RESAMPLES, 0),
        lambda n: rates_by_index(fires, positive, n),
        50,
    )
    report(
        "counts over 1e4 groups, 1e5 rows",
        lambda: cluster_bootstrap(counted, group, RESAMPLES, 0),
        lambda n: sums_by_index(counted, group, n),
        20,
    )
    report(
        "real-valued sums over 1e4 groups, 1e5 rows",
        lambda: cluster_bootstrap(weights, group, RESAMPLES, 0),
        lambda n: sums_by_index(weights, group, n),
        20,
    )
    report(
        "threshold tuned again, 2e4 rows (loop uses ours)",
        lambda: threshold_distribution(scores[few], positive[few], MAX_FPR),
        lambda n: thresholds_by_index(scores[few], positive[few], n),
        100,
    )
    exact = distribution_interval(*threshold_distribution(scores[few], positive[few], MAX_FPR), 0.9)
    low, high = percentile_interval(thresholds_by_index(scores[few], positive[few], RESAMPLES), 0.9)
    print(
        f"90% interval of the tuned threshold: closed form {exact[0]:.4f} {exact[1]:.4f}, loop {low:.4f} {high:.4f}"
    )


if __name__ == "__main__":
    main()
