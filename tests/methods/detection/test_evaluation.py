"""The evaluator: what counts, what does not, and that neither order nor ties of rows decide anything."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from methods.detection.acceptance import AcceptanceRule, TunedAcceptance, after_nms, cross_fit_counts, tuned
from methods.detection.evaluation import (
    Detections,
    TruthBoxes,
    average_precision,
    coverage_ceiling,
    image_counts,
    macro,
    macro_f1,
    match_flags,
    mean_average_precision,
    micro,
    precision_recall,
    rates,
    row_brier,
    row_log_loss,
)

RULE = AcceptanceRule("per_class", 0.5, 0.3, 0.5)
IMAGES, CLASSES = 40, 3


def counts_of(detections: Detections, thresholds: Any, truth: TruthBoxes, iou: float = 0.5) -> Any:
    return image_counts(detections, match_flags(detections, truth, iou), thresholds, truth)


def tuned_on(
    detections: Detections, truth: TruthBoxes, images: Any, rule: AcceptanceRule, scored: bool = True
) -> TunedAcceptance:
    return tuned(after_nms(detections, truth, [None], rule.iou), truth, images, rule, scored)


def cross_fitted(detections: Detections, truth: TruthBoxes, fold: Any, rule: AcceptanceRule) -> Any:
    return cross_fit_counts(after_nms(detections, truth, [None], rule.iou), truth, fold, rule)


def scene(seed: int = 0, distinct: int = 1000) -> tuple[Detections, TruthBoxes]:
    """Objects, some found by several boxes, false boxes elsewhere; images 38 and 39 have one kind only."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, IMAGES - 1, 160)
    label = rng.integers(0, CLASSES, 160)
    corner = rng.integers(0, 40, (160, 2)) * 12.0
    boxes = np.concatenate([corner, corner + 30], axis=1)
    crowd = rng.random(160) < 0.05
    truth = TruthBoxes(IMAGES, CLASSES, image, label, boxes, crowd)
    found = rng.integers(0, 160, 260)
    jitter = boxes[found] + rng.normal(0, 4, (260, 4))
    false = rng.integers(0, 40, (120, 2)) * 12.0
    detections = Detections(
        np.concatenate([image[found], rng.integers(0, IMAGES, 120)]),
        np.concatenate([label[found], rng.integers(0, CLASSES, 120)]),
        np.concatenate([jitter, np.concatenate([false, false + 30], axis=1)]),
        np.ceil(np.concatenate([rng.beta(3, 2, 260), rng.beta(2, 3, 120)]) * distinct) / distinct,
    )
    return detections, truth


def boxes_of(*rows: tuple[int, int, float, float]) -> dict[str, Any]:
    """(image, class, x, score) of boxes of side 10 at (x, 0)."""
    image, label, x, _ = (np.array(column) for column in zip(*rows, strict=True))
    x = x.astype(float)
    return {"image": image, "label": label, "boxes": np.stack([x, 0 * x, x + 10, 0 * x + 10], axis=1)}


def detections_of(*rows: tuple[int, int, float, float]) -> Detections:
    return Detections(**boxes_of(*rows), scores=np.array([row[3] for row in rows], float))


def truth_of(*rows: tuple[int, int, float, float], images: int = 3, classes: int = 2) -> TruthBoxes:
    """The fourth number says crowd."""
    return TruthBoxes(images, classes, **boxes_of(*rows), crowd=np.array([row[3] for row in rows], bool))


@pytest.mark.parametrize("cut", [0.0, 0.3, 0.6, 0.9, 2.0])
def test_true_positives_and_misses_are_all_of_the_ground_truth(cut: float) -> None:
    detections, truth = scene()
    counts = counts_of(detections, np.full(CLASSES, cut), truth, 0.5)
    assert (counts[:, :, 0] + counts[:, :, 2]).sum(axis=0).tolist() == truth.per_class.tolist()
    assert (counts >= 0).all()


def test_images_without_boxes_and_without_objects_count() -> None:
    truth = truth_of((0, 0, 0, 0), (1, 0, 0, 0))
    detections = detections_of((0, 0, 1, 0.9), (2, 1, 50, 0.8))
    counts = counts_of(detections, np.zeros(2), truth, 0.5)
    assert counts.sum(axis=1).tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert micro(counts).f1 == 0.5


