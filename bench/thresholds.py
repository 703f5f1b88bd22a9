"""Threshold selection under a false-positive budget, 1e6 rows x 20 labels: this project against its peers."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from methods.budgets.thresholds import empirical_threshold, guaranteed_threshold

ROWS, LABELS, MAX_FPR = 1_000_000, 20, 0.01

Column = NDArray[np.float32]
Labels = NDArray[np.bool_]


def threshold_by_roc_curve(scores: Column, positive: Labels) -> float:
    false_positive_rate, _, thresholds = roc_curve(positive, scores)
    return float(thresholds[np.searchsorted(false_positive_rate, MAX_FPR, side="right") - 1])


def threshold_by_scan(scores: Column, positive: Labels) -> float:
    """The rate at each of 200 evenly spaced candidates: a grid, so only near the optimum."""
    negatives = scores[~positive]
    grid = np.linspace(scores.min(), scores.max(), 200)
    return next(
        (float(t) for t in grid if np.count_nonzero(negatives >= t) / negatives.size <= MAX_FPR), np.inf
    )


def threshold_by_guarantee(scores: Column, positive: Labels) -> float:
    return guaranteed_threshold(scores[~positive], MAX_FPR, 0.1).threshold


def partition(scores: Column, positive: Labels) -> float:
    at = int(scores.size * (1 - MAX_FPR))
    return float(np.partition(scores, at)[at])


def cpu_and_wall(call: Callable[[], Any], repeats: int) -> tuple[float, float]:
    best_cpu = best_wall = np.inf
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        best_cpu = min(best_cpu, time.process_time() - cpu)
        best_wall = min(best_wall, time.perf_counter() - wall)
    return best_cpu, best_wall


def main() -> None:
    rng = np.random.Generator(np.random.Philox(0))
    positive = rng.random((LABELS, ROWS)) < 0.1
    scores = rng.normal(size=(LABELS, ROWS)).astype(np.float32) + 2 * positive.astype(np.float32)

    def over(labels: int, rule: Callable[[Column, Labels], float]) -> None:
        for column, wanted in zip(scores[:labels], positive[:labels], strict=True):
            rule(column, wanted)

    rules: list[tuple[str, Callable[[Column, Labels], float], int, int]] = [
        ("np.partition of the column", partition, LABELS, 5),
        ("empirical_threshold", partial(empirical_threshold, max_fpr=MAX_FPR), LABELS, 5),
        ("guaranteed_threshold", threshold_by_guarantee, LABELS, 5),
        ("scan of 200 candidates", threshold_by_scan, 4, 2),
        ("sklearn roc_curve", threshold_by_roc_curve, 4, 2),
    ]
    print(
        f"{ROWS:,} rows x {LABELS} labels, float32, max_fpr {MAX_FPR}: CPU and wall time per label, best of runs"
    )
    print(f"{'':28}{'CPU ms':>10}{'wall ms':>10}{'x partition':>13}{'x empirical':>13}")
    timed = {
        name: [1e3 * t / labels for t in cpu_and_wall(partial(over, labels, rule), repeats)]
        for name, rule, labels, repeats in rules
    }
    base, ours = timed["np.partition of the column"][0], timed["empirical_threshold"][0]
    for name, (cpu, wall) in timed.items():
        print(f"{name:28}{cpu:10.2f}{wall:10.2f}{cpu / base:13.2f}{cpu / ours:13.2f}")
    exact, curve = (
        empirical_threshold(scores[0], positive[0], MAX_FPR),
        threshold_by_roc_curve(scores[0], positive[0]),
    )
    print(f"threshold of label 0: empirical {exact:.7f}, roc_curve {curve:.7f}")


if __name__ == "__main__":
    main()
