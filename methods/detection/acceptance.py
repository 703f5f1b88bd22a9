"""What one option accepts: NMS at an IoU and per-class thresholds, tuned together on some images, or cross-fitted so that
no image tunes its own."""

from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from methods.detection.evaluation import Detections, MatchFlags, TruthBoxes, image_counts, match_flags
from methods.detection.f1_sweep import UNSCORED, ClassThreshold, constrained_f1_threshold, micro_f1_thresholds
from methods.detection.image_blocks import image_blocks
from methods.detection.suppression import staying

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class AcceptanceRule:
    """per_class: each class's F1 within the constraints; micro: F1 of the pooled counts, without constraints."""

    optimum: Literal["per_class", "micro"]
    max_fp_per_tp: float
    min_recall: float
    iou: float


@dataclass(frozen=True)
class BoxesAfterNms:
    """iou: None where there was no NMS. detections: as they were before, and which of them stay. flags: of matching those with
    the ground truth, which no threshold changes; the others are ignored."""

    iou: float | None
    detections: Detections
    stays: Bools
    flags: MatchFlags


@dataclass(frozen=True)
class TunedAcceptance:
    """nms: its place in the list of IoUs that were tried."""

    nms: int
    thresholds: list[ClassThreshold]

    @property
    def values(self) -> Floats:
        return np.array([each.threshold for each in self.thresholds])

    @property
    def f1(self) -> float:
        """Of all classes pooled, on the images that tuned."""
        tp, fp, n = (
            sum(getattr(each, name) for each in self.thresholds) for name in ("tp", "fp", "ground_truth")
        )
        return float(2 * tp / max(tp + fp + n, 1))


def after_nms(
    detections: Detections, truth: TruthBoxes, ious: list[float | None], match_iou: float
) -> list[BoxesAfterNms]:
    """At each IoU; all share the boxes."""
    none, every = (np.full(len(detections.image), value) for value in (False, True))
    found = [
        BoxesAfterNms(iou, detections, none.copy(), MatchFlags(none.copy(), every.copy())) for iou in ious
    ]
    for rows, objects in image_blocks(detections.image, truth.image):
        here, there = detections.where(rows), truth.at(objects)
        for each in found:
            stays = staying(here, truth.classes, each.iou)
            flags = match_flags(here.where(stays), there, match_iou)
            left = rows[stays]
            each.stays[left] = True
            each.flags.true_positive[left], each.flags.ignored[left] = flags.true_positive, flags.ignored
    return found


def tuned(
    tried: list[BoxesAfterNms], truth: TruthBoxes, images: Bools, rule: AcceptanceRule, scored: bool = True
) -> TunedAcceptance:
    """From the chosen images alone: thresholds at each IoU by the rule, and the IoU with the highest pooled F1, of equal
    ones the first. Boxes without scores are all accepted."""
    found = [
        TunedAcceptance(nms, _thresholds(boxes, truth, images, rule, scored))
        for nms, boxes in enumerate(tried)
    ]
    return max(found, key=lambda each: each.f1)


def cross_fit_counts(
    tried: list[BoxesAfterNms], truth: TruthBoxes, fold: Index, rule: AcceptanceRule, scored: bool = True
) -> Index:
    """(images, classes, 3): each image accepted by what the other folds' images tuned.

    fold per image; images with -1 stay out and count nothing.
    """
    counts = np.zeros((truth.images, truth.classes, 3), np.int64)
    for k in range(int(fold.max()) + 1):
        held = fold == k
        acceptance = tuned(tried, truth, ~held & (fold >= 0), rule, scored)
        counts[held] = accepted_counts_of(tried, acceptance, truth)[held]
    return counts


def accepted_counts_of(tried: list[BoxesAfterNms], acceptance: TunedAcceptance, truth: TruthBoxes) -> Index:
    """(images, classes, 3): TP, FP, FN of what is accepted."""
    boxes = tried[acceptance.nms]
    return image_counts(boxes.detections, boxes.flags, acceptance.values, truth)


def _thresholds(
    boxes: BoxesAfterNms, truth: TruthBoxes, images: Bools, rule: AcceptanceRule, scored: bool
) -> list[ClassThreshold]:
    rows = images[boxes.detections.image] & ~boxes.flags.ignored
    label, hit = boxes.detections.label[rows], boxes.flags.true_positive[rows]
    total = truth.where(images).per_class
    if not scored:
        return _everything(label, hit, total)
    order = np.argsort(label, kind="stable")
    ends = np.cumsum(np.bincount(label, minlength=truth.classes))[:-1]
    scores, hits = np.split(boxes.detections.scores[rows][order], ends), np.split(hit[order], ends)
    if rule.optimum == "micro":
        return micro_f1_thresholds(scores, hits, total.tolist())
    return [
        constrained_f1_threshold(s, h, int(n), rule.max_fp_per_tp, rule.min_recall)
        for s, h, n in zip(scores, hits, total, strict=True)
    ]


def _everything(label: Index, hit: Bools, total: Index) -> list[ClassThreshold]:
    tp, taken = (np.bincount(each, minlength=len(total)) for each in (label[hit], label))
    return [
        ClassThreshold(-inf, UNSCORED, int(t), int(a - t), int(n))
        for t, a, n in zip(tp, taken, total, strict=True)
    ]
