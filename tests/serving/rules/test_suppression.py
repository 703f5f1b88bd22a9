"""Suppression in a service keeps the boxes that it keeps in the pipeline, ties included."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from methods.detection.evaluation import Detections
from methods.detection.suppression import staying as staying_there
from serving.rules.suppression import staying

CORNER = st.integers(0, 6)
BOX = st.tuples(CORNER, CORNER, CORNER, CORNER).map(
    lambda c: (min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3]))
)
CANDIDATE = st.tuples(st.integers(0, 2), st.integers(0, 1), BOX, st.sampled_from([0.1, 0.5, 0.5, 0.9]))


@given(st.lists(CANDIDATE, max_size=40), st.sampled_from([None, 0.3, 0.5, 1.0]))
def test_the_same_boxes_stay(
    candidates: list[tuple[int, int, tuple[int, ...], float]], iou: float | None
) -> None:
    image, label = (np.array([each[i] for each in candidates], np.int64) for i in (0, 1))
    boxes = np.array([each[2] for each in candidates], np.float64).reshape(-1, 4)
    scores = np.array([each[3] for each in candidates], np.float64)
    expected = staying_there(Detections(image, label, boxes, scores), 2, iou)
    assert staying(image * 2 + label, boxes, scores, iou).tolist() == expected.tolist()
