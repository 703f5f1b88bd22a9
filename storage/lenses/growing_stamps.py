"""Sets of stamps while they are made: stamps are added in order, and what a killed run has added is there to go on from.

    <folder>/<set>_<split>.npy   as storage.lenses.stamps reads them, of full length, filled from the start
    <folder>/<split>.json        {"filled": n}: so many stamps of every set of the split are on the disk

Pixels go to their place in the file that stays, once: neither memory nor disk ever holds a second copy of a set.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.files.documents import read_json, write_json
from storage.lenses.stamps import SHAPE, new_set, set_path

STAMP = int(np.prod(SHAPE)) * np.dtype(np.float16).itemsize  # bytes


class GrowingSets:
    """All sets of one split; `filled` stamps of each are there."""

    def __init__(self, folder: Path, names: Sequence[str], split: str, count: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.count = count
        self._paths = {name: set_path(folder, name, split) for name in names}
        self._note = folder / f"{split}.json"
        if not (self._note.exists() and all(path.exists() for path in self._paths.values())):
            self._note.unlink(missing_ok=True)
            for name in names:
                new_set(folder, name, split, count)
        self.filled: int = read_json(self._note)["filled"] if self._note.exists() else 0

    def add(self, made: Mapping[str, NDArray[np.float16]]) -> None:
        """The next stamps of every set; noted only when their pixels are on the disk."""
        counts = {len(pixels) for pixels in made.values()}
        if set(made) != set(self._paths) or len(counts) != 1:
            raise ValueError(f"expected as many stamps of each of {', '.join(self._paths)}")
        if (count := counts.pop()) > self.count - self.filled:
            raise ValueError(f"{count} stamps, {self.count - self.filled} are missing")
        for name, pixels in made.items():
            with self._paths[name].open("r+b") as file:
                file.seek(-(self.count - self.filled) * STAMP, os.SEEK_END)
                file.write(_bytes(pixels))
                file.flush()
                os.fsync(file.fileno())
        self.filled += count
        write_json(self._note, {"filled": self.filled})

    def move(self, folder: Path) -> None:
        """The full sets to the folder that stays."""
        if self.filled != self.count:
            raise ValueError(f"{self.filled} of {self.count} stamps are there")
        for path in self._paths.values():
            shutil.move(path, folder / path.name)


def _bytes(pixels: NDArray[np.float16]) -> Any:
    if pixels.dtype != np.float16 or pixels.shape[1:] != SHAPE:
        raise ValueError(f"expected float16 n x {SHAPE}, got {pixels.dtype} {pixels.shape}")
    return np.ascontiguousarray(pixels).data
