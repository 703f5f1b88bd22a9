"""Where a stamp's pixels lie: 63 x 63, centre pixel (31, 31), r = hypot(x - 31, y - 31)."""

import numpy as np
from numpy.typing import NDArray

SIZE = 63
PIXEL_SCALE = 0.262  # arcsec a pixel
BANDS = ("g", "r", "z")
ZERO_POINT = 22.5  # AB magnitude of one nanomaggy


def radius(size: int = SIZE) -> NDArray[np.float64]:
    """(size, size): distance of each pixel from the centre pixel, in pixels; size is odd."""
    offset = np.arange(size) - size // 2
    return np.hypot(offset[None, :], offset[:, None])


def rings(size: int = SIZE) -> NDArray[np.int64]:
    """(size, size): integer ring floor(r) of each pixel, out to the corners."""
    return np.floor(radius(size)).astype(np.int64)


def core(k: float, size: int = SIZE) -> NDArray[np.bool_]:
    """core(k) = r < k."""
    return radius(size) < k


def nanomaggies(magnitude: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(10 ** (0.4 * (ZERO_POINT - magnitude)))
