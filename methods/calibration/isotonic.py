"""Class-wise isotonic calibration: per class the monotone curve from a probability to a share of positives."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Curves:
    """Knots of all classes: `label` says whose; between knots the curve is straight, beyond them flat."""

    label: Index
    given: Floats
    calibrated: Floats

    def probabilities(self, given: Floats, label: Index) -> Floats:
        """A class without a curve keeps what is given."""
        found = given.astype(np.float64)
        for name in np.unique(self.label):
            rows, knots = label == name, self.label == name
            found[rows] = np.interp(given[rows], self.given[knots], self.calibrated[knots])
        return found


def fit_curves(given: Floats, positive: NDArray[np.bool_], label: Index) -> Curves:
    """`given` must be out-of-fold. A class whose rows are all of one kind gets no curve."""
    labels, x, y = [np.empty(0, np.int64)], [np.empty(0)], [np.empty(0)]
    for name in np.unique(label):
        rows = label == name
        if 0 < positive[rows].sum() < rows.sum():
            fitted = IsotonicRegression(y_min=0, y_max=1).fit(given[rows], positive[rows].astype(np.float64))
            labels.append(np.full(len(fitted.X_thresholds_), name, np.int64))
            x.append(fitted.X_thresholds_)
            y.append(fitted.y_thresholds_)
    return Curves(np.concatenate(labels), np.concatenate(x), np.concatenate(y))
