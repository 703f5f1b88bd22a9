"""Histograms of oriented gradients and colour."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from methods.images.hog_colour import HogColour, colour_grid, colour_histograms, oriented_gradients

Floats = NDArray[np.float64]
RANDOM = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)


def brute_force(picture: Floats, cell: int, orientations: int) -> Floats:
    """Pixel by pixel, in double precision."""
    size = len(picture)
    cells = np.zeros((size // cell, size // cell, orientations))
    for y in range(size):
        for x in range(size):
            best = (-1.0, 0.0, 0.0)
            for channel in range(3):
                gy = picture[y + 1, x, channel] - picture[y - 1, x, channel] if 0 < y < size - 1 else 0.0
                gx = picture[y, x + 1, channel] - picture[y, x - 1, channel] if 0 < x < size - 1 else 0.0
                if gy**2 + gx**2 > best[0]:
                    best = (gy**2 + gx**2, gy, gx)
            place = (math.atan2(best[1], best[2]) / math.pi * orientations - 0.5) % orientations
            low = math.floor(place)
            for direction, weight in ((low, 1 - (place - low)), (low + 1, place - low)):
                cells[y // cell, x // cell, direction % orientations] += weight * math.sqrt(best[0])
    blocks = []
    for y in range(size // cell - 1):
        for x in range(size // cell - 1):
            block = cells[y : y + 2, x : x + 2].ravel()
            block = np.minimum(block / math.sqrt((block**2).sum() + 1e-12), 0.2)
            blocks.append(block / math.sqrt((block**2).sum() + 1e-12))
    return np.concatenate(blocks)


@pytest.mark.parametrize(("cell", "orientations"), [(8, 9), (16, 6), (4, 2)])
def test_gradients_are_those_counted_pixel_by_pixel(cell: int, orientations: int) -> None:
    pictures = RANDOM.astype(np.float32) / np.float32(255)
    found = oriented_gradients(pictures, cell, orientations)
    for picture, row in zip(pictures, found, strict=True):
        assert np.allclose(row, brute_force(picture.astype(np.float64), cell, orientations), atol=2e-4)


def test_more_light_changes_no_gradient_but_the_colour() -> None:
    half = RANDOM // 2
    brighter = half + 40
    assert np.allclose(
        oriented_gradients(half.astype(np.float32), 8, 9), oriented_gradients(brighter.astype(np.float32), 8, 9),
        atol=1e-4,
    )  # fmt: skip
    assert not np.allclose(colour_histograms(half, 8), colour_histograms(brighter, 8))


def test_an_edge_votes_for_its_direction() -> None:
    """Of 4 directions, bin centres at 22.5, 67.5, ... degrees: a gradient along x stands between first and last."""
    upright = np.zeros((1, 16, 16, 3), np.float32)
    upright[:, :, 8:] = 1
    across = oriented_gradients(upright, 8, 4).reshape(4, 4).sum(axis=0)
    down = oriented_gradients(upright.transpose(0, 2, 1, 3), 8, 4).reshape(4, 4).sum(axis=0)
    assert np.allclose(across[[0, 3]], across[0])
    assert np.allclose(across[1:3], 0, atol=1e-6)
    assert np.allclose(down[[0, 3]], 0, atol=1e-6)


def test_colour_is_told_by_place() -> None:
    picture = np.zeros((1, 8, 8, 3), np.uint8)
    picture[:, :4, :4, 0] = 255
    histograms = colour_histograms(picture, 2).reshape(4, 3, 2)
    assert histograms[0, 0].tolist() == [0, 1]
    assert histograms[1:, 0].tolist() == [[1, 0]] * 3
    grid = colour_grid(picture.astype(np.float32) / np.float32(255)).reshape(4, 4, 2, 3)
    assert np.array_equal(grid[:2, :2, 0, 0], np.ones((2, 2)))
    assert grid[2:, :, 0].max() == grid[:, :, 1].max() == 0


def test_rows_do_not_depend_on_their_company_and_parts_weigh_the_same() -> None:
    encoder = HogColour(8, 9, 8)
    together = encoder.embed(RANDOM)
    alone = np.concatenate([encoder.embed(RANDOM[row : row + 1]) for row in range(3)])
    assert np.array_equal(together, alone)
    size = oriented_gradients(RANDOM.astype(np.float32), 8, 9).shape[1]
    assert np.allclose(np.linalg.norm(together[:, :size], axis=1), 1, atol=1e-5)
    assert np.allclose(np.linalg.norm(together[:, size:], axis=1), 1, atol=1e-5)


def test_a_plain_crop_has_an_embedding_too() -> None:
    plain = HogColour(8, 9, 8).embed(np.zeros((1, 32, 32, 3), np.uint8))
    assert np.isfinite(plain).all()
    assert np.linalg.norm(plain) > 0.5
