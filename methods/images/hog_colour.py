"""Histograms of oriented gradients (Dalal & Triggs, CVPR 2005) and colour: an encoder that needs no weights."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

CLIP = 0.2  # of a block's normalised values, before it is normalised again: L2-Hys
BLOCK = 2  # cells along a block's side
GRID = 4  # colour means and spreads on GRID x GRID parts of the crop
QUARTERS = 2
EPSILON = 1e-6


@dataclass(frozen=True)
class HogColour:
    """Gradients and colour weigh the same: each part is a unit vector."""

    cell: int
    orientations: int
    colour_bins: int

    def embed(self, pixels: Pixels) -> Floats:
        """(n, d) of crops (n, size, size, 3)."""
        scaled = pixels.astype(np.float32) / np.float32(255)
        gradients = oriented_gradients(scaled, self.cell, self.orientations)
        colours = np.concatenate([colour_grid(scaled), colour_histograms(pixels, self.colour_bins)], axis=1)
        return np.concatenate([_unit(gradients), _unit(colours)], axis=1)


def oriented_gradients(pictures: Floats, cell: int, orientations: int) -> Floats:
    """(n, blocks * blocks * 4 * orientations) of pictures (n, size, size, channels).

    Central differences; each pixel's strongest channel votes with its magnitude for the two nearest of
    `orientations` unsigned directions; cells of cell x cell pixels, overlapping blocks of 2 x 2 cells, L2-Hys.
    """
    n, size = pictures.shape[:2]
    along, across = np.zeros_like(pictures), np.zeros_like(pictures)
    along[:, 1:-1] = pictures[:, 2:] - pictures[:, :-2]
    across[:, :, 1:-1] = pictures[:, :, 2:] - pictures[:, :, :-2]
    strongest = np.argmax(along**2 + across**2, axis=3)[..., None]
    along = np.take_along_axis(along, strongest, axis=3)[..., 0]
    across = np.take_along_axis(across, strongest, axis=3)[..., 0]
    magnitude = np.hypot(along, across)
    position = (np.arctan2(along, across) / np.pi * orientations - 0.5) % orientations
    cells = np.empty((n, size // cell, size // cell, orientations), np.float32)
    for direction in range(orientations):
        distance = np.abs(position - direction)
        vote = np.maximum(1 - np.minimum(distance, orientations - distance), 0) * magnitude
        cells[..., direction] = vote.reshape(n, size // cell, cell, size // cell, cell).sum(axis=(2, 4))
    count = size // cell - BLOCK + 1
    corners = [
        cells[:, row : row + count, column : column + count]
        for row in range(BLOCK)
        for column in range(BLOCK)
    ]
    blocks = _unit(np.concatenate(corners, axis=3))
    return _unit(np.minimum(blocks, CLIP)).reshape(n, -1)


def colour_grid(pictures: Floats) -> Floats:
    """(n, GRID * GRID * 2 * channels): mean and standard deviation of each part of the crop."""
    n, size, _, channels = pictures.shape
    edges = np.linspace(0, size, GRID + 1).astype(int)
    parts = []
    for top, bottom in pairwise(edges):
        for left, right in pairwise(edges):
            part = pictures[:, top:bottom, left:right].reshape(n, -1, channels)
            parts += [part.mean(axis=1), part.std(axis=1)]
    return np.concatenate(parts, axis=1)


def colour_histograms(pixels: Pixels, bins: int) -> Floats:
    """(n, 4 * channels * bins): square roots of each channel's histogram in each quarter, as shares of its pixels."""
    n, size, _, channels = pixels.shape
    level = pixels.astype(np.int64) * bins // 256
    half = size // QUARTERS
    quarter = np.minimum(np.arange(size) // half, QUARTERS - 1)
    place = (quarter[:, None] * QUARTERS + quarter)[None, :, :, None]
    row = np.arange(n)[:, None, None, None]
    slot = ((row * QUARTERS**2 + place) * channels + np.arange(channels)) * bins + level
    counts = np.bincount(slot.ravel(), minlength=n * QUARTERS**2 * channels * bins)
    counts = counts.reshape(n, QUARTERS**2 * channels, bins)
    shares = np.sqrt(counts / counts.sum(axis=2, keepdims=True))
    return np.asarray(shares.reshape(n, -1), np.float32)


def _unit(values: Floats) -> Floats:
    """Along the last axis."""
    norm = np.sqrt((values**2).sum(axis=-1, keepdims=True) + np.float32(EPSILON**2))
    return np.asarray(values / norm, np.float32)
