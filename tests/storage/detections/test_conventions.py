"""Four numbers are a box by a convention: each is read, and a file in another one than declared is refused."""

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from storage.detections.conventions import Convention, check_convention, corners
from storage.files.inputs import InputError

PATH = Path("results.json")
SIZES = np.tile([640.0, 480.0], (200, 1))
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)


def written(convention: Convention, rows: int = 200) -> NDArray[np.float64]:
    """The same boxes by each convention, in order of these cases only."""
    random = np.random.default_rng(0)
    side = random.uniform(20, 120, (rows, 2))
    first = random.uniform(0, 1, (rows, 2)) * (SIZES[:rows] - side)
    scale = SIZES[:rows] if convention.endswith("_shares") else 1.0
    shape = convention.removesuffix("_shares")
    start = first + side / 2 if shape == "cxcywh" else first
    end = first + side if shape == "xyxy" else side
    return np.hstack([start / scale, end / scale])


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_each_convention_reads_to_the_same_corners(convention: Convention) -> None:
    assert np.allclose(corners(written(convention), SIZES, convention), written("xyxy"))
    check_convention(PATH, written(convention), SIZES, convention)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("declared", ["xywh", "xyxy", "cxcywh_shares"])
def test_another_convention_than_declared_is_refused_with_what_to_set(
    convention: Convention, declared: Convention
) -> None:
    if {convention, declared} in ({"xywh", "cxcywh"}, {"xywh_shares", "cxcywh_shares"}, {convention}):
        return  # both fit most images: only boxes at the border tell them apart
    with pytest.raises(InputError) as caught:
        check_convention(PATH, written(convention), SIZES, declared, "set boxes: {}")
    assert f"set boxes: {convention}" in str(caught.value)


def test_ground_truth_is_refused_with_the_formula() -> None:
    for convention, formula in (
        ("xyxy", "write [x1, y1, x2 - x1, y2 - y1]"),
        ("xyxy_shares", "write [x1, y1, x2 - x1, y2 - y1] times the image's width and height"),
        ("xywh_shares", "write them times the image's width and height"),
    ):
        boxes: Any = written(convention)  # type: ignore[arg-type]
        with pytest.raises(InputError) as caught:
            check_convention(PATH, boxes, SIZES, "xywh")
        assert str(caught.value).endswith(formula)


def test_a_few_odd_boxes_are_no_other_convention() -> None:
    boxes = written("xywh")
    boxes[:30] = written("xyxy")[:30]
    check_convention(PATH, boxes, SIZES, "xywh")
    check_convention(PATH, written("xyxy", 9), SIZES[:9], "xywh")  # too few to tell
    check_convention(PATH, np.array([[0.0, 0, 1, 1]]), SIZES[:1], "xywh")  # one pixel


def test_boxes_of_larger_images_are_refused() -> None:
    with pytest.raises(InputError, match="they are of images of another size"):
        check_convention(PATH, 3 * written("xywh"), SIZES, "xywh")
