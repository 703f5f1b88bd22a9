"""How many would decide, with a stated probability: rates against a budget, paired differences, an AUROC against an edge."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, bdtrc, betainc, ndtr, ndtri

from methods.statistics.beta_bounds import beta_lower, beta_upper, share_interval
from methods.statistics.group_intervals import FEWEST, group_effects, mean_p
from methods.statistics.intervals import lower_bound, upper_bound
from methods.statistics.streams import seeded

Floats = NDArray[np.float64]

MOST = 10**7
DRAWS = 2000
_NORMAL = 200  # groups beyond which the mean of their differences is as good as normal


@dataclass(frozen=True)
class SampleSize:
    """The fewest that decide with the power that was asked for, and the power that they have: more, where they are
    counts."""

    n: int
    power: float


def negatives_at_power(rate: float, budget: float, level: float, power: float) -> SampleSize | None:
    """Negatives that are no copies of each other, at which a true false-positive rate `rate` is decided by its one-sided
    Clopper-Pearson bound. Exact. Power is a saw of n: one more false positive is allowed at its peaks, and a few more
    negatives can have a little less. None where the rate is the budget, or too close to it for MOST."""
    if rate == budget:
        return None
    decided = _holding if rate < budget else _violating
    k = _least(lambda k: decided(k, rate, budget, level).power >= power, 0, MOST)
    if k is None:
        return None
    size = decided(k, rate, budget, level)
    if rate > budget:  # so many decide sooner, if they come
        n = _least(lambda n: float(bdtrc(k, n, rate)) >= power, k + 1, size.n)
        size = size if n is None else SampleSize(n, float(bdtrc(k, n, rate)))
    return size if size.n <= MOST else None


def groups_at_power(
    rate: float, budget: float, sizes: ArrayLike, level: float, power: float, seed: int
) -> SampleSize | None:
    """Groups of copies at which `grouped_rate_bounds` decides, each of which fires whole with probability `rate`; their
    sizes are drawn from `sizes`, those that were seen (capped, where groups count `most` times). Simulated."""
    if rate == budget:
        return None
    size, count = np.unique(np.asarray(sizes, np.float64), return_counts=True)

    def deciding(groups: int) -> float:
        rng = seeded(seed)
        held = rng.multinomial(groups, count / count.sum(), DRAWS)
        fired = rng.binomial(held, rate)
        rows = held @ size
        total, squares = fired @ size / rows, fired @ size**2 / rows**2
        if rate > budget:
            return float((beta_lower(total, squares, level) > budget).mean())
        heaviest = np.where(held > 0, size, 0.0).max(axis=1) / rows
        return float((beta_upper(total, squares, heaviest, level) <= budget).mean())

    return fewest_that_decide(deciding, power, 1)


def differing_groups_at_power(
    differences: ArrayLike, groups: ArrayLike, level: float, power: float, seed: int
) -> SampleSize | None:
    """Groups at which `group_mean_interval` leaves 0 out, if the paired differences (n,) go on as those that were seen:
    their mean, and the spread between groups, drawn again. None below `FEWEST` groups, or where MOST do not decide."""
    effects, mean, _ = group_effects(differences, groups)
    if len(effects) < FEWEST or mean == 0:
        return None
    likely = mean + (effects - mean) * np.sqrt(len(effects) / (len(effects) - 1))

    def deciding(count: int) -> float:
        if count > _NORMAL:
            return float(ndtr(abs(mean) / likely.std() * np.sqrt(count) - ndtri((1 + level) / 2)))
        drawn = likely[seeded(seed).integers(0, len(likely), (DRAWS, count))]
        return float(((mean_p(drawn) < 1 - level) & (np.sign(drawn.mean(axis=1)) == np.sign(mean))).mean())

    return fewest_that_decide(deciding, power, FEWEST)


def auroc_pairs_at_power(
    area: float, edge: float, variance: float, pairs: int, level: float, power: float
) -> SampleSize | None:
    """Groups of the rarer class at which the interval of an AUROC leaves `edge` out, if it truly is `area`.

    variance: as it was seen with `pairs` groups of the rarer class; it falls as their number rises, and from area to area
    as that of exponential scores (Hanley and McNeil 1982, Radiology 143:29). The estimate is taken to be beta distributed.
    None where nothing varies, or where MOST do not decide.
    """
    if area == edge or variance <= 0 or not 0 < area < 1:
        return None
    spread = variance * pairs
    estimates = np.linspace(0, 1, 2001)
    spreads = spread * _exponential_variance(estimates) / _exponential_variance(np.array(area))

    def deciding(count: int) -> float:
        low, high = share_interval(estimates, spreads / count, count, level)
        trials = max(count * area * (1 - area) / spread - 1, 1e-9)
        below = betainc(area * trials, (1 - area) * trials, estimates)
        if area > edge:
            return float(1 - below[low > edge].min(initial=1.0))
        return float(below[high < edge].max(initial=0.0))

    return fewest_that_decide(deciding, power, 2)


def _exponential_variance(area: Floats) -> Floats:
    """Up to a factor, with as many positives as negatives."""
    return np.asarray(area * (1 - area) ** 2 / (2 - area) + area**2 * (1 - area) / (1 + area))


def _holding(k: int, rate: float, budget: float, level: float) -> SampleSize:
    """The fewest negatives of which k may fire, and the probability that no more do."""
    n = _least(lambda n: float(upper_bound(k, n, level)) <= budget, k + 1, 2 * MOST) or 2 * MOST
    return SampleSize(n, float(bdtr(k, n, rate)))


def _violating(k: int, rate: float, budget: float, level: float) -> SampleSize:
    """The most negatives of which k + 1 are too many, and the probability that so many fire."""
    n = _least(lambda n: float(lower_bound(k + 1, n, level)) <= budget, k + 1, 2 * MOST)
    most = max((n or 2 * MOST) - 1, k + 1)
    enough = float(lower_bound(k + 1, most, level)) > budget
    return SampleSize(most, float(bdtrc(k, most, rate)) if enough else 0.0)


def fewest_that_decide(
    deciding: Callable[[int], float], power: float, fewest: int, most: int = MOST
) -> SampleSize | None:
    n = _least(lambda n: deciding(n) >= power, fewest, most)
    return None if n is None else SampleSize(n, deciding(n))


def _least(enough: Callable[[int], bool], low: int, high: int) -> int | None:
    """The least integer from low to high that is enough, where more is enough too; None where high is not."""
    top = max(low, 1)
    if enough(low):
        return low
    while not enough(top):
        low, top = top, 2 * top
        if top > high:
            if not enough(high):
                return None
            top = high
            break
    while top - low > 1:
        middle = (low + top) // 2
        low, top = (low, middle) if enough(middle) else (middle, top)
    return top


def scaled_size(present: int, gain: float, half_width: float, level: float, power: float) -> int | None:
    """How many of what there are `present` decide a gain that stays as it is, where the half-width of its interval
    shrinks with the root. None where there is no gain to decide."""
    if not gain:
        return None
    error = half_width / ndtri((1 + level) / 2)
    return int(np.ceil(present * ((ndtri((1 + level) / 2) + ndtri(power)) * error / gain) ** 2))
