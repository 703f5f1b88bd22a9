"""What a classifier sees of a stamp: its pixels, its residuals from a round galaxy, or both.

Every step is an order statistic over a set of pixels that flips and quarter turns map onto itself, so residuals
commute exactly with them and are computed once, before any augmentation.
"""

from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from methods.lenses.geometry import radius, rings

Preprocessing = Literal["raw", "residual", "both"]
CHANNELS: dict[Preprocessing, int] = {"raw": 3, "residual": 3, "both": 6}
INNER, OUTER = 20, 32  # pixels: the annulus that says what the sky is like
NORMAL_MAD = 1.4826  # standard deviation of a normal over its median absolute deviation
CLIP = 50.0
CHUNK = 64  # stamps at a time, so that a chunk stays in the processor's cache


def preprocess(stamps: NDArray[np.floating[Any]], kind: Preprocessing) -> NDArray[np.float32]:
    """Stamps (n, 3, s, s) in nanomaggies -> (n, CHANNELS[kind], s, s); both is raw, then residual."""
    match kind:
        case "raw":
            return stamps.astype(np.float32)
        case "residual":
            return residual(stamps)
        case "both":
            return np.concatenate([stamps.astype(np.float32), residual(stamps)], axis=1)


def residual(stamps: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Per band (x - median) / (1.4826 MAD) over 20 <= r < 32, minus each integer ring's median, clipped to +-50.

    stamps (n, bands, s, s) with odd s > 40. ValueError where a stamp has no noise in its annulus (`noiseless`).
    """
    n, bands, size, _ = stamps.shape
    out = np.empty((n, bands, size * size), np.float32)
    annulus, ring_pixels = _annulus(size), _ring_pixels(size)
    for start in range(0, n, CHUNK):
        x = stamps[start : start + CHUNK].reshape(-1, bands, size * size).astype(np.float32)
        centre, scale = _sky(x[:, :, annulus])
        if not scale.all():
            stamp, band = np.argwhere(scale[:, :, 0] == 0)[0]
            raise ValueError(
                f"stamp {start + stamp}, band {band}: half of its annulus {INNER} <= r < {OUTER} pixels, or more, has one "
                "and the same value"
            )
        x = (x - centre) / scale
        for pixels in ring_pixels:
            ring = x[:, :, pixels]
            out[start : start + CHUNK, :, pixels] = ring - np.median(ring, axis=2, keepdims=True)
    return np.clip(out, -CLIP, CLIP, out=out).reshape(stamps.shape)


def noiseless(stamps: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """(n, bands): where half of the annulus or more has one value, as where zeros fill up a cut-out.

    Such a stamp has no scale to divide by. stamps (n, bands, s, s), as they will be given to `residual`.
    """
    n, bands, size, _ = stamps.shape
    sky = stamps.reshape(n, bands, size * size)[:, :, _annulus(size)].astype(np.float32)
    return np.asarray(_sky(sky)[1][:, :, 0] == 0)


def _sky(annulus: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(median, standard deviation by the MAD) of pixels (n, bands, pixels), both (n, bands, 1)."""
    centre = np.median(annulus, axis=2, keepdims=True)
    return centre, NORMAL_MAD * np.median(np.abs(annulus - centre), axis=2, keepdims=True)


@cache
def _annulus(size: int) -> NDArray[np.int64]:
    r = radius(size).ravel()
    return np.flatnonzero((r >= INNER) & (r < OUTER))


@cache
def _ring_pixels(size: int) -> tuple[NDArray[np.int64], ...]:
    """Flat indices of the pixels of each integer ring, out to the corners."""
    ring = rings(size).ravel()
    return tuple(np.flatnonzero(ring == k) for k in range(ring.max() + 1))
