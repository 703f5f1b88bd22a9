"""A smaller set with the proportions of a larger one: the largest remainder decides where a stratum's share is no whole number."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-9  # 0.29 of 100 is 29, whatever floats make of it


def share_of(count: int, share: float) -> int:
    """The whole units in a share of so many, rounded down."""
    return int(count * share + ROUNDING)


def proportional_counts(sizes: NDArray[np.integer[Any]], total: int) -> NDArray[np.int64]:
    """How many to take of strata of these sizes so that they add up to total <= sum(sizes).

    Each is within one of its exact share; equal remainders go to the larger stratum, then to the earlier one.
    """
    exact = sizes * (total / sizes.sum())
    counts = np.floor(exact + ROUNDING).astype(np.int64)
    order = np.lexsort((np.arange(len(sizes)), -sizes, -np.round(exact - counts, 9)))
    counts[order[: total - counts.sum()]] += 1
    return np.asarray(counts, np.int64)


def stratified_sample(
    strata: NDArray[np.integer[Any]], total: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Places (total,) in ascending order of units whose strata keep their proportions; at random within each."""
    values, stratum = np.unique(strata, return_inverse=True)
    order = random.permutation(len(strata))
    grouped = order[np.argsort(stratum[order], kind="stable")]
    sizes = np.bincount(stratum, minlength=len(values))
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    counts = proportional_counts(sizes, total)
    taken = [grouped[start : start + count] for start, count in zip(starts, counts, strict=True)]
    return np.sort(np.concatenate(taken)) if taken else np.zeros(0, np.int64)
