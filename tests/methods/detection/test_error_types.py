"""TIDE's error types: one box of each kind, and what they sum to."""

import numpy as np

from methods.detection.error_types import error_types
from tests.methods.detection.test_evaluation import CLASSES, counts_of, detections_of, scene, truth_of


def test_each_kind_is_told_from_the_others() -> None:
    truth = truth_of((0, 0, 0, 0), (0, 0, 40, 0), (0, 1, 80, 0), (0, 1, 120, 0), (1, 0, 0, 0), images=2)
    boxes = detections_of(
        (0, 0, 0, 0.9),  # right
        (0, 0, 1, 0.8),  # again
        (0, 0, 45, 0.7),  # IoU 1/3
        (0, 0, 80, 0.6),  # the other class
        (0, 0, 125, 0.5),  # both
        (0, 1, 200, 0.4),  # nothing there
    )
    assert vars(error_types(boxes, truth, 0.5)) == {
        "wrong_class": 1, "misplaced": 1, "both": 1, "duplicate": 1, "background": 1, "missed": 2,
    }  # fmt: skip


def test_the_kinds_make_up_the_false_positives() -> None:
    for seed in range(4):
        detections, truth = scene(seed)
        found = error_types(detections, truth, 0.5)
        _, fp, fn = counts_of(detections, np.full(CLASSES, -np.inf), truth).sum(axis=(0, 1)).tolist()
        kinds = [found.wrong_class, found.misplaced, found.both, found.duplicate, found.background]
        assert sum(kinds) == fp
        assert 0 <= found.missed <= fn
