"""The rows of a detection table: raw detectors, their union and fusion, and calibrated candidates, judged alike."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.detection.acceptance import AcceptanceRule, cross_fit_counts, tuned_thresholds, values
from methods.detection.box_fusion import weighted_boxes_fusion
from methods.detection.evaluation import (
    Detections,
    Rates,
    TruthBoxes,
    accepted,
    average_precision,
    coverage_ceiling,
    image_counts,
    micro,
    precision_recall,
)
from methods.detection.f1_sweep import ClassThreshold
from methods.detection.matching import dedupe
from methods.detection.source_support import detector_share, mix, nearest_overlap, supported

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Bools = NDArray[np.bool_]

RAW, DEDUPED, FUSED, CALIBRATED = "raw", "deduped", "fused", "calibrated"


@dataclass(frozen=True)
class DetectionRow:
    """Boxes that may be accepted, over all splits; what is not `scored` is accepted whole."""

    name: str
    tier: str
    detections: Detections
    scored: bool


@dataclass(frozen=True)
class DetectionScene:
    """The ground truth, every raw detection and its source, and which images tune (in which fold) and report.

    detector and scored: (sources,). tune_fold: (images,), -1 where an image does not tune.
    """

    truth: TruthBoxes
    raw: Detections
    source: Index
    sources: int
    detector: Bools
    scored: Bools
    tune_fold: Index
    report: Bools


@dataclass(frozen=True)
class DetectionEvaluation:
    """tune_counts, report_counts and optimum_counts, which are those of the micro-F1 thresholds on report images:
    (images of that split, classes, 3). accepted_image and support, (accepted,) and (accepted, sources): of the boxes
    accepted in report; images are numbered within report.
    """

    row: DetectionRow
    thresholds: list[ClassThreshold]
    tune_counts: Index
    report_counts: Index
    optimum_counts: Index
    average_precision: float | None
    ceiling: float
    sam_only: float
    detector_supported: float
    mix: Floats
    accepted_image: Index
    support: Bools
    curve: tuple[Floats, Floats] | None

    @property
    def micro_optimum(self) -> Rates:
        return micro(self.optimum_counts)

    @property
    def recall_of_ceiling(self) -> float | None:
        return micro(self.report_counts).recall / self.ceiling if self.ceiling else None


def baseline_rows(
    scene: DetectionScene, names: list[str], candidates: Detections, dedupe_iou: float, fusion_iou: float
) -> list[DetectionRow]:
    """Each raw source, everything raw, everything deduplicated, and the detectors' union and fusion."""
    raw = scene.raw
    single = [
        DetectionRow(f"raw_{name}", RAW, raw.where(scene.source == number), bool(scene.scored[number]))
        for number, name in enumerate(names)
    ]
    rows = scene.detector[scene.source]
    detected, key = raw.where(rows), (raw.image * scene.truth.classes + raw.label)[rows]
    any_score = bool(scene.scored[scene.detector].any())
    kept = dedupe(detected.boxes, detected.scores, key, dedupe_iou)
    union = Detections(
        detected.image[kept], detected.label[kept], detected.boxes[kept], detected.scores[kept]
    )
    fused = weighted_boxes_fusion(detected.boxes, detected.scores, key, int(scene.detector.sum()), fusion_iou)
    image, label = np.divmod(fused.group, scene.truth.classes)
    return [
        *single,
        DetectionRow("everything_raw", RAW, raw, False),
        DetectionRow("everything_deduped", DEDUPED, candidates, False),
        DetectionRow("union", DEDUPED, union, any_score),
        DetectionRow("boxes_fusion", FUSED, Detections(image, label, fused.boxes, fused.scores), any_score),
    ]


def evaluate(
    row: DetectionRow, scene: DetectionScene, rule: AcceptanceRule, support_iou: float
) -> DetectionEvaluation:
    """Thresholds from the tune images; everything else, but tune_counts, on the report images."""
    tune = scene.tune_fold >= 0
    truth = scene.truth.where(scene.report)
    thresholds = tuned_thresholds(row.detections, scene.truth, tune, rule, row.scored)
    shown = row.detections.where(scene.report[row.detections.image])
    kept = shown.where(accepted(shown, values(thresholds)))
    raw_rows = scene.report[scene.raw.image]
    overlap = nearest_overlap(
        kept, scene.raw.where(raw_rows), scene.source[raw_rows], scene.sources, truth.classes
    )
    support = supported(overlap, support_iou)
    pooled = AcceptanceRule("micro", 0.0, 0.0, rule.iou)
    pooled_thresholds = values(tuned_thresholds(row.detections, scene.truth, tune, pooled, row.scored))
    share = detector_share(support, scene.detector)
    return DetectionEvaluation(
        row,
        thresholds,
        cross_fit_counts(row.detections, scene.truth, scene.tune_fold, rule, row.scored)[tune],
        image_counts(shown, values(thresholds), truth, rule.iou)[scene.report],
        image_counts(shown, pooled_thresholds, truth, rule.iou)[scene.report],
        average_precision(shown, truth, rule.iou) if row.scored else None,
        coverage_ceiling(shown, truth, rule.iou),
        1 - share,
        share,
        mix(support),
        (np.cumsum(scene.report) - 1)[kept.image],
        support,
        precision_recall(shown, truth, rule.iou) if row.scored else None,
    )
