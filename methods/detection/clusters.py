"""What merged candidates have behind them: which sources, how many boxes, and at which overlap."""

import numpy as np

from methods.detection.matching import Boxes, Floats, Index, paired_iou, pairs


def source_counts(cluster: Index, source: Index, clusters: int, sources: int) -> Index:
    """(clusters, sources): boxes of each source in each cluster."""
    counts = np.bincount(cluster * sources + source, minlength=clusters * sources)
    return counts.reshape(clusters, sources)


def source_maxima(values: Floats, cluster: Index, source: Index, clusters: int, sources: int) -> Floats:
    """(clusters, sources): the highest value of each source's boxes in each cluster, NaN where it has none."""
    highest = np.full(clusters * sources, -np.inf)
    np.maximum.at(highest, cluster * sources + source, values)
    return np.where(np.isinf(highest), np.nan, highest).reshape(clusters, sources)


def source_overlap(
    boxes: Boxes, labels: Index, raw_boxes: Boxes, raw_labels: Index, raw_source: Index, sources: int
) -> Floats:
    """(boxes, sources): the highest IoU with a raw box of the same label from each source, 0 where none overlaps."""
    highest = np.zeros(len(boxes) * sources)
    for i, j in pairs(labels, raw_labels):
        np.maximum.at(highest, i * sources + raw_source[j], paired_iou(boxes[i], raw_boxes[j]))
    return highest.reshape(len(boxes), sources)


def label_agreement(matched: Index, labels: Index, gt_labels: Index) -> tuple[int, int]:
    """Of the boxes that match a ground truth of whatever class: how many name its class, and how many there are."""
    found = matched >= 0
    return int((labels[found] == gt_labels[matched[found]]).sum()), int(found.sum())
