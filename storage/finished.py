"""Finished units of a costly step, kept until the step succeeds: a killed run goes on where it was."""

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.arrays import read_arrays, write_arrays

CACHE = Path(".cache")
Arrays = dict[str, NDArray[Any]]


class Finished:
    """Units of arrays under .cache/<step>-<key>; the key is everything that determines them."""

    def __init__(self, step: str, inputs: Iterable[Path], facts: Mapping[str, Any]) -> None:
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
        for path in inputs:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        self.folder = CACHE / f"{step}-{digest.hexdigest()[:24]}"

    def unit(self, name: str, compute: Callable[[], Mapping[str, NDArray[Any]]]) -> Arrays:
        path = self.folder / f"{name}.npz"
        if path.exists():
            sys.stdout.write(f"{name}: finished before\n")
            return read_arrays(path)
        arrays = {key: np.asarray(value) for key, value in compute().items()}
        write_arrays(path, arrays)
        return arrays

    def forget(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
