"""How sure a share of pairs is, where one host may stand in several pairs."""

import numpy as np
from numpy.typing import NDArray

from methods.statistics.intervals import clopper_pearson

Floats = NDArray[np.float64]
Members = NDArray[np.integer] | NDArray[np.str_]


def pair_rate_interval(won: Floats, members: Members, level: float) -> tuple[float, float, float]:
    """(low, share, high): Clopper and Pearson at as many independent pairs as have the variance that is seen.

    won (n,) in [0, 1], members (n, 2): the groups of a pair's two rows, which may be one. Pairs that share a group
    vary together: the variance of the share is the sum of the products of residuals over all such pairs of pairs
    (dyadic clusters: Aronow, Samii and Assenova 2015, Political Analysis 23:564). The effective n lies between that of
    sharing pairs that agree wholly (for clusters: Kish's) and n; without any variance it is the former. Where no pair
    shares a group with another it is n.
    """
    n, share = len(won), float(won.mean())
    residual = won - share
    agreeing = n**2 / _over_sharing(np.ones(n), members)
    variance, binomial = _over_sharing(residual, members) / n**2, share * (1 - share)
    effective = float(np.clip(binomial / variance, agreeing, n)) if variance > 0 else agreeing
    low, high = clopper_pearson(share * effective, effective, level)
    return float(low), share, float(high)


def _over_sharing(values: Floats, members: Members) -> float:
    """Sum of values[i] * values[j] over all (i, j) whose pairs have a group in common, i = j counted once."""
    _, member = np.unique(members, return_inverse=True)
    first, second = np.sort(member.reshape(-1, 2), axis=1).T
    two = first != second
    by_group = np.bincount(first, values, minlength=int(second.max()) + 1)
    by_group += np.bincount(second[two], values[two], minlength=len(by_group))
    _, same = np.unique(first[two] * len(by_group) + second[two], return_inverse=True)
    twice = (
        np.bincount(same, values[two]) if two.any() else np.zeros(1)
    )  # both groups in common: counted for each
    return float((by_group**2).sum() - (twice**2).sum())
