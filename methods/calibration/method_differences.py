"""What methods change of the loss, by groups and all at once: intervals that hold together, and p for having tried many."""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from methods.statistics.group_intervals import FEWEST, group_effects, group_mean_interval, mean_p
from methods.statistics.streams import stream

Floats = NDArray[np.float64]

DRAWS = 20_000
_SAME = 1e-9


@dataclass(frozen=True)
class MethodDifference:
    """value: of the mean loss over rows. low and high hold for all methods at once, p is corrected for all; None below
    `FEWEST` groups."""

    value: float
    low: float | None
    high: float | None
    p: float | None


def method_differences(
    losses: ArrayLike, control: ArrayLike, groups: ArrayLike, alpha: float, seed: int
) -> tuple[list[MethodDifference], float]:
    """losses (methods, rows), control (rows,), groups (rows,): a difference for each method, and the level of each
    interval, for which all of them hold with 1 - alpha.

    Single-step max-T (Westfall & Young 1993): Student's t of the groups, correlated as the groups' differences are. What
    is held against it is the lesser of t and Hall's t (`mean_p`), since differences of losses are skewed.
    """
    each = np.atleast_2d(np.asarray(losses, np.float64)) - np.asarray(control, np.float64)
    effects = np.array([group_effects(row, groups)[0] for row in each])
    count = effects.shape[1]
    if count < FEWEST:
        return [MethodDifference(float(row.mean()), None, None, None) for row in each], 1 - alpha
    largest = _largest_t(effects, seed)
    quantile = largest[min(ceil((1 - alpha) * (DRAWS + 1)), DRAWS) - 1]
    level = max(float(1 - 2 * stdtr(count - 1, -quantile)), 1 - alpha)
    found = []
    for row, single in zip(each, mean_p(effects), strict=True):
        seen = abs(float(stdtrit(count - 1, single / 2)))  # infinite where nothing varies
        beyond = DRAWS - int(np.searchsorted(largest, seen - _SAME))
        within = group_mean_interval(row, groups, level)
        p = max((1 + beyond) / (1 + DRAWS), float(single))
        found.append(MethodDifference(within.value, within.low, within.high, p))
    return found, level


def _largest_t(effects: Floats, seed: int) -> Floats:
    """(DRAWS,), sorted: the largest |t| of all methods, where none differs. effects (methods, groups)."""
    residual = effects - effects.mean(axis=1, keepdims=True)
    length = np.linalg.norm(residual, axis=1, keepdims=True)
    u, s, _ = np.linalg.svd(residual / np.where(length > 0, length, 1.0), full_matrices=False)
    rng, freedom = stream(seed, "method differences"), effects.shape[1] - 1
    drawn = rng.standard_normal((DRAWS, len(s))) @ (u * s).T
    return np.sort(np.abs(drawn).max(axis=1) / np.sqrt(rng.chisquare(freedom, DRAWS) / freedom))
