"""When a row fires: the comparison that thresholds were chosen with, and that whoever uses them makes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def fires(scores: NDArray[np.floating[Any]], thresholds: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(rows, labels): score >= threshold, in 64 bits: a float32 score is the number it is. A missing score never fires,
    and where the threshold is infinite nothing does, an infinite score neither."""
    return np.asarray((scores >= thresholds) & (thresholds < np.inf))
