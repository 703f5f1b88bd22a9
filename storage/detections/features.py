"""The feature folder: dense.npy (float16), structured.npy (float32) and the names of their columns."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.files.atomic import complete_folder
from storage.files.documents import write_json
from storage.files.inputs import InputError


@dataclass(frozen=True)
class DenseBlock:
    """The dense features of some rows, and the file that they come from."""

    file: Path
    names: list[str]
    rows: NDArray[np.int64]
    values: NDArray[np.float16]


def write_features(
    path: Path, blocks: Iterable[DenseBlock], structured_names: list[str], structured: NDArray[np.float32]
) -> None:
    """One block in memory at a time; a row that is in none has zeros."""
    with complete_folder(path) as folder:
        dense_names = _write_dense(folder / "dense.npy", len(structured), blocks)
        np.save(folder / "structured.npy", structured)
        write_json(folder / "manifest.json", {"dense": dense_names, "structured": structured_names})


def _write_dense(path: Path, rows: int, blocks: Iterable[DenseBlock]) -> list[str]:
    names: list[str] | None = None
    dense: Any = None
    for block in blocks:
        if names is None:
            names = block.names
            if rows and names:  # an empty file cannot be mapped
                dense = np.lib.format.open_memmap(path, "w+", np.float16, (rows, len(names)))
        if block.names != names:
            raise InputError(
                block.file,
                f"gives {len(block.names)} columns unlike the {len(names)} of the sources before; use one classifier",
            )
        if dense is not None:
            dense[block.rows] = block.values
    if dense is None:
        np.save(path, np.zeros((rows, len(names or [])), np.float16))
    else:
        dense.flush()
    return names or []
