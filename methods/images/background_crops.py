"""Squares that show no object: drawn at random, kept where they hardly touch the boxes of an image."""

import numpy as np
from numpy.typing import NDArray

from methods.detection.matching import Boxes, area, intersection, paired_iou

PROPOSALS = 400  # squares tried per image, all at once


def background_boxes(
    boxes: Boxes,
    width: float,
    height: float,
    count: int,
    *,
    side: tuple[float, float],
    padding: float,
    max_iou: float,
    max_inside: float,
    random: np.random.Generator,
) -> NDArray[np.int64]:
    """At most `count` squares (m, 4) in whole pixels inside an image of width x height, fewer where they do not fit.

    boxes: (n, 4) objects, grown by `padding` of their sides on every side. A square is kept where its IoU with each
    is at most `max_iou`, and where neither has more than `max_inside` of its own area in the other: the IoU of a
    small square within a large object is small.
    """
    shorter = min(width, height)
    sides = np.maximum(np.floor(random.uniform(*side, PROPOSALS) * shorter), 1)
    left = np.floor(random.random(PROPOSALS) * (width - sides + 1))
    top = np.floor(random.random(PROPOSALS) * (height - sides + 1))
    squares = np.stack([left, top, left + sides, top + sides], axis=1)
    free = np.ones(PROPOSALS, bool)
    if len(boxes):
        margin = padding * (boxes[:, 2:] - boxes[:, :2])
        grown = np.hstack([boxes[:, :2] - margin, boxes[:, 2:] + margin])
        i, j = (axis.ravel() for axis in np.indices((PROPOSALS, len(grown))))
        iou = paired_iou(squares[i], grown[j])
        inside = intersection(squares[i], grown[j]) / np.minimum(area(squares[i]), area(grown[j]))
        free = np.all(((iou <= max_iou) & (inside <= max_inside)).reshape(PROPOSALS, -1), axis=1)
    return squares[free][:count].astype(np.int64)
