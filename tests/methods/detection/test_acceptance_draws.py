"""Draws that tune again: with every image drawn once they are the tuned counts, and each draw is tuning on its images."""

import numpy as np
import pytest
from numpy.typing import NDArray

from methods.detection.acceptance import (
    AcceptanceRule,
    BoxesAfterNms,
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
from methods.detection.evaluation import Detections, TruthBoxes
from tests.methods.detection.test_evaluation import IMAGES, scene

FOLD = np.where(np.arange(IMAGES) < 28, np.arange(IMAGES) % 3, -1)
TUNE, REPORT = np.asarray(FOLD >= 0), np.asarray(FOLD < 0)
RULES = [
    AcceptanceRule("per_class", 0.2, 0.6, 0.5),
    AcceptanceRule("per_class", 0.6, 0.2, 0.5),
    AcceptanceRule("micro", 0.0, 0.0, 0.5),
]


def ones(images: NDArray[np.bool_]) -> ImageDraws:
    return ImageDraws(np.flatnonzero(images), np.ones((1, int(images.sum())), np.float32))


@pytest.mark.parametrize("rule", RULES, ids=["strict", "loose", "micro"])
@pytest.mark.parametrize("seed", range(3))
def test_every_image_once_gives_the_tuned_counts(rule: AcceptanceRule, seed: int) -> None:
    detections, truth = scene(seed)
    tried = after_nms(detections, truth, [0.6, 0.3], rule.iou)
    found = tuned(tried, truth, TUNE, rule)
    curves, goal = acceptance_curves(tried, truth, TUNE), DrawnGoal(rule, found.f1)
    report = accepted_counts_of(tried, found, truth)[REPORT].sum(axis=0)
    assert confirmed_draws(curves, ones(TUNE), ones(REPORT), [goal])[0][0].tolist() == report.tolist()
    if rule.optimum == "per_class":  # a fold's pooled optimum is a step away from that of all
        counts = cross_fit_counts(tried, truth, FOLD, rule).sum(axis=0)
        folds = [ones(np.asarray(FOLD) == np.int64(k)) for k in range(3)]
        assert cross_fit_draws(curves, folds, goal)[0].tolist() == counts.tolist()


def repeated(
    tried: BoxesAfterNms, truth: TruthBoxes, drawn: NDArray[np.int64]
) -> tuple[Detections, TruthBoxes]:
    """The images of a draw, each copy an image of its own."""
    d = tried.detections.where(tried.stays)
    rows = [np.flatnonzero(d.image == i) for i in drawn]
    objects = [np.flatnonzero(truth.image == i) for i in drawn]
    row, gt = np.concatenate(rows), np.concatenate(objects)
    image, gt_image = (
        np.repeat(np.arange(len(drawn)), [len(each) for each in part]) for part in (rows, objects)
    )
    return (
        Detections(image, d.label[row], d.boxes[row], d.scores[row]),
        TruthBoxes(len(drawn), truth.classes, gt_image, truth.label[gt], truth.boxes[gt], truth.crowd[gt]),
    )


def test_a_draw_is_tuned_as_its_images_would_be() -> None:
    detections, truth = scene(5)
    rule, rng = RULES[0], np.random.default_rng(1)
    tried = after_nms(detections, truth, [0.5], rule.iou)
    curves = acceptance_curves(tried, truth, TUNE)
    for _ in range(5):
        drawn = rng.choice(np.flatnonzero(TUNE), int(TUNE.sum()))
        weights = np.bincount(drawn, minlength=IMAGES)[TUNE][None].astype(np.float32)
        own, own_truth = repeated(tried[0], truth, drawn)
        again = after_nms(own, own_truth, [None], rule.iou)
        expected = tuned(again, own_truth, np.ones(len(drawn), bool), rule)
        report = tried[0].detections.where(REPORT[tried[0].detections.image])
        kept = accepted_counts_of(tried, expected, truth)[REPORT].sum(axis=0)
        found = confirmed_draws(
            curves, ImageDraws(np.flatnonzero(TUNE), weights), ones(REPORT), [DrawnGoal(rule, expected.f1)]
        )
        assert len(report.image)
        assert found[0][0].tolist() == kept.tolist()


def test_boxes_without_scores_are_accepted_whole_in_every_draw() -> None:
    detections, truth = scene(6)
    tried = after_nms(detections, truth, [None], 0.5)
    curves = acceptance_curves(tried, truth, TUNE, scored=False)
    everything = tuned(tried, truth, TUNE, RULES[0], scored=False)
    found = confirmed_draws(curves, ones(TUNE), ones(REPORT), [DrawnGoal(RULES[0], 0.5)])[0][0]
    assert found.tolist() == accepted_counts_of(tried, everything, truth)[REPORT].sum(axis=0).tolist()
