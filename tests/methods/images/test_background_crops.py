"""Squares of background: off the objects, inside the image, the same for the same stream."""

import numpy as np
import pytest
from numpy.typing import NDArray

from methods.detection.matching import area, intersection
from methods.images.background_crops import background_boxes
from methods.statistics.streams import stream

WIDTH, HEIGHT = 200, 120
RULE = {"side": (0.08, 0.4), "padding": 0.1, "max_iou": 0.01, "max_inside": 0.5}


def squares(
    boxes: NDArray[np.float64], count: int = 400, seed: int = 0, **changes: object
) -> NDArray[np.int64]:
    rule = {**RULE, **changes}
    return background_boxes(boxes, WIDTH, HEIGHT, count, random=stream(seed, "test"), **rule)  # type: ignore[arg-type]


def brute_force_fits(square: NDArray[np.int64], boxes: NDArray[np.float64]) -> bool:
    """By pixels a tenth wide."""
    for x1, y1, x2, y2 in boxes:
        wide, high = 0.1 * (x2 - x1), 0.1 * (y2 - y1)
        shared = max(0, min(square[2], x2 + wide) - max(square[0], x1 - wide))
        shared *= max(0, min(square[3], y2 + high) - max(square[1], y1 - high))
        mine, its = (square[2] - square[0]) ** 2, 1.44 * (x2 - x1) * (y2 - y1)
        if shared > 0.01 * (mine + its - shared) + 1e-9 or shared > 0.5 * min(mine, its) + 1e-9:
            return False
    return True


def test_squares_are_square_within_the_image_and_of_the_asked_size() -> None:
    found = squares(np.empty((0, 4)))
    sides = found[:, 2:] - found[:, :2]
    assert len(found) == 400
    assert np.array_equal(sides[:, 0], sides[:, 1])
    assert sides.min() >= int(0.08 * HEIGHT)
    assert sides.max() <= 0.4 * HEIGHT
    assert found.min() >= 0
    assert (found[:, 2:] <= [WIDTH, HEIGHT]).all()


def test_squares_keep_off_the_boxes() -> None:
    boxes = np.array([[20.0, 20, 60, 70], [120, 10, 150, 30], [90, 60, 190, 110]])
    found = squares(boxes)
    assert len(found) > 20
    assert all(brute_force_fits(square, boxes) for square in found)


def test_a_small_square_within_a_large_object_is_no_background() -> None:
    large = np.array([[0.0, 0, WIDTH, HEIGHT]])
    assert len(squares(large)) == 0
    inside = squares(
        large, max_inside=1.0
    )  # the rule of IoU alone: 1% of the grown object is background to it
    assert len(inside) > 0
    shared = intersection(inside.astype(np.float64), np.repeat(large, len(inside), axis=0))
    assert np.allclose(shared, area(inside.astype(np.float64)))


def test_a_tiny_object_within_a_square_is_not_background_either() -> None:
    tiny = np.array([[x, y, x + 3.0, y + 3] for x in range(0, WIDTH, 20) for y in range(0, HEIGHT, 20)])
    for square in squares(tiny):
        covered = (tiny[:, :2] >= square[:2]).all(axis=1) & (tiny[:, 2:] <= square[2:]).all(axis=1)
        assert not covered.any()


def test_the_same_stream_draws_the_same_and_no_more_than_asked() -> None:
    assert np.array_equal(squares(np.empty((0, 4)), 3), squares(np.empty((0, 4)), 400)[:3])
    assert not np.array_equal(squares(np.empty((0, 4)), 3), squares(np.empty((0, 4)), 3, seed=1))


@pytest.mark.parametrize("size", [(1.0, 1.0), (5.0, 3.0)])
def test_the_smallest_images_give_squares_of_a_pixel_at_least(size: tuple[float, float]) -> None:
    found = background_boxes(np.empty((0, 4)), *size, 3, random=stream(0, "x"), **RULE)  # type: ignore[arg-type]
    assert len(found) == 3
    assert ((found[:, 2:] - found[:, :2]) >= 1).all()
