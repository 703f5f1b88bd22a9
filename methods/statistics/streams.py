"""Random numbers by purpose: one counter-based stream each, so that drawing more for one moves no other."""

import hashlib
from zlib import crc32

import numpy as np
from numpy.typing import NDArray


def stream(seed: int, purpose: str) -> np.random.Generator:
    key = int.from_bytes(hashlib.sha256(f"{seed} {purpose}".encode()).digest()[:16], "big")
    return np.random.Generator(np.random.Philox(key))


def epoch_stream(seed: int, purpose: str, epoch: int = 0) -> np.random.Generator:
    """A stream of its own for each (seed, purpose, epoch). Raises ValueError unless seed and epoch are at least 0."""
    if seed < 0 or epoch < 0:
        raise ValueError(f"expected a seed and an epoch of at least 0, got {seed} and {epoch}")
    key = np.array([seed, crc32(purpose.encode()) << 32 | epoch], np.uint64)
    return np.random.Generator(np.random.Philox(key=key))


def uniforms(
    seed: int, purpose: str, epoch: int, index: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    """(rows, count) in [0, 1): the numbers of items `index`, whatever batch they are in and however many others exist."""
    if not len(index):
        return np.empty((0, count))
    return epoch_stream(seed, purpose, epoch).random((int(index.max()) + 1, count))[index]
