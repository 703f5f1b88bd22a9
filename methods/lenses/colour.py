"""Stamps as pictures: g, r, z to blue, green, red by an asinh stretch of their mean that keeps colours (Lupton et al. 2004, PASP 116)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SCALES = np.array([6.0, 3.4, 2.2])[:, None, None]  # what makes g, r, z of a red galaxy equally bright
STRETCH = 0.08  # nanomaggies a pixel where the stretch turns from linear to logarithmic
SOFTENING = 8.0


def colour_picture(
    stamp: NDArray[np.floating[Any]], stretch: float = STRETCH, softening: float = SOFTENING
) -> NDArray[np.float64]:
    """One stamp (3, s, s) in nanomaggies -> (s, s, 3) red, green, blue in [0, 1]; stretch in nanomaggies a pixel."""
    g, r, z = np.asarray(stamp, np.float64) * SCALES / SCALES[1]
    mean = (g + r + z) / 3
    bright = np.arcsinh(softening * np.maximum(mean, 0) / stretch) / np.arcsinh(softening * 40)
    factor = np.where(mean > 0, bright / np.where(mean > 0, mean, 1), 0)
    picture = np.stack([z, r, g], axis=-1) * factor[..., None]
    # Where a channel is too bright, the colour is kept and the brightness is given up.
    return np.asarray(np.clip(picture / np.maximum(picture.max(axis=-1, keepdims=True), 1), 0, 1))


def residual_picture(residual: NDArray[np.floating[Any]], limit: float = 8.0) -> NDArray[np.float64]:
    """One residual stamp (3, s, s) in units of the sky's spread -> (s, s, 3) in [0, 1], zero as mid-grey."""
    red_green_blue = np.moveaxis(np.asarray(residual, np.float64)[::-1], 0, -1)
    return np.clip(0.5 + 0.5 * red_green_blue / limit, 0, 1)
