"""Are differences between options paired in the bootstrap? `python -m bench.joint_bootstrap [data sets]`

Options fire on nearly the same rows, so their recalls differ by far less than each is uncertain. *Apart* draws the groups for
each option by itself from one seed, *joint* for all at once.
"""

import sys
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.one_thread import restart_on_one_thread
from methods.statistics.intervals import cluster_bootstrap, percentile_interval
from methods.statistics.joint_bootstrap import group_sums, joint_bootstrap
from methods.statistics.streams import stream
from storage.files.markdown import markdown_table

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEVEL, SEED, RESAMPLES = 0.95, 1402, 1000
ROWS, POSITIVE, CAUGHT, CHANGED = 4000, 0.1, 0.6, 0.03
LABELS = 3
OPTIONS, GROUPS, MANY = 110, 10_000, 2000


def data_set(rng: np.random.Generator) -> tuple[Bools, Bools, Bools]:
    """(rows, labels): positive, and what two options fire on that differ on few rows; their true recalls are equal."""
    positive = rng.random((ROWS, LABELS)) < POSITIVE
    base, again = (rng.random((ROWS, LABELS)) < np.where(positive, CAUGHT, 0.01) for _ in range(2))
    return positive, base, np.where(rng.random((ROWS, LABELS)) < CHANGED, again, base)


def recall(sums: Floats) -> Floats:
    """(draws, options) from columns caught, positives of each option."""
    return np.asarray(sums[:, ::2] / np.maximum(sums[:, 1::2], 1))


def pooled(fired: Bools, positive: Bools) -> Floats:
    return np.stack([(fired & positive).sum(axis=1), positive.sum(axis=1)], axis=1).astype(np.float64)


def apart(base: Bools, other: Bools, positive: Bools, seed: int) -> tuple[float, float]:
    draws = []
    for fired in (base, other):
        counts = np.concatenate([fired & positive, positive, fired & ~positive, ~positive], axis=1)
        sums = cluster_bootstrap(counts, np.arange(ROWS), RESAMPLES, seed)
        draws.append(sums[:, :LABELS].sum(axis=1) / sums[:, LABELS : 2 * LABELS].sum(axis=1))
    low, high = percentile_interval(draws[1] - draws[0], LEVEL)
    return float(low), float(high)


def joint(base: Bools, other: Bools, positive: Bools, seed: int) -> tuple[float, float]:
    counts = np.concatenate([pooled(each, positive) for each in (base, other)], axis=1)
    draws = joint_bootstrap(group_sums(counts, np.arange(ROWS)), recall, RESAMPLES, seed)
    low, high = percentile_interval(draws - draws[:, [0]], LEVEL)
    return float(low[1]), float(high[1])


def widths(sets: int) -> pd.DataFrame:
    rng = stream(SEED, "options")
    ends: dict[str, list[tuple[float, float]]] = {"apart": [], "joint": []}
    differences = []
    for seed in range(sets):
        positive, base, other = data_set(rng)
        differences.append(other[positive].mean() - base[positive].mean())
        for name, method in (("apart", apart), ("joint", joint)):
            ends[name].append(method(base, other, positive, seed))
    honest = 2 * 1.96 * float(np.std(differences))
    return pd.DataFrame(
        [
            {
                "draws of groups": name,
                "holds 0": f"{np.mean([low <= 0 <= high for low, high in pairs]):.3f}",
                "mean width, points": f"{100 * np.mean([high - low for low, high in pairs]):.2f}",
                "of fresh data": f"{100 * honest:.2f}",
            }
            for name, pairs in ends.items()
        ]
    )


def seconds(call: Callable[[], object]) -> tuple[float, float]:
    """CPU seconds, and the peak of what Python and numpy hold, MiB."""
    start = time.process_time()
    call()
    used = time.process_time() - start
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return used, peak / 2**20


def costs() -> pd.DataFrame:
    rng = stream(SEED, "costs")
    counts = rng.integers(0, 3, (GROUPS, 2 * OPTIONS)).astype(np.float64)
    group = np.arange(GROUPS)

    def one_by_one() -> None:
        for option in range(OPTIONS):
            cluster_bootstrap(counts[:, 2 * option : 2 * option + 2], group, MANY, SEED)

    def at_once() -> None:
        joint_bootstrap(group_sums(counts, group), recall, MANY, SEED)

    rows = []
    for name, call in (("apart", one_by_one), ("joint", at_once)):
        used, peak = seconds(call)
        rows.append({"draws of groups": name, "CPU s": f"{used:.1f}", "peak MiB": f"{peak:.0f}"})
    return pd.DataFrame(rows)


def main(sets: int) -> None:
    restart_on_one_thread("bench.joint_bootstrap")
    print(
        f"{sets} data sets of {ROWS} rows, two options alike but for {CHANGED:.0%} of rows; 95% intervals of the"
    )
    print(f"difference of recalls, which is 0; simulation error {np.sqrt(0.95 * 0.05 / sets):.3f}.\n")
    print(markdown_table(widths(sets)))
    print(f"\n{OPTIONS} options of two counts, {GROUPS} groups, {MANY} resamples.\n")
    print(markdown_table(costs()))


if __name__ == "__main__":
    main(*(int(each) for each in (*sys.argv[1:], *("100",)[len(sys.argv) - 1 :])))
