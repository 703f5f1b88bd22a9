"""Random numbers: every way from a seed to a counter-based stream. Drawing more from one moves no other."""

import hashlib
from zlib import crc32

import numpy as np
from numpy.typing import NDArray


def seeded(seed: int) -> np.random.Generator:
    """The one stream of a seed, for what draws for a single purpose."""
    return np.random.Generator(np.random.Philox(seed))


def stream(seed: int, purpose: str) -> np.random.Generator:
    """A stream of its own for each (seed, purpose)."""
    return np.random.Generator(np.random.Philox(_digest(seed, purpose)))


def keyed_stream(seed: int, purpose: str) -> np.random.Generator:
    """As `stream`, but the digest is the key itself, not what a key is made from: other numbers."""
    return np.random.Generator(np.random.Philox(key=_digest(seed, purpose)))


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


def _digest(seed: int, purpose: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {purpose}".encode()).digest()[:16], "big")
