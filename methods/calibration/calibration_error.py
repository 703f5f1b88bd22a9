"""How far confidence is from accuracy: ECE and its null, over bins of equal width and of equal mass, Brier and NLL.

confidence (n,) in [0, 1] is the probability of the predicted class, correct (n,) whether it was the true one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import dct, idct
from scipy.optimize import brentq

from methods.statistics.streams import seeded

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

SMALLEST = 1e-300  # an impossible event that happened has an NLL of 691, not of infinity
_CELLS = 1 << 22
_SMOOTH_CELLS = 4096


@dataclass(frozen=True)
class Bins:
    """Sums per bin, each (bins,)."""

    count: Index
    confidence: Floats
    correct: Floats


def expected_calibration_error(confidence: ArrayLike, correct: ArrayLike, bins: int = 15) -> float:
    """Mean |accuracy - confidence| over bins of equal width, weighted by their rows (Guo et al. 2017)."""
    return _weighted_gap(equal_width_bins(confidence, correct, bins))


def equal_mass_calibration_error(confidence: ArrayLike, correct: ArrayLike, bins: int = 15) -> float:
    """The same over bins of equally many rows; rows of one confidence share a bin."""
    return _weighted_gap(equal_mass_bins(confidence, correct, bins))


def smooth_calibration_error(confidence: ArrayLike, correct: ArrayLike) -> float:
    """The width at which the gaps, smoothed by a Gaussian of that width, average to that width: no bins to choose.

    Blasiok & Nakkiran 2023 (smECE). The Gaussian is reflected at 0 and 1, which makes it a product of cosines.
    """
    probability, hit = _checked(confidence, correct)
    cell = np.minimum((probability * _SMOOTH_CELLS).astype(np.int64), _SMOOTH_CELLS - 1)
    gaps = np.bincount(cell, hit - probability, _SMOOTH_CELLS) / probability.size
    waves, number = dct(gaps, norm="ortho"), np.pi * np.arange(_SMOOTH_CELLS)

    def above(width: float) -> float:
        smoothed = idct(waves * np.exp(-((number * width) ** 2) / 2), norm="ortho")
        return float(np.abs(smoothed).sum()) - width

    return float(brentq(above, 0.0, 2.0, xtol=1e-9))


def ece_null(confidence: ArrayLike, bins: int, draws: int, seed: int) -> Floats:
    """(draws,): what ECE reads where each confidence is exactly the chance of being correct."""
    probability, _ = _checked(confidence, np.zeros(np.shape(confidence)))
    bin_of = width_bin(probability, bins)
    member = np.zeros((probability.size, bins))
    member[np.arange(probability.size), bin_of] = 1.0
    expected = probability @ member
    rng = seeded(seed)
    found = np.empty(draws)
    step = max(_CELLS // probability.size, 1)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        correct = rng.random((size, probability.size)) < probability
        found[start : start + size] = np.abs(correct @ member - expected).sum(axis=1) / probability.size
    return found


def null_p_value(observed: float, null: Floats) -> float:
    """One-sided Monte-Carlo p: the share of draws at least as large, the observed one counted in."""
    return float((1 + np.count_nonzero(null >= observed - 1e-12)) / (1 + null.size))


def equal_width_bins(confidence: ArrayLike, correct: ArrayLike, bins: int) -> Bins:
    probability, hit = _checked(confidence, correct)
    return _sums(width_bin(probability, bins), probability, hit, bins)


def equal_mass_bins(confidence: ArrayLike, correct: ArrayLike, bins: int) -> Bins:
    probability, hit = _checked(confidence, correct)
    _, value, ties = np.unique(probability, return_inverse=True, return_counts=True)
    middle = np.cumsum(ties) - (ties + 1) / 2  # rank of the middle of each run of equal confidences
    return _sums((middle * bins / probability.size).astype(np.int64)[value], probability, hit, bins)


def width_bin(probability: Floats, bins: int) -> Index:
    """Bins are closed on the right; zero belongs to the first, one to the last."""
    if bins < 1:
        raise ValueError(f"expected at least one bin, got {bins}")
    edges = np.arange(1, bins) / bins
    return np.searchsorted(edges, probability, side="left").astype(np.int64)


def brier_score(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Mean squared distance to the true class's corner; halved for two classes, as is usual there."""
    p, y = _probabilities(probabilities, labels)
    truth = np.zeros_like(p)
    truth[np.arange(len(y)), y] = 1.0
    total = float(np.square(p - truth).sum(axis=1).mean())
    return total / 2 if p.shape[1] == 2 else total


def negative_log_likelihood(probabilities: ArrayLike, labels: ArrayLike) -> float:
    p, y = _probabilities(probabilities, labels)
    return float(row_nll(p, y).mean())


def row_nll(probabilities: Floats, labels: Index) -> Floats:
    """(n,): of each row's true class."""
    own = probabilities[np.arange(len(labels)), labels]
    return np.asarray(-np.log(np.maximum(own, SMALLEST)))


def _weighted_gap(found: Bins) -> float:
    return float(np.abs(found.correct - found.confidence).sum() / found.count.sum())


def _sums(bin_of: Index, probability: Floats, hit: Floats, bins: int) -> Bins:
    return Bins(
        np.bincount(bin_of, minlength=bins).astype(np.int64),
        np.bincount(bin_of, probability, bins).astype(np.float64),
        np.bincount(bin_of, hit, bins).astype(np.float64),
    )


def _checked(confidence: ArrayLike, correct: ArrayLike) -> tuple[Floats, Floats]:
    probability, hit = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    if probability.ndim != 1 or probability.size == 0 or probability.shape != hit.shape:
        raise ValueError(
            f"expected one confidence and one outcome per row, got {probability.shape}, {hit.shape}"
        )
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError("expected confidences in [0, 1]")
    return probability, hit


def _probabilities(probabilities: ArrayLike, labels: ArrayLike) -> tuple[Floats, Index]:
    p, y = np.asarray(probabilities, np.float64), np.asarray(labels).astype(np.int64)
    if p.ndim != 2 or y.shape != p.shape[:1] or not y.size:
        raise ValueError(f"expected probabilities (n, k) and a label per row, got {p.shape} and {y.shape}")
    return p, y
