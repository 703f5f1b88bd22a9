"""Weighted boxes fusion (Solovyev, Wang & Gabruseva 2021): boxes of several sources become their weighted mean."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.detection.matching import paired_iou

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Fusion:
    """Boxes in order of their group, then falling score; `group` as given."""

    boxes: Floats
    scores: Floats
    group: Index


def weighted_boxes_fusion(boxes: Floats, scores: Floats, group: Index, sources: int, iou: float) -> Fusion:
    """Fuse the boxes of each group (image and class) on its own.

    By falling score (of equal ones the lower x1, y1, x2, y2 first) a box joins the fused box with the highest IoU
    above `iou`, of equal ones the oldest, else it starts a new one. A fused box is the mean of its members
    weighted by score, and its score their mean score times min(members, sources) / sources.

    One round handles the next box of every group at once, so the loop is as long as the fullest group.
    """
    order = np.lexsort((*boxes.T[::-1], -scores, group))
    boxes, scores = boxes[order], scores[order]
    names, start, size = np.unique(group[order], return_index=True, return_counts=True)
    width = int(size.max(initial=0))
    shape = (len(names), width)
    weighted, weight = np.zeros((*shape, 4)), np.zeros(shape)
    members = np.zeros(shape, np.int64)
    filled = np.zeros(len(names), np.int64)
    for turn in range(width):
        here = np.flatnonzero(size > turn)
        row = start[here] + turn
        slot = _nearest(boxes[row], weighted[here], weight[here], int(filled.max(initial=0)), iou)
        new = slot < 0
        slot = np.where(new, filled[here], slot)
        filled[here] += new
        mass = np.maximum(scores[row], 1e-12)
        weighted[here, slot] += mass[:, None] * boxes[row]
        weight[here, slot] += mass
        members[here, slot] += 1
    at, slot = np.nonzero(weight > 0)
    count = members[at, slot]
    fused = weighted[at, slot] / weight[at, slot][:, None]
    score = weight[at, slot] / count * np.minimum(count, sources) / sources
    order = np.lexsort((*fused.T[::-1], -score, names[at]))
    return Fusion(fused[order], score[order], names[at][order])


def _nearest(boxes: Floats, weighted: Floats, weight: Floats, filled: int, iou: float) -> Index:
    """Per group the fused box that its next box joins; -1 where none overlaps it more than `iou`."""
    if not filled:
        return np.full(len(boxes), -1)
    mass = weight[:, :filled]
    fused = weighted[:, :filled] / np.where(mass > 0, mass, 1.0)[:, :, None]
    repeated = np.repeat(boxes, filled, axis=0)
    overlap = paired_iou(repeated, fused.reshape(-1, 4)).reshape(mass.shape)
    best = overlap.argmax(axis=1)
    return np.where(overlap[np.arange(len(boxes)), best] > iou, best, -1)
