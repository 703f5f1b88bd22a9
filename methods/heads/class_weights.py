"""What each class weighs in a loss, and the class prior of the stream that a head is trained on."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def effective_number(counts: ArrayLike, beta: float) -> Floats:
    """(k,) weights (1 - beta) / (1 - beta^n) of classes with n >= 1 rows, scaled to mean 1 (Cui et al. 2019).

    beta = 0 weighs all alike; beta -> 1 gives inverse frequencies. ValueError for an empty class or beta outside
    [0, 1).
    """
    n = _counts(counts)
    if not 0 <= beta < 1:
        raise ValueError(f"expected beta in [0, 1), got {beta}")
    if beta == 0:
        return np.ones(len(n))
    # 1 - beta^n loses its digits where beta is close to 1; expm1 keeps them. 1 - beta cancels in the mean.
    weights = -1 / np.expm1(n * np.log(beta))
    return np.asarray(weights / weights.mean())


def stream_prior(counts: ArrayLike, weights: ArrayLike, balanced: bool) -> Floats:
    """(k,) share of each class in what the loss sees: its sampling probability times its weight."""
    n = _counts(counts)
    seen = np.asarray(weights, np.float64) * (np.ones(len(n)) if balanced else n)
    return np.asarray(seen / seen.sum())


def _counts(counts: ArrayLike) -> Floats:
    n = np.asarray(counts, np.float64)
    if n.ndim != 1 or not n.size or not (n >= 1).all():
        raise ValueError(f"expected at least one row of every class, got counts {n.tolist()}")
    return n
