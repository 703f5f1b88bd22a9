"""A bootstrap over groups of everything that is compared at once, so that differences are paired."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from methods.statistics.streams import seeded

Floats = NDArray[np.float64]

_BLOCK_CELLS = 1 << 20  # groups times resamples held at once: a few arrays of 8 MiB


def group_sums(columns: ArrayLike, groups: ArrayLike) -> Floats:
    """(groups, m) of columns (n, m), groups in the order of their names."""
    rows = np.asarray(columns, np.float64)
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    if rows.ndim != 2 or member.shape != rows.shape[:1] or not member.size:
        raise ValueError(f"expected columns (n, m) and a group per row, got {rows.shape} and {member.shape}")
    return np.stack([np.bincount(member, column) for column in rows.T], axis=1)


def joint_bootstrap(sums: Floats, statistic: Callable[[Floats], Floats], resamples: int, seed: int) -> Floats:
    """(resamples, k): `statistic` of the column sums (block, m) of each resample, (block, k), for whole groups drawn with
    replacement. sums (groups, m) holds the columns of all options.

    Which groups are drawn depends on the seed and on how many groups there are alone. Memory: the result, and a block.
    """
    return np.concatenate([statistic(w @ sums) for w in group_weights(len(sums), resamples, seed)])


def group_weights(groups: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Blocks (rows, groups): how often each group was drawn."""
    rng, block = seeded(seed), max(1, _BLOCK_CELLS // groups)
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = rng.integers(0, groups, (rows, groups)) + np.arange(rows)[:, None] * groups
        yield np.bincount(drawn.ravel(), minlength=rows * groups).reshape(rows, groups).astype(np.float64)
