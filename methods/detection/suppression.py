"""Non-maximum suppression: of boxes of one class that overlap, the one with the highest score stays."""

import numpy as np
from numpy.typing import NDArray

from methods.detection.evaluation import Detections
from methods.detection.matching import dedupe

Bools = NDArray[np.bool_]


def staying(detections: Detections, classes: int, iou: float | None) -> Bools:
    """Per box: no better one of its image and class stays that overlaps it with IoU >= `iou`; None: all stay.

    Of equal scores the box with the lower x1, then y1, x2, y2 goes first, as in matching. Whatever threshold comes after,
    the same boxes stay: who is suppressed depends on better boxes alone.
    """
    if iou is None:
        return np.ones(len(detections.image), bool)
    order = np.lexsort(detections.boxes.T[::-1])
    key = (detections.image * classes + detections.label)[order]
    stays = np.zeros(len(order), bool)
    stays[order[dedupe(detections.boxes[order], detections.scores[order], key, iou)]] = True
    return stays
