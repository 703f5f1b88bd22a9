"""One large matrix in an npy file, mapped into memory instead of read."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.files.inputs import InputError


def read_matrix(path: Path) -> NDArray[Any]:
    """(rows, columns), on disk until it is indexed."""
    if not path.exists():
        raise InputError(path, "no such matrix; the features stage writes it")
    matrix: NDArray[Any] = np.load(path, allow_pickle=False)[:] if _is_empty(path) else np.load(
        path, mmap_mode="r", allow_pickle=False
    )  # fmt: skip
    if matrix.ndim != 2:
        raise InputError(path, f"expected a matrix (rows, columns), got shape {matrix.shape}")
    return matrix


def _is_empty(path: Path) -> bool:
    """A matrix without columns cannot be mapped."""
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        return 0 in header(file)[0]
