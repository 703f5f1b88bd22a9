"""The feature folder: dense.npy (float16), structured.npy (float32) and the names of their columns."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.atomic import complete_folder
from storage.documents import write_json


def write_features(
    path: Path,
    dense_names: list[str],
    dense: NDArray[np.float16],
    structured: Mapping[str, NDArray[np.floating[Any]]],
) -> None:
    with complete_folder(path) as folder:
        np.save(folder / "dense.npy", dense)
        np.save(folder / "structured.npy", np.stack(list(structured.values()), axis=1, dtype=np.float32))
        write_json(folder / "manifest.json", {"dense": dense_names, "structured": list(structured)})
