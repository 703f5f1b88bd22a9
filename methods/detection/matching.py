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

PAIRS_AT_ONCE = 1 << 15  # what a processor's cache holds


def dedupe(boxes: Boxes, scores: Floats, labels: Index, iou: float) -> Index:
    """Indices of the boxes that stay, ascending: those that are their own `representatives`."""
    return np.flatnonzero(representatives(boxes, scores, labels, iou) == np.arange(len(boxes)))


def representatives(boxes: Boxes, scores: Floats, labels: Index, iou: float) -> Index:
    """For each box the one it is merged into, itself if it stays: the clusters of greedy suppression.

    By falling score, of equal scores the earlier row first, a box stays unless one of its label that stays
    already has IoU >= `iou` with it; it then belongs to the first such. ValueError for a score that is NaN.
    """
    _check(scores)
    above, below = _similar(boxes, scores, labels, iou)
    stays = _independent(above, below, len(boxes))
    joins = np.flatnonzero(stays[above] & ~stays[below])
    above, below = above[joins], below[joins]
    owner = np.arange(len(boxes))
    merged = np.flatnonzero(~stays)
    owner[merged] = _first(below, above, scores[above], len(boxes))[merged]
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
    be given to many boxes, and such a box is neither a true nor a false positive. ValueError for a score that is NaN.
    """
    _check(scores)
    box, truth, overlap = _overlapping(boxes, labels, gt_boxes, gt_labels, gt_crowd, min(iou, 1 - 1e-10))
    crowd = gt_crowd[truth]
    single, many = np.flatnonzero(~crowd), np.flatnonzero(crowd)
    matched = _one_to_one(box[single], truth[single], overlap[single], scores, len(gt_boxes))
    many = many[matched[box[many]] < 0]
    many = many[np.lexsort((truth[many], overlap[many]))]
    matched[box[many]] = truth[many]  # of assignments to one box the last stays
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
    for i, j in _ranges(*_places(left, right[columns])):
        yield i, columns[j]


def pairs_within(
    left: Index, low: Floats, high: Floats, right: Index, at: Floats
) -> Iterator[tuple[Index, Index]]:
    """Of `pairs` those with low[i] <= at[j] <= high[i], and such as rounding cannot tell from them, by i. Labels are places."""
    if not len(right):
        return
    least, most = float(at.min()), float(at.max())
    apart = 1.0 + 0.01 * (most - least)  # of one label's last and the next one's first
    key = right * (most - least + apart) + (at - least)
    order = np.argsort(key)
    key, slack = key[order], 1e-12 * float(np.abs(key).max()) + 1e-9

    def reached(ends: Floats) -> Floats:
        inside = np.clip(ends, least - apart / 4, most + apart / 4)
        return np.asarray(left * (most - least + apart) + (inside - least))

    start = np.searchsorted(key, reached(low) - slack, side="left")
    stop = np.searchsorted(key, reached(high) + slack, side="right")
    for i, place in _ranges(start, stop):
        yield i, order[place]


def _check(scores: Floats) -> None:
    if np.isnan(scores).any():
        raise ValueError("expected scores that can be ordered, found NaN")


def _places(left: Index, right: Index) -> tuple[Index, Index]:
    """Where each of `left` starts and stops in the ascending `right`: by a table where labels are dense, as they are."""
    least, labels = (int(right[0]), int(right[-1] - right[0]) + 1) if len(right) else (0, 0)
    if labels > 4 * (len(left) + len(right)):
        return np.searchsorted(right, left, side="left"), np.searchsorted(right, left, side="right")
    ends = np.zeros(labels + 2, np.int64)  # of a label below all, of each, and of one above all
    np.cumsum(np.bincount(right - least, minlength=labels), out=ends[1:-1])
    ends[-1] = ends[-2]
    place = np.clip(left, least - 1, least + labels) - (least - 1)
    return ends[np.maximum(place - 1, 0)], ends[place]


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


def _similar(boxes: Boxes, scores: Floats, labels: Index, iou: float) -> tuple[Index, Index]:
    """All pairs of one label with IoU >= `iou`, each once: who has the higher score, of equal ones the earlier row, and who
    the lower.

    IoU >= t means that they share t of the wider one's width: along x, the second begins within (1 - t) of
    the first one's width. The slack only admits more pairs to the exact test.
    """
    if not len(boxes):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    group = _dense(labels)
    left = boxes[:, 0] - boxes[:, 0].min()
    span = left.max() + 2 * max(float((boxes[:, 2] - boxes[:, 0]).max()), 1.0)
    key = group * span + left
    order = np.argsort(key)
    key, group, score, columns = key[order], group[order], scores[order], _columns(boxes[order])
    reach = (1 - iou) * (columns[2] - columns[0]) + 1e-12 * key[-1] + 1e-9 * span
    stop = np.searchsorted(key, key + np.maximum(reach, 0), side="right")
    found = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    for i, j in _ranges(np.arange(1, len(key) + 1), stop):
        i, j, shared = _meeting(columns, columns, i, j)
        same = np.flatnonzero(shared / (columns[4][i] + columns[4][j] - shared) >= iou)
        same = same[group[i[same]] == group[j[same]]]
        i, j = i[same], j[same]
        first, second = order[i], order[j]
        swap = (score[j] > score[i]) | ((score[j] == score[i]) & (second < first))
        found.append((np.where(swap, second, first), np.where(swap, first, second)))
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


def _one_to_one(box: Index, truth: Index, overlap: Floats, scores: Floats, objects: int) -> Index:
    """The truth that each box takes, -1 for none, of pairs by box then truth; in rounds, as long as the longest chain."""
    same = box[1:] == box[:-1]
    several = np.flatnonzero(np.append(same, False) | np.append(False, same))  # most have one pair
    order = several[np.lexsort((-truth[several], -overlap[several], box[several]))]
    truth[several] = truth[order]
    matched, taken = np.full(len(scores), -1, np.int64), np.zeros(objects, bool)
    while len(box):
        best = np.flatnonzero(np.append(True, box[1:] != box[:-1]))
        # Nobody earlier wants what this box likes best, so no earlier choice can change its own.
        first = _first(truth, box, scores[box], objects)
        settled = best[first[truth[best]] == box[best]]
        matched[box[settled]] = truth[settled]
        taken[truth[settled]] = True
        open_ = np.flatnonzero(~taken[truth] & (matched[box] < 0))
        box, truth = box[open_], truth[open_]
    return matched


def _first(target: Index, row: Index, score: Floats, targets: int) -> Index:
    """Per target its row with the highest score, of equal ones the earliest; the largest integer where it has none."""
    highest = np.full(targets, -np.inf)
    np.maximum.at(highest, target, score)
    tied = np.flatnonzero(score == highest[target])
    first = np.full(targets, np.iinfo(np.int64).max)
    np.minimum.at(first, target[tied], row[tied])
    return first


def _overlapping(
    boxes: Boxes, labels: Index, gt_boxes: Boxes, gt_labels: Index, gt_crowd: Flags, iou: float
) -> tuple[Index, Index, Floats]:
    """Pairs (box, ground truth) of one label that overlap enough; with a crowd, the share of the box counts."""
    found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    columns, gt_columns = _columns(boxes), _columns(gt_boxes)
    for i, j in pairs(labels, gt_labels):
        i, j, shared = _meeting(columns, gt_columns, i, j)
        size = columns[4][i]
        overlap = shared / np.where(gt_crowd[j], size, size + gt_columns[4][j] - shared)
        enough = np.flatnonzero(overlap >= iou)
        found.append((i[enough], j[enough], overlap[enough]))
    first, second, third = zip(*found, strict=True)
    return np.concatenate(first), np.concatenate(second), np.concatenate(third)


def _columns(boxes: Boxes) -> Floats:
    """(5, n): x1, y1, x2, y2 and the area, each in one piece, as gathers of many pairs like it."""
    return np.vstack([boxes.T, area(boxes)])


def _meeting(first: Floats, second: Floats, i: Index, j: Index) -> tuple[Index, Index, Floats]:
    """Of pairs of `_columns`: those that share an area, and that area."""
    width = np.minimum(first[2][i], second[2][j]) - np.maximum(first[0][i], second[0][j])
    height = np.minimum(first[3][i], second[3][j]) - np.maximum(first[1][i], second[1][j])
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    meet = np.flatnonzero(shared > 0)
    return i[meet], j[meet], shared[meet]


def _dense(labels: Index) -> Index:
    """Labels from 0 on, with few gaps."""
    least = int(labels.min())
    if int(labels.max()) - least <= 4 * len(labels):
        return labels - least
    return np.unique(labels, return_inverse=True)[1]
