"""Per-class thresholds of one option: tuned on some images, or cross-fitted so that no image tunes its own."""

from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from methods.detection.evaluation import Detections, MatchFlags, TruthBoxes, image_counts, match_flags
from methods.detection.f1_sweep import UNSCORED, ClassThreshold, constrained_f1_threshold, micro_f1_thresholds

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


def tuned_thresholds(
    detections: Detections, truth: TruthBoxes, images: Bools, rule: AcceptanceRule, scored: bool = True
) -> list[ClassThreshold]:
    """Per class, from the chosen images alone. Boxes without scores are all accepted."""
    here = detections.where(images[detections.image])
    result, total = match_flags(here, truth, rule.iou), truth.where(images).per_class
    if not scored:
        return _everything(here, result, total)
    rows = [(here.label == label) & ~result.ignored for label in range(truth.classes)]
    scores = [here.scores[chosen] for chosen in rows]
    hits = [result.true_positive[chosen] for chosen in rows]
    if rule.optimum == "micro":
        return micro_f1_thresholds(scores, hits, total.tolist())
    return [
        constrained_f1_threshold(s, h, int(n), rule.max_fp_per_tp, rule.min_recall)
        for s, h, n in zip(scores, hits, total, strict=True)
    ]


def values(thresholds: list[ClassThreshold]) -> Floats:
    return np.array([each.threshold for each in thresholds])


def cross_fit_counts(
    detections: Detections, truth: TruthBoxes, fold: Index, rule: AcceptanceRule, scored: bool = True
) -> Index:
    """(images, classes, 3): each image accepted by thresholds of the other folds' images.

    fold per image; images with -1 stay out and count nothing.
    """
    counts = np.zeros((truth.images, truth.classes, 3), np.int64)
    for k in range(int(fold.max()) + 1):
        held = fold == k
        thresholds = values(tuned_thresholds(detections, truth, ~held & (fold >= 0), rule, scored))
        counts[held] = image_counts(detections, thresholds, truth, rule.iou)[held]
    return counts


def _everything(detections: Detections, result: MatchFlags, total: Index) -> list[ClassThreshold]:
    tp = np.bincount(detections.label[result.true_positive], minlength=len(total))
    false = ~result.true_positive & ~result.ignored
    fp = np.bincount(detections.label[false], minlength=len(total))
    return [
        ClassThreshold(-inf, UNSCORED, int(t), int(f), int(n)) for t, f, n in zip(tp, fp, total, strict=True)
    ]