def test_a_class_absent_from_an_image_still_counts_its_false_positives_there() -> None:
    truth = truth_of((0, 0, 0, 0), (1, 1, 0, 0))
    counts = counts_of(detections_of((0, 0, 0, 0.9), (0, 1, 0, 0.9)), np.zeros(2), truth, 0.5)
    assert counts[0].tolist() == [[1, 0, 0], [0, 1, 0]]


def test_a_box_freed_by_the_threshold_is_matched_again() -> None:
    truth = truth_of((0, 0, 0, 0))
    detections = detections_of((0, 0, 2, 0.4), (0, 0, 1, 0.9))
    for cut, expected in ((0.0, [1, 1, 0]), (0.5, [1, 0, 0]), (1.0, [0, 0, 1])):
        assert counts_of(detections, np.full(2, cut), truth, 0.5).sum(axis=(0, 1)).tolist() == expected


def test_boxes_in_a_crowd_are_neither_true_nor_false_and_the_crowd_is_not_missed() -> None:
    truth = truth_of((0, 0, 0, 1), (0, 0, 40, 0))
    counts = counts_of(detections_of((0, 0, 0, 0.9), (0, 0, 1, 0.8)), np.zeros(2), truth, 0.5)
    assert counts.sum(axis=(0, 1)).tolist() == [0, 0, 1]


@pytest.mark.parametrize("distinct", [1000, 4])
def test_row_order_never_matters(distinct: int) -> None:
    detections, truth = scene(1, distinct)
    rng = np.random.default_rng(5)
    thresholds = np.array([0.2, 0.5, 0.7])

    def evaluation(d: Detections, t: TruthBoxes) -> list[Any]:
        tune = np.arange(IMAGES) % 2 == 0
        return [
            counts_of(d, thresholds, t, 0.5).tolist(),
            average_precision(d, t, 0.5),
            coverage_ceiling(d, t, 0.5),
            tuned_on(d, t, tune, RULE),
            [part.tolist() for part in precision_recall(d.scores, match_flags(d, t, 0.5), t)],
        ]

    expected = evaluation(detections, truth)
    for _ in range(5):
        order, gt_order = rng.permutation(len(detections.image)), rng.permutation(len(truth.image))
        permuted = Detections(
            detections.image[order], detections.label[order], detections.boxes[order], detections.scores[order]
        )  # fmt: skip
        shuffled = TruthBoxes(
            IMAGES, CLASSES, truth.image[gt_order], truth.label[gt_order], truth.boxes[gt_order], truth.crowd[gt_order]
        )  # fmt: skip
        assert evaluation(permuted, shuffled) == expected


def test_what_the_sweep_promises_on_tune_images_is_what_the_evaluator_counts_there() -> None:
    """The original had two evaluators; here the tuned counts are those of matching again after thresholding."""
    detections, truth = scene(2)
    images = np.arange(IMAGES) < 25
    for rule in (RULE, AcceptanceRule("micro", 0.0, 0.0, 0.5)):
        found = tuned_on(detections, truth, images, rule)
        counts = counts_of(detections, found.values, truth, 0.5)[images].sum(axis=0)
        assert counts[:, :2].tolist() == [[each.tp, each.fp] for each in found.thresholds]


def test_cross_fitted_counts_never_use_an_images_own_labels_and_leave_other_splits_out() -> None:
    detections, truth = scene(3)
    fold = np.where(np.arange(IMAGES) < 30, np.arange(IMAGES) % 3, -1)
    before = cross_fitted(detections, truth, fold, RULE)
    assert not before[30:].any()
    chosen = np.flatnonzero(truth.image == 0)
    emptied = truth.where(np.arange(IMAGES) != 0)
    after = cross_fitted(detections, emptied, fold, RULE)
    same_fold = (fold == 0) & (np.arange(IMAGES) != 0)
    assert len(chosen)
    assert (before[same_fold] == after[same_fold]).all()
    assert before[0, :, :2].sum() == after[0, :, :2].sum()


def test_thresholds_tuned_in_sample_promise_too_much() -> None:
    """Few images and scores that tell nothing: in-sample F1 is optimistic, the cross-fitted one is not."""
    optimism = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        detections, truth = scene(seed)
        noise = Detections(
            detections.image, detections.label, detections.boxes, rng.random(len(detections.image))
        )
        fold = np.arange(IMAGES) % 4
        free = AcceptanceRule("per_class", 100.0, 0.0, 0.5)
        promised = micro(counts_of(noise, tuned_on(noise, truth, fold >= 0, free).values, truth, 0.5)).f1
        optimism.append(promised - micro(cross_fitted(noise, truth, fold, free)).f1)
    assert np.mean(optimism) > 0.005
    assert min(optimism) > -0.01


