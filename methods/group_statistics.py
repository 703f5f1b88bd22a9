"""How sure a rate is when rows come in groups (speakers): the group is what was sampled, so the group is what counts.

Below six groups nothing is claimed: a sign-flip test of g groups has no p below 2 / 2^g, and 2 / 2^5 is above .05.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from methods.intervals import effective_n, wilson

Floats = NDArray[np.float64]

FEWEST_GROUPS = 6
EXACT_GROUPS = 16  # up to here all sign patterns are gone through
_FLIPS = 100_000
_SAME = 1e-12


@dataclass(frozen=True)
class GroupInterval:
    """value is over rows (Wilson) or the mean over groups (t); low and high are None where refused says why."""

    value: float
    low: float | None
    high: float | None
    rows: int
    groups: int
    refused: str


@dataclass(frozen=True)
class SignFlip:
    """difference: mean over rows; p is None where refused says why."""

    difference: float
    p: float | None
    groups: int
    refused: str


def refusal(groups: int) -> str:
    """Why so few groups carry no interval; empty where they do."""
    if groups >= FEWEST_GROUPS:
        return ""
    least = f", the smallest p a sign-flip test of {groups} can give is {2 / 2**groups:.3g}" if groups else ""
    return f"{groups} group(s): fewer than {FEWEST_GROUPS} say nothing of other groups{least}"


def rate_interval(correct: ArrayLike, groups: ArrayLike, level: float) -> GroupInterval:
    """Wilson at the effective n: as many independent rows as have the variance seen between groups.

    correct (n,) in [0, 1] (a mean over seeds may be a fraction). The effective n lies between that of rows that
    agree wholly within their group (Kish) and n; without any variance it is the former.
    """
    hit, member, sizes = _grouped(correct, groups)
    n, share = hit.size, float(hit.mean())
    if reason := refusal(len(sizes)):
        return GroupInterval(share, None, None, n, len(sizes), reason)
    effective = float(np.clip(_independent_rows(hit, member, sizes), effective_n(member), n))
    low, high = wilson(share * effective, effective, level)
    return GroupInterval(share, float(low), float(high), n, len(sizes), "")


def mean_interval(values: ArrayLike, groups: ArrayLike, level: float) -> GroupInterval:
    """Student's t on group means, each group one observation."""
    value, member, sizes = _grouped(values, groups)
    means = np.bincount(member, value) / sizes
    g = len(means)
    if reason := refusal(g):
        return GroupInterval(float(means.mean()), None, None, value.size, g, reason)
    half = float(stdtrit(g - 1, (1 + level) / 2)) * float(means.std(ddof=1)) / np.sqrt(g)
    centre = float(means.mean())
    return GroupInterval(centre, centre - half, centre + half, value.size, g, "")


def sign_flip_test(differences: ArrayLike, groups: ArrayLike, seed: int) -> SignFlip:
    """Two-sided p that a paired difference (n,) is as likely one way as the other, whole groups flipped at once.

    Exact up to 16 groups, else 100,000 drawn patterns, the observed one counted in.
    """
    value, member, sizes = _grouped(differences, groups)
    sums = np.bincount(member, value)
    mean = float(value.mean())
    if reason := refusal(len(sizes)):
        return SignFlip(mean, None, len(sizes), reason)
    sums = sums[np.abs(sums) > _SAME]  # a group without a difference has nothing to flip
    observed = abs(sums.sum()) - _SAME
    if len(sums) <= EXACT_GROUPS:
        totals = np.zeros(1)
        for each in sums:
            totals = np.concatenate([totals + each, totals - each])
        return SignFlip(mean, float((np.abs(totals) >= observed).mean()), len(sizes), "")
    rng = np.random.Generator(np.random.Philox(seed))
    signs = rng.integers(0, 2, (_FLIPS, len(sums)), dtype=np.int8) * 2 - 1
    hits = np.count_nonzero(np.abs(signs @ sums) >= observed)
    return SignFlip(mean, (hits + 1) / (_FLIPS + 1), len(sizes), "")


def _independent_rows(hit: Floats, member: NDArray[np.intp], sizes: Floats) -> float:
    """p (1 - p) over the variance of the share, a ratio of group sums; 0 where nothing varies."""
    share, g = hit.mean(), len(sizes)
    residual = np.bincount(member, hit) - share * sizes
    variance = g / (g - 1) * float(residual @ residual) / hit.size**2
    binomial = float(share * (1 - share))
    if binomial <= 0:
        return 0.0
    return binomial / variance if variance > 0 else float(hit.size)


def _grouped(values: ArrayLike, groups: ArrayLike) -> tuple[Floats, NDArray[np.intp], Floats]:
    value = np.asarray(values, np.float64)
    _, member, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if value.ndim != 1 or not value.size or member.shape != value.shape:
        raise ValueError(f"expected one value and one group per row, got {value.shape} and {member.shape}")
    return value, member, sizes.astype(np.float64)
