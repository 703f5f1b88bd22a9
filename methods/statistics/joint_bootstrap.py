"""A bootstrap over groups of everything that is compared at once, so that differences are paired."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

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


def counted_bootstrap(
    options: Iterable[Floats], statistic: Callable[[Floats], Floats], resamples: int, seed: int
) -> list[Floats]:
    """`joint_bootstrap` of the counts (groups, m) of each option, to the bit, and sooner where groups are many: all
    options share a draw, which counts kinds of groups, those with the same sums."""
    kinds = [_kinds(sums) for sums in options]
    draws = [
        [statistic(np.stack([np.bincount(kind[row], minlength=len(of)) for row in drawn]) @ of) for kind, of in kinds]
        for drawn in _drawn(len(kinds[0][0]), resamples, seed)
    ]  # fmt: skip
    return [np.concatenate(of_option) for of_option in zip(*draws, strict=True)]


def _kinds(sums: Floats) -> tuple[NDArray[np.unsignedinteger[Any]], Floats]:
    """The kind of each group, and the sums (kinds, m) of each kind."""
    kind = np.zeros(len(sums), np.int64)
    for column in sums.astype(np.int64).T:
        kind = np.unique(kind * (column.max() + 1) + column, return_inverse=True)[1]
    _, first = np.unique(kind, return_index=True)
    return kind.astype(np.min_scalar_type(len(first))), sums[first]  # what draws look up fits the cache


def group_weights(groups: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Blocks (rows, groups): how often each group was drawn."""
    for drawn in _drawn(groups, resamples, seed):
        rows = len(drawn)
        places = drawn + np.arange(rows)[:, None] * groups
        yield np.bincount(places.ravel(), minlength=rows * groups).reshape(rows, groups).astype(np.float64)


def _drawn(groups: int, resamples: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Blocks (rows, groups): the groups that each resample draws."""
    rng, block = seeded(seed), max(1, _BLOCK_CELLS // groups)
    for start in range(0, resamples, block):
        yield rng.integers(0, groups, (min(block, resamples - start), groups))
