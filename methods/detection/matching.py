"""Which boxes are the same: greedy deduplication, and one-to-one matching with the ground truth at one IoU.

Boxes are (n, 4) float64 x1, y1, x2, y2. `labels` are any integers, and only boxes of one label meet: to work
on many images at once, give each (image, class) a label of its own. No loop runs over images or boxes.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
Index = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

PAIRS_AT_ONCE = 1 << 21


def dedupe(boxes: Boxes, scores: Floats, labels: Index, iou: float) -> Index:
    """Indices of the boxes that stay, ascending: those that are their own `representatives`."""
    return np.flatnonzero(representatives(boxes, scores, labels, iou) == np.arange(len(boxes)))


def representatives(boxes: Boxes, scores: Floats, labels: Index, iou: float) -> Index:
    """For each box the one it is merged into, itself if it stays: the clusters of greedy suppression.

    By falling score, of equal scores the earlier row first, a box stays unless one of its label that stays
    already has IoU >= `iou` with it; it then belongs to the first such.
    """
    priority = np.argsort(-scores, kind="stable")
    rank = np.empty(len(boxes), np.int64)
    rank[priority] = np.arange(len(boxes))
    first, second = _similar(boxes, labels, iou)
    swap = rank[first] > rank[second]
    above, below = np.where(swap, second, first), np.where(swap, first, second)
    stays = _independent(above, below, len(boxes))
    merged = np.full(len(boxes), len(boxes))
    joins = stays[above] & ~stays[below]
    np.minimum.at(merged, below[joins], rank[above[joins]])
    owner = np.arange(len(boxes))
    owner[~stays] = priority[merged[~stays]]
    return owner


def match(
    boxes: Boxes,
    scores: Floats,
    labels: Index,
    gt_boxes: Boxes,
    gt_labels: Index,
    gt_crowd: Flags,
    iou: float,
) -> Index:
    """The index of the matched ground truth per box, -1 where there is none: the greedy rule of pycocotools.

    By falling score, of equal scores the earlier row first, a box takes the free ground truth of its label
    with the highest IoU >= `iou`, of equal ones the last. Only where there is none does it take the crowd that
    covers the highest share >= `iou` of it, of equal ones the last. A crowd is never used up: its index may
    be given to many boxes, and such a box is neither a true nor a false positive.
    """
    box, truth, overlap = _overlapping(boxes, labels, gt_boxes, gt_labels, gt_crowd, min(iou, 1 - 1e-10))
    rank = np.empty(len(boxes), np.int64)
    rank[np.argsort(-scores, kind="stable")] = np.arange(len(boxes))
    # A box's pairs lie together, best first: single objects before crowds, then IoU, then the later row.
    order = np.lexsort((-truth, -overlap, gt_crowd[truth], rank[box]))
    box, truth, place = box[order], truth[order], rank[box[order]]
    matched = np.full(len(boxes), -1, np.int64)
    while len(box):
        best = np.flatnonzero(np.r_[True, place[1:] != place[:-1]])
        earliest = np.full(len(gt_boxes), len(boxes))
        np.minimum.at(earliest, truth, place)
        # Nobody earlier wants what this box likes best, so no earlier choice can change its own.
        settled = best[gt_crowd[truth[best]] | (earliest[truth[best]] == place[best])]
        matched[box[settled]] = truth[settled]
        taken = np.zeros(len(gt_boxes), bool)
        taken[truth[settled]] = True
        open_ = (matched[box] < 0) & ~(taken & ~gt_crowd)[truth]
        box, truth, place = box[open_], truth[open_], place[open_]
    return matched


def intersection(first: Boxes, second: Boxes) -> Floats:
    """Areas that boxes of equal rows share."""
    width = np.minimum(first[:, 2], second[:, 2]) - np.maximum(first[:, 0], second[:, 0])
    height = np.minimum(first[:, 3], second[:, 3]) - np.maximum(first[:, 1], second[:, 1])
    shared: Floats = np.maximum(width, 0) * np.maximum(height, 0)
    return shared


def area(boxes: Boxes) -> Floats:
    extent: Floats = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return extent


def paired_iou(first: Boxes, second: Boxes) -> Floats:
    """IoU of boxes of equal rows; 0 where they share nothing, also for two empty boxes."""
    shared = intersection(first, second)
    return np.divide(shared, area(first) + area(second) - shared, out=np.zeros(len(shared)), where=shared > 0)


def pairs(left: Index, right: Index) -> Iterator[tuple[Index, Index]]:
    """All (i, j) with left[i] == right[j], by i then j, in chunks of about PAIRS_AT_ONCE pairs."""
    columns = np.argsort(right, kind="stable")
    start = np.searchsorted(right[columns], left, side="left")
    stop = np.searchsorted(right[columns], left, side="right")
    for i, j in _ranges(start, stop):
        yield i, columns[j]


def _ranges(start: Index, stop: Index) -> Iterator[tuple[Index, Index]]:
    """All (i, j) with start[i] <= j < stop[i], in chunks of whole i."""
    count = np.maximum(stop - start, 0)
    total = np.cumsum(count)
    first = 0
    while first < len(count):
        done = total[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(total, done + PAIRS_AT_ONCE, side="right")))
        here = count[first:last]
        i = np.repeat(np.arange(first, last), here)
        begins = np.cumsum(here) - here
        yield i, np.arange(len(i)) - np.repeat(begins - start[first:last], here)
        first = last


def _similar(boxes: Boxes, labels: Index, iou: float) -> tuple[Index, Index]:
    """All pairs of one label with IoU >= `iou`, each once.

    IoU >= t means that they share t of the wider one's width: along x, the second begins within (1 - t) of
    the first one's width. The slack only admits more pairs to the exact test.
    """
    if not len(boxes):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    _, group = np.unique(labels, return_inverse=True)
    left = boxes[:, 0] - boxes[:, 0].min()
    span = left.max() + 2 * max(float((boxes[:, 2] - boxes[:, 0]).max()), 1.0)
    key = group * span + left
    order = np.argsort(key, kind="stable")
    key = key[order]
    reach = (1 - iou) * (boxes[order, 2] - boxes[order, 0]) + 1e-12 * key[-1] + 1e-9 * span
    stop = np.searchsorted(key, key + np.maximum(reach, 0), side="right")
    found = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    for i, j in _ranges(np.arange(1, len(key) + 1), stop):
        first, second = order[i], order[j]
        same = (paired_iou(boxes[first], boxes[second]) >= iou) & (group[first] == group[second])
        found.append((first[same], second[same]))
    return np.concatenate([first for first, _ in found]), np.concatenate([second for _, second in found])


def _independent(above: Index, below: Index, count: int) -> Flags:
    """Who stays where `above` drops `below` if it stays itself; in rounds, as long as the longest chain."""
    undecided, stays = np.ones(count, bool), np.zeros(count, bool)
    while undecided.any():
        threatened = np.zeros(count, bool)
        threatened[below] = True
        free = undecided & ~threatened
        stays |= free
        dropped = np.zeros(count, bool)
        dropped[below[free[above]]] = True
        undecided &= ~free & ~dropped
        open_ = undecided[above] & undecided[below]
        above, below = above[open_], below[open_]
    return stays


def _overlapping(
    boxes: Boxes, labels: Index, gt_boxes: Boxes, gt_labels: Index, gt_crowd: Flags, iou: float
) -> tuple[Index, Index, Floats]:
    """Pairs (box, ground truth) of one label that overlap enough; with a crowd, the share of the box counts."""
    found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    size, gt_size = area(boxes), area(gt_boxes)
    for i, j in pairs(labels, gt_labels):
        shared = intersection(boxes[i], gt_boxes[j])
        whole = np.where(gt_crowd[j], size[i], size[i] + gt_size[j] - shared)
        overlap = np.divide(shared, whole, out=np.zeros(len(shared)), where=shared > 0)
        enough = overlap >= iou
        found.append((i[enough], j[enough], overlap[enough]))
    first, second, third = zip(*found, strict=True)
    return np.concatenate(first), np.concatenate(second), np.concatenate(third)
