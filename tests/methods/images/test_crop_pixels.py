"""From a box to an encoder's pixels."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import v2

from methods.images.crop_pixels import Transform, cut, fitted, normalised

SQUASH = Transform(32, 0.0, "squash", 1.0, "bicubic", (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
PICTURE = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)


def test_a_cut_holds_every_pixel_that_the_box_touches() -> None:
    assert np.array_equal(cut(PICTURE, np.array([10.0, 20, 30, 25]), 0.0), PICTURE[20:25, 10:30])
    assert np.array_equal(cut(PICTURE, np.array([10.4, 20.9, 30.1, 25.0]), 0.0), PICTURE[20:25, 10:31])


def test_context_ends_where_the_picture_does() -> None:
    assert np.array_equal(cut(PICTURE, np.array([10.0, 20, 30, 40]), 0.5), PICTURE[10:50, 0:40])
    assert np.array_equal(cut(PICTURE, np.array([80.0, 50, 90, 60]), 1.0), PICTURE[40:60, 70:90])


def test_the_smallest_box_is_a_pixel() -> None:
    assert cut(PICTURE, np.array([89.9, 59.9, 90.0, 60.0]), 0.0).shape == (1, 1, 3)
    assert cut(PICTURE, np.array([5.2, 5.2, 5.4, 5.4]), 0.0).shape == (1, 1, 3)


@pytest.mark.parametrize("centre", [1.0, 0.9])
@pytest.mark.parametrize("shape", [(60, 90), (90, 60), (47, 47), (33, 200)])
def test_a_centre_crop_is_torchvisions(shape: tuple[int, int], centre: float) -> None:
    crop = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    reference = v2.Compose([v2.Resize(int(32 / centre), v2.InterpolationMode.BICUBIC), v2.CenterCrop(32)])
    ours = fitted(crop, replace(SQUASH, fit="centre", centre=centre))
    assert np.array_equal(ours, np.asarray(reference(Image.fromarray(crop))))


def test_a_squash_keeps_the_whole_crop() -> None:
    halves = np.zeros((10, 40, 3), np.uint8)
    halves[:, 20:] = 255
    made = fitted(halves, SQUASH)
    assert made.shape == (32, 32, 3)
    assert made[:, :12].max() == 0
    assert made[:, 20:].min() == 255


def test_normalisation_is_by_channel() -> None:
    pixels = np.full((2, 4, 4, 3), 255, np.uint8)
    made = normalised(pixels, SQUASH)
    assert made.shape == (2, 3, 4, 4)
    assert made.dtype == np.float32
    assert np.allclose(made[0, :, 0, 0], [(1 - 0.5) / 0.2, (1 - 0.4) / 0.3, (1 - 0.3) / 0.4])


@pytest.mark.parametrize(
    "change",
    [
        {"size": 64}, {"context": 0.1}, {"fit": "centre"}, {"centre": 0.9}, {"interpolation": "bilinear"},
        {"mean": (0.5, 0.4, 0.31)}, {"std": (0.2, 0.3, 0.41)},
    ],
)  # fmt: skip
def test_whatever_changes_the_pixels_changes_the_digest(change: dict[str, object]) -> None:
    assert replace(SQUASH, **change).digest != SQUASH.digest  # type: ignore[arg-type]
    assert replace(SQUASH).digest == SQUASH.digest
