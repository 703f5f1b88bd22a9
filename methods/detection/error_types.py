"""What kind of error each accepted box or missed object is (TIDE: Bolya, Foley, Hays and Hoffman 2020, section 2.2)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.detection.evaluation import Detections, TruthBoxes, matched_objects
from methods.detection.matching import paired_iou, pairs

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

BACKGROUND = 0.1  # TIDE's lower edge: what overlaps no object so much found none


@dataclass(frozen=True)
class ErrorTypes:
    """Counts. The first five make up the false positives; missed: objects that no box finds which errs in class or place
    alone."""

    wrong_class: int
    misplaced: int
    both: int
    duplicate: int
    background: int
    missed: int


def error_types(accepted: Detections, truth: TruthBoxes, iou: float) -> ErrorTypes:
    matched = matched_objects(accepted, truth, iou)
    false = accepted.where(matched < 0)  # a box in a crowd is matched with it
    objects = np.flatnonzero(~truth.crowd)
    same, same_object = _nearest(false, truth, objects, of_class=True)
    other, other_object = _nearest(false, truth, objects, of_class=False)
    misplaced = (same >= BACKGROUND) & (same < iou)
    wrong = (other >= iou) & ~misplaced
    duplicate = (same >= iou) & ~wrong
    background = np.maximum(same, other) < BACKGROUND
    free = ~truth.crowd
    free[np.concatenate([matched[matched >= 0], same_object[misplaced], other_object[wrong]])] = False
    counts = [int(each.sum()) for each in (wrong, misplaced, duplicate, background)]
    return ErrorTypes(
        counts[0], counts[1], len(false.image) - sum(counts), counts[2], counts[3], int(free.sum())
    )


def _nearest(boxes: Detections, truth: TruthBoxes, objects: Index, of_class: bool) -> tuple[Floats, Index]:
    """Per box the highest IoU with an object of its image, of its class or of others, and which; 0 and -1 for none."""
    overlap, nearest = np.zeros(len(boxes.image)), np.full(len(boxes.image), -1)
    for i, j in pairs(boxes.image, truth.image[objects]):
        j = objects[j]
        chosen = (boxes.label[i] == truth.label[j]) == of_class
        i, j = i[chosen], j[chosen]
        shared = paired_iou(boxes.boxes[i], truth.boxes[j])
        order = np.lexsort((shared, i))  # the last of a box is its best
        overlap[i[order]], nearest[i[order]] = shared[order], j[order]
    return overlap, nearest
