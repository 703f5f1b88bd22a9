"""Who stands behind accepted boxes: shares that sum to 1, and a support IoU of its own."""

import numpy as np
import pytest

from methods.detection.evaluation import Detections
from methods.detection.source_support import detector_share, mix, nearest_overlap, supported


def boxes(*rows: tuple[int, int, float]) -> Detections:
    """(image, class, x) of boxes of side 10."""
    image, label, x = (np.array(column) for column in zip(*rows, strict=True))
    corners = np.stack([x, 0 * x, x + 10, 0 * x + 10], axis=1).astype(float)
    return Detections(image, label, corners, np.ones(len(image)))


RAW = boxes((0, 0, 0), (0, 0, 1), (0, 0, 4), (0, 1, 0), (1, 0, 0))
SOURCE = np.array([0, 1, 2, 1, 2])


def test_only_the_same_class_in_the_same_image_supports() -> None:
    overlap = nearest_overlap(boxes((0, 0, 0), (1, 0, 0), (1, 1, 0)), RAW, SOURCE, 3, 2)
    assert overlap[0] == pytest.approx([1, 9 / 11, 6 / 14])
    assert overlap[1].tolist() == [0, 0, 1]
    assert overlap[2].tolist() == [0, 0, 0]


def test_a_stricter_support_makes_boxes_look_single_source() -> None:
    overlap = nearest_overlap(boxes((0, 0, 0)), RAW, SOURCE, 3, 2)
    assert supported(overlap, 0.4).tolist() == [[True, True, True]]
    assert supported(overlap, 0.5).tolist() == [[True, True, False]]
    assert supported(overlap, 0.9).tolist() == [[True, False, False]]


def test_a_fused_box_that_no_source_reaches_is_the_nearest_ones() -> None:
    overlap = np.array([[0.1, 0.3, 0.2]])
    assert supported(overlap, 0.5).tolist() == [[False, True, False]]


@pytest.mark.parametrize("seed", range(5))
def test_shares_sum_to_one(seed: int) -> None:
    overlap = np.random.default_rng(seed).random((50, 4))
    support = supported(overlap, 0.5)
    assert mix(support).sum() == pytest.approx(1, abs=1e-12)
    share = detector_share(support, np.array([True, True, False, False]))
    alone = (support[:, 2:].any(axis=1) & ~support[:, :2].any(axis=1)).mean()
    assert share + alone == pytest.approx(1, abs=1e-12)


def test_a_box_is_split_evenly_among_its_sources() -> None:
    support = np.array([[True, True, False], [False, False, True]])
    assert mix(support).tolist() == [0.25, 0.25, 0.5]


def test_without_boxes_there_is_no_share() -> None:
    assert np.isnan(detector_share(np.zeros((0, 2), bool), np.array([True, False])))
    assert mix(np.zeros((0, 2), bool)).tolist() == [0, 0]
