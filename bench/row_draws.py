"""Bootstrap over groups of what a single run reads, as it was: accuracy, NLL, ECE, and the F1 of each class."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from methods.calibration.calibration_error import row_nll, width_bin
from methods.heads.metrics import BINS, rates

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

FIGURES = ("accuracy", "nll", "ece")


def figure_draws(shares: Floats, labels: Index, groups: ArrayLike, weights: Floats) -> dict[str, Floats]:
    """Each of FIGURES (resamples,), whole groups drawn `weights` (resamples, groups in sorted order) times.

    shares (n, k) are probabilities, labels and groups (n,). Resampling adds its own noise to an ECE, which is 0 at
    best: its draws lie above what the rows read.
    """
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    confidence, hit = np.minimum(shares.max(axis=1), 1.0), shares.argmax(axis=1) == labels
    sums = np.zeros((weights.shape[1], 3 + BINS))  # rows, right answers, NLL, and the gap of each bin
    np.add.at(sums, group, np.stack([np.ones(len(labels)), hit, row_nll(shares, labels)]
                                    + [np.zeros(len(labels))] * BINS, axis=1))  # fmt: skip
    np.add.at(sums, (group, 3 + width_bin(confidence, BINS)), hit - confidence)
    drawn = weights @ sums
    rows = drawn[:, 0]
    return {
        "accuracy": drawn[:, 1] / rows,
        "nll": drawn[:, 2] / rows,
        "ece": np.abs(drawn[:, 3:]).sum(axis=1) / rows,
    }


def class_f1_draws(counts: Index, weights: Floats) -> Floats:
    """(resamples, foreground) from counts (groups, foreground, 3); NaN where a resample has no row of the class."""
    drawn = np.einsum("rg,gfc->rfc", weights, counts.astype(np.float64), optimize=True)
    return np.where(drawn[:, :, 0] + drawn[:, :, 2] > 0, rates(drawn)[2], np.nan)