def test_boxes_without_scores_are_all_accepted() -> None:
    detections, truth = scene(4)
    found = tuned_on(detections, truth, np.ones(IMAGES, bool), RULE, scored=False)
    assert {each.threshold for each in found.thresholds} == {-np.inf}
    assert {each.status for each in found.thresholds} == {"no scores"}


def test_macro_is_over_classes_with_ground_truth() -> None:
    counts = np.zeros((1, 3, 3), int)
    counts[0] = [[2, 0, 0], [0, 0, 4], [0, 7, 0]]
    rates = macro(counts)
    assert (rates.precision, rates.recall, rates.f1) == (0.5, 0.5, 0.5)
    assert np.isnan(macro(np.zeros((1, 3, 3), int)).f1)


def test_average_precision_equals_a_plain_reference() -> None:
    detections, truth = scene(6, 10**9)
    result = match_flags(detections, truth, 0.5)
    per_class = []
    for label in range(CLASSES):
        rows = [
            i for i in range(len(detections.image)) if detections.label[i] == label and not result.ignored[i]
        ]
        rows.sort(key=lambda i: -detections.scores[i])
        points, tp = [], 0
        for place, i in enumerate(rows, 1):
            tp += bool(result.true_positive[i])
            points.append((tp / truth.per_class[label], tp / place))
        levels = [max((p for r, p in points if r >= level / 100), default=0.0) for level in range(101)]
        per_class.append(sum(levels) / 101)
    assert average_precision(detections, truth, 0.5) == pytest.approx(np.mean(per_class), abs=1e-12)


def test_the_ceiling_is_a_maximum_matching_where_greedy_finds_less() -> None:
    truth = truth_of((0, 0, 0, 0), (0, 0, 4, 0))
    # The stronger box fits both objects and takes the only one that the weaker box fits.
    detections = detections_of((0, 0, 1.9, 0.9), (0, 0, -3.3, 0.8))
    assert counts_of(detections, np.zeros(2), truth, 0.5).sum(axis=(0, 1)).tolist()[0] == 1
    assert coverage_ceiling(detections, truth, 0.5) == 1.0


@pytest.mark.parametrize("seed", range(4))
def test_no_acceptance_recalls_more_than_the_ceiling(seed: int) -> None:
    detections, truth = scene(seed)
    everything = micro(counts_of(detections, np.full(CLASSES, -np.inf), truth, 0.5)).recall
    assert everything <= coverage_ceiling(detections, truth, 0.5) <= 1


def test_a_ceiling_without_boxes_is_zero() -> None:
    assert coverage_ceiling(detections_of((2, 0, 90, 0.5)), truth_of((0, 0, 0, 0)), 0.5) == 0.0


def test_probability_scores_equal_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    p, y = rng.random(500), rng.random(500) < 0.4
    assert row_log_loss(p, y).mean() == pytest.approx(sklearn_log_loss(y, p), abs=1e-12)
    assert row_brier(p, y).mean() == pytest.approx(brier_score_loss(y, p), abs=1e-12)


def test_matching_again_after_a_threshold_changes_no_flag() -> None:
    detections, truth = scene(8)
    flags = match_flags(detections, truth, 0.5)
    for cut in (0.3, 0.6, 0.8):
        kept = detections.scores >= cut
        again = match_flags(detections.where(kept), truth, 0.5)
        assert (again.true_positive == flags.true_positive[kept]).all()
        assert (again.ignored == flags.ignored[kept]).all()


def test_rates_and_macro_f1_of_sums_are_those_of_the_counts() -> None:
    detections, truth = scene(7)
    counts = counts_of(detections, np.full(CLASSES, 0.4), truth)
    assert rates(counts.sum(axis=(0, 1))).tolist() == list(vars(micro(counts)).values())
    assert float(macro_f1(counts.sum(axis=0))) == pytest.approx(macro(counts).f1)


def test_average_precision_over_stricter_ious_is_the_mean_of_each() -> None:
    detections, truth = scene(6)
    each = [average_precision(detections, truth, iou) for iou in np.arange(50, 100, 5) / 100]
    assert mean_average_precision(detections, truth) == pytest.approx(np.mean(each))
    assert each[0] > each[-1]
