"""What a classifier says about each candidate's crop: npz or safetensors, aligned by candidate id."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from storage.detections.records import canonical
from storage.files.arrays import read_arrays
from storage.files.inputs import InputError


@dataclass(frozen=True)
class CropFeatures:
    """Rows as asked for; probabilities (rows, len(classes)) may have no column, embeddings neither."""

    embeddings: NDArray[np.floating[Any]]
    probabilities: NDArray[np.floating[Any]]
    classes: list[str]


def read_crops(path: Path, ids: list[str], classes: list[str]) -> CropFeatures:
    """The rows of `ids`. The file has `ids` and `embeddings`, `probabilities` or both; `classes` names the latter's
    columns, which otherwise are those of the ground truth."""
    arrays = _arrays(path)
    if "ids" not in arrays or not {"embeddings", "probabilities"} & set(arrays):
        raise InputError(path, f"expected ids and embeddings or probabilities, found {sorted(arrays)}")
    known = [canonical(each) for each in arrays["ids"].tolist()]
    row_of = {each: row for row, each in enumerate(known)}
    if len(row_of) < len(known):
        raise InputError(path, "some ids are used twice; each candidate needs one row", field="ids")
    if missing := [each for each in ids if each not in row_of]:
        raise InputError(
            path, f"{len(missing)} candidate(s) of the results have no row here, the first has id {missing[0]!r}",
            field="ids",
        )  # fmt: skip
    rows = np.array([row_of[each] for each in ids], np.int64)
    picked = {}
    for name in ("embeddings", "probabilities"):
        values = arrays.get(name, np.empty((len(known), 0), np.float16))
        if values.ndim != 2 or len(values) != len(known):
            raise InputError(
                path, f"expected ({len(known)}, columns) as there are ids, got {values.shape}", field=name
            )
        picked[name] = values[rows]
        if not np.isfinite(picked[name]).all():
            row = int(np.flatnonzero(~np.isfinite(picked[name]).all(axis=1))[0])
            raise InputError(path, "expected finite numbers", row=f"id {ids[row]}", field=name)
    names = [str(name) for name in arrays["classes"]] if "classes" in arrays else classes
    width = picked["probabilities"].shape[1]
    if width and len(names) != width:
        raise InputError(
            path, f"{width} columns for {len(names)} classes; add classes", field="probabilities"
        )
    return CropFeatures(picked["embeddings"], picked["probabilities"], names if width else [])


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    if not path.exists():
        raise InputError(path, "no such file; params.yaml names it")
    try:
        if path.suffix == ".safetensors":
            loaded: dict[str, NDArray[Any]] = load_file(path)
            return loaded
        return read_arrays(path)
    except (ValueError, OSError, SafetensorError) as error:
        raise InputError(path, f"not an npz (without pickle) or safetensors file: {error}") from None
