"""A confidence sequence for a mean in [0, 1]: an interval after every observation, all of them right at once."""

import math

from scipy.optimize import brentq
from scipy.special import betaln, xlogy


def mean_interval(n: int, total: float, level: float) -> tuple[float, float]:
    """Of n values in [0, 1] with this sum: with probability `level`, the mean lies in all intervals of a stream.

    The beta-binomial mixture (Robbins 1970, with Jeffreys' weights): the mean m is left out where B(s + 1/2, n - s + 1/2)
    / B(1/2, 1/2) / (m^s (1 - m)^(n - s)) is at least 1 / (1 - level). For values that are not only 0 and 1 each factor
    (q / m)^x ((1 - q) / (1 - m))^(1 - x) is convex in x, so that its mean is at most 1 all the same.
    """
    if not n:
        return 0.0, 1.0
    s = min(max(total, 0.0), float(n))
    mixture = float(betaln(s + 0.5, n - s + 0.5)) - float(betaln(0.5, 0.5))

    def excess(mean: float) -> float:
        return mixture - float(xlogy(s, mean) + xlogy(n - s, 1 - mean)) + math.log(1 - level)

    mean, tiny = s / n, 1e-15
    low = 0.0 if s <= 0 or excess(tiny) <= 0 else float(brentq(excess, tiny, mean, xtol=1e-12))
    high = 1.0 if s >= n or excess(1 - tiny) <= 0 else float(brentq(excess, mean, 1 - tiny, xtol=1e-12))
    return low, high
