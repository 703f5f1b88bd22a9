"""Sign-flip tests of whole groups, by which speech_temperature chose before: nothing below six groups."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from methods.statistics.streams import seeded

Floats = NDArray[np.float64]

FEWEST_GROUPS = 6  # of g groups no p lies below 2 / 2^g
EXACT_GROUPS = 16  # up to here all sign patterns are gone through
_FLIPS = 100_000
_CELLS = 1 << 24  # signs in memory at once
_SAME = 1e-12


@dataclass(frozen=True)
class SignFlip:
    """difference: mean over rows; p is None below `FEWEST_GROUPS`, and corrected for how many were tested."""

    difference: float
    p: float | None
    groups: int


def sign_flip_tests(differences: Sequence[ArrayLike], groups: ArrayLike, seed: int) -> list[SignFlip]:
    """Of several paired differences of the same rows at once, each p corrected for having been one of so many.

    A p is the share of patterns whose largest |t| over all differences reaches its own (Westfall & Young 1993, max T);
    all are flipped by one pattern, so those that move together cost little. t is the sum over its root of squares,
    which no flip changes.
    """
    grouped = [_grouped(each, groups) for each in differences]
    means, count = [float(value.mean()) for value, _, _ in grouped], len(grouped[0][2])
    if count < FEWEST_GROUPS:
        return [SignFlip(mean, None, count) for mean in means]
    sums = np.array([np.bincount(member, value) for value, member, _ in grouped])
    sums = sums[:, (np.abs(sums) > _SAME).any(axis=0)]  # a group without a difference has nothing to flip
    length = np.sqrt(np.square(sums).sum(axis=1, keepdims=True))
    scaled = sums / np.where(length > 0, length, 1.0)
    observed = np.abs(scaled.sum(axis=1)) - _SAME
    exact = sums.shape[1] <= EXACT_GROUPS
    largest = np.concatenate(
        [np.abs(signs @ scaled.T).max(axis=1) for signs in _signs(sums.shape[1], exact, seed)]
    )
    hits = np.count_nonzero(largest[:, None] >= observed, axis=0)
    p = hits / len(largest) if exact else (hits + 1) / (len(largest) + 1)
    return [SignFlip(mean, float(each), count) for mean, each in zip(means, p, strict=True)]


def _signs(groups: int, exact: bool, seed: int) -> Iterator[NDArray[np.int8]]:
    """(patterns, groups) of 1 and -1 in blocks of patterns: all of them, or drawn."""
    if exact:
        number = np.arange(1 << groups, dtype=np.int64)[:, None]
        yield ((number >> np.arange(groups)) & 1).astype(np.int8) * 2 - 1
        return
    rng = seeded(seed)
    step = max(_CELLS // groups // 4, 1) * 4  # of four rows each: blocks then draw what one would
    for start in range(0, _FLIPS, step):
        yield rng.integers(0, 2, (min(step, _FLIPS - start), groups), dtype=np.int8) * 2 - 1


def _grouped(values: ArrayLike, groups: ArrayLike) -> tuple[Floats, NDArray[np.intp], Floats]:
    value = np.asarray(values, np.float64)
    _, member, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if value.ndim != 1 or not value.size or member.shape != value.shape:
        raise ValueError(f"expected one value and one group per row, got {value.shape} and {member.shape}")
    return value, member, sizes.astype(np.float64)
