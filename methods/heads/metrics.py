"""How good a head is on labelled rows: macro figures over the foreground classes, and how honest its confidence is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.calibration.calibration_error import expected_calibration_error, row_nll

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

BINS = 15


@dataclass(frozen=True)
class HeadMetrics:
    """Macro and weighted means are over foreground classes that have a row; predictions of background count against
    them. accuracy, nll and ece are over all rows."""

    rows: int
    macro_f1_fg: float
    weighted_f1_fg: float
    macro_precision_fg: float
    macro_recall_fg: float
    accuracy: float
    nll: float
    ece: float


def head_metrics(logits: NDArray[np.floating], labels: Index, foreground: int) -> HeadMetrics:
    """logits (n, k), labels (n,) in 0..k-1; classes below `foreground` are foreground."""
    share = probabilities(logits)
    predicted = np.asarray(logits).argmax(axis=1)
    found = counts(predicted, labels, foreground)
    precision, recall, f1 = rates(found)
    support = found[:, 0] + found[:, 2]
    present = support > 0
    if not present.any():
        raise ValueError("no row of a foreground class, so nothing can be judged")
    return HeadMetrics(
        len(labels),
        float(f1[present].mean()),
        float(f1 @ support / support.sum()),
        float(precision[present].mean()),
        float(recall[present].mean()),
        float((predicted == labels).mean()),
        float(row_nll(share, labels).mean()),
        expected_calibration_error(np.minimum(share.max(axis=1), 1.0), predicted == labels, BINS),
    )


def probabilities(logits: NDArray[np.floating]) -> Floats:
    z = np.asarray(logits, np.float64)
    weight = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def counts(predicted: Index, labels: Index, foreground: int) -> Index:
    """(foreground, 3): true positives, false positives and false negatives of each foreground class."""
    hit = predicted == labels
    found = [np.bincount(which, minlength=foreground)[:foreground]
             for which in (labels[hit], predicted[~hit], labels[~hit])]  # fmt: skip
    return np.stack(found, axis=1)


def rates(found: NDArray[np.generic]) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and F1 from counts (..., 3); 0 where nothing was predicted or is there."""
    tp, fp, fn = (np.asarray(found[..., i], np.float64) for i in range(3))
    return _ratio(tp, tp + fp), _ratio(tp, tp + fn), _ratio(2 * tp, 2 * tp + fp + fn)


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))
