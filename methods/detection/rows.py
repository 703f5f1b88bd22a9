"""The rows of a detection table: raw detectors, their union and fusion, and calibrated candidates, judged alike."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.detection.acceptance import (
    AcceptanceRule,
    BoxesAfterNms,
    TunedAcceptance,
    accepted_counts_of,
    after_nms,
    cross_fit_counts,
    tuned,
)
from methods.detection.acceptance_draws import (
    DrawnGoal,
    ImageDraws,
    acceptance_curves,
    confirmed_draws,
    cross_fit_draws,
)
from methods.detection.adoption import CountDraws
from methods.detection.box_fusion import weighted_boxes_fusion
from methods.detection.error_types import ErrorTypes, error_types
from methods.detection.evaluation import (
    Detections,
    TruthBoxes,
    accepted,
    average_precision,
    coverage_ceiling,
    macro_f1,
    mean_average_precision,
    micro,
    precision_recall,
)
from methods.detection.image_blocks import image_blocks
from methods.detection.matching import dedupe
from methods.detection.source_support import detector_share, mix, nearest_overlap, supported
from methods.statistics.joint_bootstrap import group_weights

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Bools = NDArray[np.bool_]

RAW, DEDUPED, SUPPRESSED, FUSED, CALIBRATED = "raw", "deduped", "nms", "fused", "calibrated"


@dataclass(frozen=True)
class DetectionRow:
    """Boxes that may be accepted, over all splits. What is not `scored` is accepted whole; nms: whether boxes are suppressed
    by better ones, which takes scores."""

    name: str
    tier: str
    detections: Detections
    scored: bool
    nms: bool


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
class SceneDraws:
    """The same draws of images for all rows: of each fold of the tune images, of all of these, and of report images."""

    folds: list[ImageDraws]
    tune: ImageDraws
    report: ImageDraws

    @classmethod
    def of(cls, scene: DetectionScene, resamples: int, seed: int) -> "SceneDraws":
        tune, report = (
            ImageDraws(
                images := np.flatnonzero(chosen),
                np.concatenate(
                    [block.astype(np.float32) for block in group_weights(len(images), resamples, each)]
                ),
            )
            for chosen, each in ((scene.tune_fold >= 0, seed), (scene.report, seed + 1))
        )
        own = scene.tune_fold[tune.images]
        folds = [
            ImageDraws(tune.images[own == fold], tune.weights[:, own == fold])
            for fold in range(int(own.max()) + 1)
        ]
        return cls(folds, tune, report)


@dataclass(frozen=True)
class EvaluationRule:
    """nms_ious: those that NMS may have, the tuned one is the first with the highest F1."""

    acceptance: AcceptanceRule
    nms_ious: list[float]
    support_iou: float


@dataclass(frozen=True)
class DetectionEvaluation:
    """name and tier: of the row. nms_iou: None without NMS. tune, report and optimum: of images of that split; the last are those of the micro-F1
    optimum on report images. accepted_image and support, (accepted,) and (accepted, sources): of the boxes accepted in
    report; images are numbered within report. average_precision: at the match IoU. curve: of a calibrator.
    """

    name: str
    tier: str
    acceptance: TunedAcceptance
    nms_iou: float | None
    tune: CountDraws
    report: CountDraws
    optimum: CountDraws
    macro_f1_draws: Floats
    average_precision: float | None
    mean_average_precision: float | None
    errors: ErrorTypes
    ceiling: float
    sam_only: float
    detector_supported: float
    mix: Floats
    accepted_image: Index
    support: Bools
    curve: tuple[Floats, Floats] | None

    @property
    def recall_of_ceiling(self) -> float | None:
        return micro(self.report.counts).recall / self.ceiling if self.ceiling else None


def baseline_rows(
    scene: DetectionScene, names: list[str], candidates: Detections, dedupe_iou: float, fusion_iou: float
) -> Iterator[DetectionRow]:
    """Each raw source, everything raw, everything deduplicated, and the detectors' union, as it is and with NMS, and fusion."""
    raw = scene.raw
    for number, (name, scored) in enumerate(zip(names, scene.scored.tolist(), strict=True)):
        yield DetectionRow(f"raw_{name}", RAW, raw.where(scene.source == number), scored, scored)
    yield DetectionRow("everything_raw", RAW, raw, False, False)
    yield DetectionRow("everything_deduped", DEDUPED, candidates, False, False)
    any_score = bool(scene.scored[scene.detector].any())
    yield from _union_rows(scene, dedupe_iou, any_score)  # whose boxes go before others come
    fused = Detections.joined([_fused(each, key, scene, fusion_iou) for each, key in _detected(scene)])
    yield DetectionRow("boxes_fusion", FUSED, fused, any_score, any_score)


