"""NMS within image and class: better boxes suppress, the order of rows and later thresholds change nothing."""

import numpy as np
from numpy.typing import NDArray

from methods.detection.evaluation import Detections
from methods.detection.matching import paired_iou
from methods.detection.suppression import staying


def plain(d: Detections, iou: float) -> NDArray[np.bool_]:
    """As in a textbook."""
    stays = np.zeros(len(d.image), bool)
    order = sorted(range(len(d.image)), key=lambda i: (-d.scores[i], *d.boxes[i]))
    for i in order:
        rivals = stays & (d.image == d.image[i]) & (d.label == d.label[i])
        overlap = paired_iou(np.repeat(d.boxes[i : i + 1], int(rivals.sum()), axis=0), d.boxes[rivals])
        stays[i] = not (overlap >= iou).any()
    return stays


def scene(seed: int) -> Detections:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (300, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(15, 40, (300, 2))], axis=1)
    return Detections(
        rng.integers(0, 4, 300), rng.integers(0, 2, 300), boxes, np.ceil(rng.random(300) * 20) / 20
    )


def test_it_is_the_textbooks_in_any_order_of_rows() -> None:
    for seed, iou in ((0, 0.3), (1, 0.45), (2, 0.6)):
        detections = scene(seed)
        stays = staying(detections, 2, iou)
        assert (stays == plain(detections, iou)).all()
        order = np.random.default_rng(seed).permutation(300)
        assert (staying(detections.where(order), 2, iou) == stays[order]).all()
        assert 0 < stays.sum() < 300


def test_a_threshold_before_it_or_after_it_is_the_same() -> None:
    detections = scene(3)
    high = detections.scores >= 0.5
    assert (staying(detections.where(high), 2, 0.4) == staying(detections, 2, 0.4)[high]).all()


def test_without_an_iou_all_stay() -> None:
    assert staying(scene(4), 2, None).all()
