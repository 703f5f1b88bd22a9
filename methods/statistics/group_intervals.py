"""A share or a mean loss over rows of few groups (speakers, images): its interval and its test say the same."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from methods.statistics.beta_bounds import NO_SPREAD, share_interval

Floats = NDArray[np.float64]

FEWEST = 4  # below, the spread between groups is hardly known, and nothing is claimed


@dataclass(frozen=True)
class GroupInterval:
    """value is over rows; low and high are None below `FEWEST` groups."""

    value: float
    low: float | None
    high: float | None
    rows: int
    groups: int


@dataclass(frozen=True)
class GroupMean:
    """value is over rows; p: two-sided, that the mean is 0. low, high and p are None below `FEWEST` groups."""

    value: float
    low: float | None
    high: float | None
    p: float | None
    rows: int
    groups: int


def group_share_interval(correct: ArrayLike, groups: ArrayLike, level: float) -> GroupInterval:
    """`share_interval` by the spread between groups. correct (n,) in [0, 1], a mean over seeds may be a fraction."""
    effects, value, rows = group_effects(correct, groups)
    count = len(effects)
    if count < FEWEST:
        return GroupInterval(value, None, None, rows, count)
    low, high = share_interval(value, effects.var(ddof=1) / count, count, level)
    return GroupInterval(value, float(low), float(high), rows, count)


def group_mean_interval(values: ArrayLike, groups: ArrayLike, level: float) -> GroupMean:
    """Of losses or of paired differences of losses (n,), which are skewed: the interval that holds both Student's t and
    Hall's transformation (`mean_p`), and the greater p of the two. p < 1 - level where the interval leaves 0 out."""
    effects, value, rows = group_effects(values, groups)
    if len(effects) < FEWEST:
        return GroupMean(value, None, None, None, rows, len(effects))
    low, high = _interval(effects, level)
    return GroupMean(value, low, high, float(mean_p(effects)), rows, len(effects))


def group_effects(values: ArrayLike, groups: ArrayLike) -> tuple[Floats, float, int]:
    """(groups,) whose mean is the mean over rows and whose variance is that of this ratio of sums, the mean, and rows.

    Of groups of one size they are the means of the groups.
    """
    value = np.asarray(values, np.float64)
    _, member, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if value.ndim != 1 or not value.size or member.shape != value.shape:
        raise ValueError(f"expected one value and one group per row, got {value.shape} and {member.shape}")
    mean = float(value.mean())
    return mean + (np.bincount(member, value) - mean * sizes) * len(sizes) / value.size, mean, value.size


def mean_p(effects: Floats) -> Floats:
    """Two-sided p that the mean over the last axis is 0: the greater of Student's t and of t after Hall's cubic, which
    takes out the skewness (Hall 1992, JRSS B 54:221; skewness without its bias, Joanes and Gill 1998)."""
    mean, deviation, skewness, g = _moments(effects)
    same = deviation**2 <= NO_SPREAD
    scaled = mean / np.where(same, 1.0, deviation)
    corrected = scaled + skewness * scaled**2 / 3 + skewness**2 * scaled**3 / 27 + skewness / (6 * g)
    least = np.minimum(np.abs(scaled), np.abs(corrected)) * np.sqrt(g)
    return np.where(same, np.where(np.abs(mean) ** 2 <= NO_SPREAD, 1.0, 0.0), 2 * stdtr(g - 1, -least))


def _interval(effects: Floats, level: float) -> tuple[float, float]:
    """All means that `mean_p` of the effects less the mean does not refuse."""
    mean, deviation, skewness, g = (float(x) for x in _moments(effects))
    quantile = float(stdtrit(g - 1, (1 + level) / 2)) / np.sqrt(g)
    ends = np.array([-quantile, quantile])
    corrected = ends
    if abs(skewness) > 1e-6:
        corrected = 3 / skewness * (np.cbrt(1 + skewness * (ends - skewness / (6 * g))) - 1)
    return (
        mean - deviation * float(max(quantile, corrected[1])),
        mean - deviation * float(min(-quantile, corrected[0])),
    )


def _moments(effects: Floats) -> tuple[Floats, Floats, Floats, int]:
    """Mean, standard deviation and skewness over the last axis, and its length."""
    g = effects.shape[-1]
    mean, deviation = effects.mean(axis=-1), effects.std(axis=-1, ddof=1)
    third = ((effects - mean[..., None]) ** 3).mean(axis=-1)
    biased = deviation * np.sqrt((g - 1) / g)
    skewness = third / np.where(deviation**2 > NO_SPREAD, biased, 1.0) ** 3 * np.sqrt(g * (g - 1)) / (g - 2)
    return mean, deviation, skewness, g