def _union_rows(scene: DetectionScene, dedupe_iou: float, any_score: bool) -> Iterator[DetectionRow]:
    union = Detections.joined(
        [each.where(dedupe(each.boxes, each.scores, key, dedupe_iou)) for each, key in _detected(scene)]
    )
    yield DetectionRow("union", DEDUPED, union, any_score, False)
    yield DetectionRow("union_nms", SUPPRESSED, union, any_score, any_score)


def _detected(scene: DetectionScene) -> Iterator[tuple[Detections, Index]]:
    """What the detectors found, some images at a time, with a number of its own for each image and class."""
    rows = np.flatnonzero(scene.detector[scene.source])
    for some, _ in image_blocks(scene.raw.image[rows], rows[:0]):
        boxes = scene.raw.where(rows[some])
        yield boxes, boxes.image * scene.truth.classes + boxes.label


def _fused(boxes: Detections, key: Index, scene: DetectionScene, iou: float) -> Detections:
    fused = weighted_boxes_fusion(boxes.boxes, boxes.scores, key, int(scene.detector.sum()), iou)
    image, label = np.divmod(fused.group, scene.truth.classes)
    return Detections(image, label, fused.boxes, fused.scores)


def evaluate(
    row: DetectionRow, scene: DetectionScene, draws: SceneDraws, rule: EvaluationRule
) -> DetectionEvaluation:
    """Acceptance from the tune images; everything else, but `tune`, on the report images."""
    ious: list[float | None] = [*rule.nms_ious] if row.nms else [None]
    tried = after_nms(row.detections, scene.truth, ious, rule.acceptance.iou)
    acceptance = tuned(tried, scene.truth, scene.tune_fold >= 0, rule.acceptance, row.scored)
    boxes, truth, iou = tried[acceptance.nms], scene.truth.where(scene.report), rule.acceptance.iou
    rows = boxes.stays & scene.report[boxes.detections.image]
    shown, flags = boxes.detections.where(rows), boxes.flags.where(rows)
    kept = shown.where(accepted(shown, acceptance.values))
    overlap = nearest_overlap(kept, scene.raw, scene.source, scene.sources, truth.classes)
    support = supported(overlap, rule.support_iou)
    share = detector_share(support, scene.detector)
    tune, report, optimum, macro_draws = _counts(row, tried, acceptance, scene, draws, rule.acceptance)
    return DetectionEvaluation(
        row.name,
        row.tier,
        acceptance,
        boxes.iou,
        tune,
        report,
        optimum,
        macro_draws,
        average_precision(shown, truth, iou, flags) if row.scored else None,
        mean_average_precision(shown, truth) if row.scored else None,
        error_types(kept, truth, iou),
        coverage_ceiling(shown, truth, iou),
        1 - share,
        share,
        mix(support),
        (np.cumsum(scene.report) - 1)[kept.image],
        support,
        precision_recall(shown.scores, flags, truth) if row.tier == CALIBRATED else None,
    )


def _counts(
    row: DetectionRow, tried: list[BoxesAfterNms], acceptance: TunedAcceptance, scene: DetectionScene,
    draws: SceneDraws, rule: AcceptanceRule,
) -> tuple[CountDraws, CountDraws, CountDraws, Floats]:  # fmt: skip
    """Of tune images, of report images, of these at the micro optimum, and their macro F1's draws."""
    tune, truth = scene.tune_fold >= 0, scene.truth
    curves = acceptance_curves(tried, truth, tune, row.scored)
    pooled = AcceptanceRule("micro", 0.0, 0.0, rule.iou)
    optimum = tuned(tried, truth, tune, pooled, row.scored)
    goal = DrawnGoal(rule, acceptance.f1)
    drawn = cross_fit_draws(curves, draws.folds, goal).sum(axis=1)
    report, best = confirmed_draws(curves, draws.tune, draws.report, [goal, DrawnGoal(pooled, optimum.f1)])
    return (
        CountDraws(cross_fit_counts(tried, truth, scene.tune_fold, rule, row.scored)[tune], drawn),
        CountDraws(accepted_counts_of(tried, acceptance, truth)[scene.report], report.sum(axis=1)),
        CountDraws(accepted_counts_of(tried, optimum, truth)[scene.report], best.sum(axis=1)),
        macro_f1(report),
    )
