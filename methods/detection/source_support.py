"""Which sources stand behind an accepted box: a raw detection of the same class in the same image overlaps it."""

import numpy as np
from numpy.typing import NDArray

from methods.detection.evaluation import Detections
from methods.detection.image_blocks import image_blocks
from methods.detection.matching import paired_iou, pairs

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Bools = NDArray[np.bool_]


def nearest_overlap(
    detections: Detections, raw: Detections, source: Index, sources: int, classes: int
) -> Floats:
    """(detections, sources): the highest IoU with a raw detection of that source; 0 where none meets it."""
    highest = np.zeros((len(detections.image), sources))
    for rows, others in image_blocks(detections.image, raw.image):
        left = detections.image[rows] * classes + detections.label[rows]
        right = raw.image[others] * classes + raw.label[others]
        for i, j in pairs(left, right):
            i, j = rows[i], others[j]
            np.maximum.at(highest, (i, source[j]), paired_iou(detections.boxes[i], raw.boxes[j]))
    return highest


def supported(highest: Floats, iou: float) -> Bools:
    """(detections, sources). A box that no source reaches at `iou` (a fused one) is the nearest source's."""
    reached = highest >= iou
    orphan = ~reached.any(axis=1)
    reached[orphan, highest[orphan].argmax(axis=1)] = True
    return np.asarray(reached)


def mix(support: Bools) -> Floats:
    """(sources,): shares of the boxes, each split evenly among its sources; they sum to 1, or are 0 without boxes."""
    if not len(support):
        return np.zeros(support.shape[1])
    return np.asarray((support / support.sum(axis=1, keepdims=True)).mean(axis=0))


def detector_share(support: Bools, detector: Bools) -> float:
    """Share of the boxes that at least one detector supports; the others are SAM's alone. NaN without boxes."""
    return float(support[:, detector].any(axis=1).mean()) if len(support) else np.nan
