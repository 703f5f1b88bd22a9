"""Wide embeddings on fixed random directions: the same for every file that has the same width."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.statistics.streams import seeded

ROWS_AT_ONCE = 1 << 14


def random_projection(
    embeddings: NDArray[np.floating[Any]], size: int, seed: int
) -> NDArray[np.floating[Any]]:
    """(rows, size) of the same dtype, lengths kept on average; embeddings no wider than `size` as they are."""
    rows, width = embeddings.shape
    if width <= size:
        return embeddings
    draws = seeded(seed).normal(size=(width, size))
    directions = (draws / np.sqrt(size)).astype(np.float32)
    projected = np.empty((rows, size), embeddings.dtype)
    for start in range(0, rows, ROWS_AT_ONCE):
        here = slice(start, start + ROWS_AT_ONCE)
        projected[here] = embeddings[here].astype(np.float32) @ directions
    return projected
