"""Weighted boxes fusion against a plain loop over one group at a time."""

import numpy as np
import pytest

from methods.detection.box_fusion import weighted_boxes_fusion
from methods.detection.matching import paired_iou


def reference(boxes: np.ndarray, scores: np.ndarray, sources: int, iou: float) -> list[tuple[float, ...]]:
    """The paper's loop for one image and class."""
    clusters: list[list[int]] = []

    def fused(cluster: list[int]) -> np.ndarray:
        return np.average(boxes[cluster], axis=0, weights=scores[cluster])

    for row in np.argsort(-scores, kind="stable"):
        overlaps = [paired_iou(boxes[[row]], fused(cluster)[None])[0] for cluster in clusters]
        if overlaps and max(overlaps) > iou:
            clusters[int(np.argmax(overlaps))].append(int(row))
        else:
            clusters.append([int(row)])
    return sorted(
        (*fused(c), scores[c].mean() * min(len(c), sources) / sources) for c in clusters
    )  # fmt: skip


def scattered(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 3, (rows, 2)) * 15 + rng.normal(0, 3, (rows, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(15, 25, (rows, 2))], axis=1)
    return boxes, rng.random(rows), rng.integers(0, 7, rows)


@pytest.mark.parametrize("seed", range(6))
def test_every_group_is_fused_as_by_the_plain_loop(seed: int) -> None:
    boxes, scores, group = scattered(seed, 120)
    found = weighted_boxes_fusion(boxes, scores, group, 2, 0.55)
    for name in range(7):
        rows, fused = group == name, found.group == name
        expected = reference(boxes[rows], scores[rows], 2, 0.55)
        ours = sorted(
            (*box, score) for box, score in zip(found.boxes[fused], found.scores[fused], strict=True)
        )
        assert np.allclose(ours, expected, atol=1e-9)


def test_row_order_never_matters() -> None:
    boxes, scores, group = scattered(9, 80)
    scores = np.round(scores, 1) + 0.05
    expected = weighted_boxes_fusion(boxes, scores, group, 2, 0.55)
    order = np.random.default_rng(1).permutation(80)
    found = weighted_boxes_fusion(boxes[order], scores[order], group[order], 2, 0.55)
    assert np.array_equal(found.boxes, expected.boxes)
    assert np.array_equal(found.scores, expected.scores)


def test_one_box_of_two_sources_keeps_its_place_and_half_its_score() -> None:
    found = weighted_boxes_fusion(np.array([[0.0, 0, 10, 10]]), np.array([0.8]), np.array([5]), 2, 0.5)
    assert found.boxes.tolist() == [[0, 0, 10, 10]]
    assert found.scores.tolist() == [0.4]
    assert found.group.tolist() == [5]


def test_nothing_gives_nothing() -> None:
    found = weighted_boxes_fusion(np.empty((0, 4)), np.empty(0), np.empty(0, np.int64), 2, 0.5)
    assert found.boxes.shape == (0, 4)
