"""Named arrays in one npz: no pickle, the same bytes for the same values."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.files.atomic import complete


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    unnamed: dict[str, Any] = dict(arrays)
    with complete(path) as partial, partial.open("wb") as file:
        np.savez(file, **unnamed)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
