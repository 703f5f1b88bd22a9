"""Blocks hold every row once, and whole images; what is told of boxes by blocks is what is told of all at once."""

from functools import partial

import numpy as np
import pytest

from methods.detection import acceptance, evaluation, rows, source_support
from methods.detection.acceptance import after_nms
from methods.detection.box_fusion import weighted_boxes_fusion
from methods.detection.evaluation import Detections, TruthBoxes, match_flags
from methods.detection.image_blocks import image_blocks
from methods.detection.matching import dedupe, match, paired_iou
from methods.detection.rows import DetectionScene, baseline_rows
from methods.detection.source_support import nearest_overlap
from methods.detection.suppression import staying
from tests.methods.detection.test_evaluation import IMAGES, scene


@pytest.mark.parametrize(
    ("image", "rows", "expected"),
    [
        ([], 3, [0]),
        ([5], 3, [1]),
        ([0, 0, 0, 0, 2, 2, 3], 1, [4, 2, 1]),
        ([0, 0, 0, 0, 2, 2, 3], 4, [4, 3]),
        ([0, 0, 0, 0, 2, 2, 3], 5, [6, 1]),
        ([0, 0, 0, 0, 2, 2, 3], 9, [7]),
    ],
)
def test_blocks_are_of_whole_images(image: list[int], rows: int, expected: list[int]) -> None:
    other = np.array([], np.int64)
    assert [len(own) for own, _ in image_blocks(np.array(image, np.int64), other, rows)] == expected


@pytest.mark.parametrize("rows", [1, 10, 1000])
def test_every_row_is_in_one_block_with_those_of_its_images_in_their_order(rows: int) -> None:
    rng = np.random.default_rng(rows)
    image, other = rng.integers(0, 30, 100), rng.integers(10, 40, 50)
    blocks = list(image_blocks(image, other, rows))
    assert np.concatenate([own for own, _ in blocks]).tolist() == np.argsort(image, kind="stable").tolist()
    for own, met in blocks:
        least, most = image[own].min(), image[own].max()
        inside = np.flatnonzero((other >= least) & (other <= most))
        assert met.tolist() == inside[np.argsort(other[inside], kind="stable")].tolist()


@pytest.fixture(params=[1, 20, 1 << 16])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (acceptance, evaluation, rows, source_support):
        monkeypatch.setattr(module, "image_blocks", partial(image_blocks, rows=request.param))


def matched_at_once(detections: Detections, truth: TruthBoxes, iou: float) -> np.ndarray:
    row = np.lexsort((*detections.boxes.T[::-1], -detections.scores))
    gt = np.lexsort(truth.boxes.T[::-1])
    found = match(
        detections.boxes[row], detections.scores[row], (detections.image * truth.classes + detections.label)[row],
        truth.boxes[gt], (truth.image * truth.classes + truth.label)[gt], truth.crowd[gt], iou,
    )  # fmt: skip
    taken = np.full(len(row), -1, np.int64)
    taken[row[found >= 0]] = gt[found[found >= 0]]
    return taken


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("distinct", [3, 1000])
def test_matching_and_nms_are_those_of_all_images_at_once(seed: int, distinct: int) -> None:
    detections, truth = scene(seed, distinct)
    expected = matched_at_once(detections, truth, 0.5)
    assert evaluation.matched_objects(detections, truth, 0.5).tolist() == expected.tolist()
    ious = [0.6, 0.3, None]
    for iou, found in zip(ious, after_nms(detections, truth, ious, 0.5), strict=True):
        stays = staying(detections, truth.classes, iou)
        flags = match_flags(detections.where(stays), truth, 0.5)
        assert found.stays.tolist() == stays.tolist()
        assert found.flags.where(stays).true_positive.tolist() == flags.true_positive.tolist()
        assert found.flags.where(stays).ignored.tolist() == flags.ignored.tolist()
        assert found.flags.ignored[~stays].all() and not found.flags.true_positive[~stays].any()
    nothing = detections.where(np.zeros(len(detections.image), bool))
    assert not len(evaluation.matched_objects(nothing, truth, 0.5))


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("seed", range(3))
def test_union_fusion_and_support_are_those_of_all_images_at_once(seed: int) -> None:
    detections, truth = scene(seed)
    raw = detections.where(np.argsort(detections.image, kind="stable"))
    source = np.random.default_rng(seed).integers(0, 3, len(raw.image))
    detector, report = np.array([True, False, True]), np.ones(IMAGES, bool)
    all_ = DetectionScene(truth, raw, source, 3, detector, np.ones(3, bool), np.full(IMAGES, -1), report)
    found = {each.name: each.detections for each in baseline_rows(all_, ["a", "b", "c"], raw, 0.75, 0.5)}
    some = raw.where(detector[source])
    key = some.image * truth.classes + some.label
    union = some.where(dedupe(some.boxes, some.scores, key, 0.75))
    fused = weighted_boxes_fusion(some.boxes, some.scores, key, 2, 0.5)
    for name, value in vars(union).items():
        assert vars(found["union"])[name].tobytes() == value.tobytes()
    assert found["boxes_fusion"].boxes.tobytes() == fused.boxes.tobytes()
    assert found["boxes_fusion"].scores.tobytes() == fused.scores.tobytes()
    assert (found["boxes_fusion"].image * truth.classes + found["boxes_fusion"].label == fused.group).all()
    overlap = nearest_overlap(union, raw, source, 3, truth.classes)
    for box in range(0, len(union.image), 7):
        for place in range(3):
            near = (raw.image == union.image[box]) & (raw.label == union.label[box]) & (source == place)
            shared = paired_iou(np.tile(union.boxes[box], (near.sum(), 1)), raw.boxes[near])
            assert overlap[box, place] == max(shared, default=0)
