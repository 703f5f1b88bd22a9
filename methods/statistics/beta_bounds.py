"""Bounds of a mean in [0, 1] that hold where few groups carry it: the beta bounds of Fay and Feuer.

Of events of unlike weight one more of the heaviest could as well have been seen: an upper bound adds it to the sum and to
the sum of squares (Fay and Feuer 1997, Statistics in Medicine 16:791, with a beta where they have a gamma). Of equal
weights these are Clopper and Pearson's bounds. Simulated in bench/weighted_rates.py, bench/auroc_intervals.py and
bench/group_intervals.py.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, ndtri, stdtrit

from methods.statistics.intervals import clopper_pearson

Floats = NDArray[np.float64]

NO_SPREAD = 1e-18  # a variance that rounding alone can leave
_LOSS = 0.5  # of one more group, which does no better than chance


def beta_upper(total: ArrayLike, squares: ArrayLike, jump: ArrayLike, level: float) -> Floats:
    """The mean is below it with confidence `level`. total, squares: sums over groups of weight times share, and of its
    square, for weights that sum to 1; jump: the most that one more group could add."""
    seen, square, step = (np.asarray(x, np.float64) for x in (total, squares, jump))
    most = seen + step
    unit = (square + step**2) / most
    events = most / unit
    rest = 1 / unit - events + 1
    some = (most <= 1 + 1e-12) & (rest > 0)
    return np.where(some, betaincinv(events, np.where(some, rest, 1.0), level), 1.0)


def beta_lower(total: ArrayLike, squares: ArrayLike, level: float) -> Floats:
    """The mean is above it with confidence `level`; 0 where nothing was seen."""
    seen, square = np.broadcast_arrays(np.asarray(total, np.float64), np.asarray(squares, np.float64))
    some = (seen > 0) & (square > 0)
    unit = np.where(some, square, 1.0) / np.where(some, seen, 1.0)
    events = np.where(some, seen, 1.0) / unit
    rest = np.maximum(1 / unit - events + 1, 1e-9)  # a mean of 1 leaves 1, but for rounding
    return np.where(some, betaincinv(events, rest, 1 - level), 0.0)


def share_interval(
    value: ArrayLike, variance: ArrayLike, groups: ArrayLike, level: float
) -> tuple[Floats, Floats]:
    """(low, high) of a share or an AUROC from its variance between `groups` independent groups.

    The nearer end of [0, 1] is the one that rare groups lie behind: there the bound has one more group that does no better
    than chance. The variance is widened by (t / z)^2 for its groups - 1 degrees of freedom. Where nothing varies between 0
    and 1, or a single group leaves the variance unknown, Clopper and Pearson of as many trials as groups.
    """
    mean, spread, count = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (value, variance, groups)))
    mean = np.clip(mean, 0.0, 1.0)
    tail = (1 + level) / 2
    few = np.maximum(count - 1, 1)
    rare = np.minimum(mean, 1 - mean)
    squares = spread * (stdtrit(few, tail) / ndtri(tail)) ** 2 / (1 - rare)
    squares = np.where(spread > NO_SPREAD, np.minimum(squares, rare), 0.0)  # at most one event of all weight
    below, above = beta_lower(rare, squares, tail), beta_upper(rare, squares, _LOSS / count, tail)
    low = np.where(mean >= 0.5, 1 - above, below)
    high = np.where(mean >= 0.5, 1 - below, above)
    unvarying = ((spread <= NO_SPREAD) & (rare > 0)) | (count < 2)
    exact_low, exact_high = clopper_pearson(mean * count, count, level)
    return np.where(unvarying, exact_low, low), np.where(unvarying, exact_high, high)
