"""Non-maximum suppression: of boxes of one group that overlap, the one with the highest score stays."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def staying(group: NDArray[np.int64], boxes: Floats, scores: Floats, iou: float | None) -> NDArray[np.bool_]:
    """Per box: no better one of its group stays that overlaps it with IoU >= `iou`; None: all stay.

    boxes (n, 4): x1, y1, x2, y2. Of equal scores the box with the lower x1, then y1, x2, y2 goes first, then the
    earlier row.
    """
    stays = np.ones(len(boxes), np.bool_)
    if iou is None:
        return stays
    left = np.lexsort((*boxes.T[::-1], -scores, group))
    while len(left):  # in each round the best box of every group stays, and those that it suppresses go
        best = np.r_[True, np.diff(group[left]) != 0]
        leader = left[best][np.cumsum(best) - 1]
        suppressed = (_paired_iou(boxes[leader], boxes[left]) >= iou) & ~best
        stays[left[suppressed]] = False
        left = left[~suppressed & ~best]
    return stays


def _paired_iou(first: Floats, second: Floats) -> Floats:
    """Of boxes of equal rows; 0 where they share nothing, also for two empty boxes."""
    low, high = np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])
    width, height = np.maximum(high - low, 0).T
    shared = width * height
    whole = _area(first) + _area(second) - shared
    return np.asarray(np.divide(shared, whole, out=np.zeros(len(shared)), where=shared > 0))


def _area(boxes: Floats) -> Floats:
    extent: Floats = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return extent
