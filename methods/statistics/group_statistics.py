"""How sure a rate is when rows come in groups (speakers): the group is what was sampled, so the group is what counts.

Below six groups nothing is claimed: a sign-flip test of g groups has no p below 2 / 2^g, and 2 / 2^5 is above .05.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from methods.statistics.intervals import effective_n, wilson
from methods.statistics.streams import seeded

Floats = NDArray[np.float64]

FEWEST_GROUPS = 6
EXACT_GROUPS = 16  # up to here all sign patterns are gone through
_FLIPS = 100_000
_CELLS = 1 << 24  # signs in memory at once
_SAME = 1e-12


@dataclass(frozen=True)
class GroupInterval:
    """value is over rows; low and high are None below `FEWEST_GROUPS`."""

    value: float
    low: float | None
    high: float | None
    rows: int
    groups: int


@dataclass(frozen=True)
class SignFlip:
    """difference: mean over rows; p is None below `FEWEST_GROUPS`, and corrected where several were tested."""

    difference: float
    p: float | None
    groups: int


def rate_interval(
    correct: ArrayLike, groups: ArrayLike, level: float, most: int | None = None
) -> GroupInterval:
    """Wilson at the effective n: as many independent rows as have the variance seen between groups.

    correct (n,) in [0, 1] (a mean over seeds may be a fraction). The effective n lies between that of rows that
    agree wholly within their group (Kish) and n, or `most` where several rows are of one clip; without any variance it
    is the former.
    """
    hit, member, sizes = _grouped(correct, groups)
    n, share = hit.size, float(hit.mean())
    if len(sizes) < FEWEST_GROUPS:
        return GroupInterval(share, None, None, n, len(sizes))
    effective = float(np.clip(_independent_rows(hit, member, sizes), effective_n(member), most or n))
    low, high = wilson(share * effective, effective, level)
    return GroupInterval(share, float(low), float(high), n, len(sizes))


def mean_interval(values: ArrayLike, groups: ArrayLike, level: float) -> GroupInterval:
    """Student's t for the mean over rows, a ratio of group sums; of groups of one size, that of their means."""
    value, member, sizes = _grouped(values, groups)
    g, centre = len(sizes), float(value.mean())
    if g < FEWEST_GROUPS:
        return GroupInterval(centre, None, None, value.size, g)
    half = float(stdtrit(g - 1, (1 + level) / 2)) * float(np.sqrt(_share_variance(value, member, sizes)))
    return GroupInterval(centre, centre - half, centre + half, value.size, g)


def sign_flip_test(differences: ArrayLike, groups: ArrayLike, seed: int) -> SignFlip:
    """Two-sided p that a paired difference (n,) is as likely one way as the other, whole groups flipped at once.

    Exact up to 16 groups, else 100,000 drawn patterns, the observed one counted in.
    """
    return sign_flip_tests([differences], groups, seed)[0]


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


def _independent_rows(hit: Floats, member: NDArray[np.intp], sizes: Floats) -> float:
    """p (1 - p) over the variance of the share, a ratio of group sums; 0 where nothing varies."""
    share, variance = hit.mean(), _share_variance(hit, member, sizes)
    binomial = float(share * (1 - share))
    if binomial <= 0:
        return 0.0
    return binomial / variance if variance > 0 else float(hit.size)


def _share_variance(value: Floats, member: NDArray[np.intp], sizes: Floats) -> float:
    """Of the mean over rows, where groups are what was sampled."""
    g = len(sizes)
    residual = np.bincount(member, value) - value.mean() * sizes
    return g / (g - 1) * float(residual @ residual) / value.size**2


def _grouped(values: ArrayLike, groups: ArrayLike) -> tuple[Floats, NDArray[np.intp], Floats]:
    value = np.asarray(values, np.float64)
    _, member, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if value.ndim != 1 or not value.size or member.shape != value.shape:
        raise ValueError(f"expected one value and one group per row, got {value.shape} and {member.shape}")
    return value, member, sizes.astype(np.float64)
