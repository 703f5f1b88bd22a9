"""A rate over rows that come in groups of copies and near-copies, against a budget."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from methods.statistics.beta_bounds import beta_lower, beta_upper

Floats = NDArray[np.float64]


def grouped_rate(fired: ArrayLike, groups: ArrayLike, most: float | None = None) -> float:
    """Share of rows that fired, a group counted `most` times at most; NaN without rows."""
    share, weight = _groups(fired, groups, most)
    return float(share @ weight) if weight.size else float("nan")


def grouped_rate_bounds(
    fired: ArrayLike, groups: ArrayLike, level: float, most: float | None = None
) -> tuple[float, float]:
    """One-sided bounds (lower, upper) of `grouped_rate`, each at confidence `level`; (0, 1) without rows.

    fired (n,) in [0, 1], groups (n,). most: None is the rate per row, 1 the rate per group (per unique text). Clopper and
    Pearson where groups weigh the same. They hold where large groups fire more often than small ones, which Kish's
    effective n does not; so no bound can be below what `least_upper_bound` says.
    """
    share, weight = _groups(fired, groups, most)
    if not weight.size:
        return 0.0, 1.0
    events = share * weight
    total, squares = events.sum(), np.square(events).sum()
    return float(beta_lower(total, squares, level)), float(beta_upper(total, squares, weight.max(), level))


def least_upper_bound(groups: ArrayLike, level: float, most: float | None = None) -> float:
    """The upper bound if nothing fires. Above the budget, these groups cannot show that the rate holds it: the largest
    may fire always and was not seen to."""
    return grouped_rate_bounds(np.zeros(np.shape(groups)), groups, level, most)[1]


def most_that_can_hold(groups: ArrayLike, budget: float, level: float) -> int | None:
    """The largest `most` whose `least_upper_bound` is within half the budget, so that some false positives may occur;
    from the groups alone, before anything fired. None where even 1 is too large."""
    sizes = np.unique_counts(np.asarray(groups)).counts
    candidates = np.unique(sizes)[::-1].tolist() + ([1] if sizes.size and sizes.min() > 1 else [])
    return next((most for most in candidates if least_upper_bound(groups, level, most) <= budget / 2), None)


def _groups(fired: ArrayLike, groups: ArrayLike, most: float | None) -> tuple[Floats, Floats]:
    """Per group the share of its rows that fired, and its weight; weights sum to 1."""
    rows = np.asarray(fired, np.float64)
    _, member, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if rows.ndim != 1 or member.shape != rows.shape:
        raise ValueError(f"expected one value and one group per row, got {rows.shape} and {member.shape}")
    weight = sizes if most is None else np.minimum(sizes, most)
    return np.bincount(member, rows, len(sizes)) / sizes, weight / weight.sum()
