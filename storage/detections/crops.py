"""What a classifier says about each candidate's crop: npz or safetensors, aligned by candidate id."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.detections.records import canonical
from storage.files.arrays import array_names, read_foreign_arrays
from storage.files.import_report import EXAMPLES, ImportReport
from storage.files.inputs import InputError, shown
from storage.files.tensors import read_foreign_tensors, tensor_names

MEMBERS = ("ids", "embeddings", "probabilities", "classes")
ROUNDING = 0.01  # by which a probability in half precision may leave [0, 1]


@dataclass(frozen=True)
class CropFeatures:
    """Rows as asked for; probabilities (rows, len(classes)) may have no column, embeddings neither."""

    embeddings: NDArray[np.floating[Any]]
    probabilities: NDArray[np.floating[Any]]
    classes: list[str]


def read_crops(path: Path, ids: list[str], classes: list[str], report: ImportReport) -> CropFeatures:
    """The rows of `ids`. The file has `ids` and `embeddings`, `probabilities` or both; `classes` names the latter's
    columns, which otherwise are those of the ground truth."""
    arrays = _arrays(path)
    rows, of_file = _rows(path, arrays["ids"], ids)
    embeddings = _values(path, arrays, "embeddings", rows, ids, of_file)
    probabilities = _values(path, arrays, "probabilities", rows, ids, of_file)
    if embeddings.shape[1] and len(blank := np.flatnonzero(~embeddings.any(axis=1))):
        report.note(
            path,
            "embedding is all zeros",
            len(blank),
            [f"id {shown(ids[row])[1:-1]}" for row in blank[:EXAMPLES]],
        )
    if len(odd := np.flatnonzero(((probabilities < -ROUNDING) | (probabilities > 1 + ROUNDING)).any(axis=1))):
        raise InputError(
            path, f"expected numbers in [0, 1], got others in {len(odd)} row(s); these look like logits: apply softmax "
            "or sigmoid", row=f"id {shown(ids[odd[0]])[1:-1]}", field="probabilities",
        )  # fmt: skip
    width = probabilities.shape[1]
    names = _class_names(path, arrays["classes"]) if "classes" in arrays else classes
    if width and len(names) != width:
        raise InputError(
            path, f"{width} columns for {len(names)} classes; add classes", field="probabilities"
        )
    return CropFeatures(embeddings, probabilities, names if width else [])


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    tensors = path.suffix == ".safetensors"
    arrays = read_foreign_tensors(path, MEMBERS) if tensors else read_foreign_arrays(path, MEMBERS)
    if "ids" not in arrays or not {"embeddings", "probabilities"} & set(arrays):
        there = tensor_names(path) if tensors else array_names(path)
        raise InputError(path, f"expected ids and embeddings or probabilities, found {shown(there)}")
    return arrays


def _rows(path: Path, column: NDArray[Any], ids: list[str]) -> tuple[NDArray[np.int64], int]:
    """The row of each of `ids`, and how many rows the file has."""
    known = [canonical(each) for each in column.tolist()] if column.ndim == 1 else [None]
    if None in known:
        raise InputError(
            path, f"expected one number or text for each row, got {column.shape} {column.dtype}", field="ids"
        )
    row_of = {each: row for row, each in enumerate(known)}
    if len(row_of) < len(known):
        twice = next(each for row, each in enumerate(known) if row_of[each] != row)
        raise InputError(
            path,
            f"some ids are used twice, the first is {shown(twice)}; each candidate needs one row",
            field="ids",
        )
    if missing := [each for each in ids if each not in row_of]:
        raise InputError(
            path,
            f"{len(missing)} candidate(s) of the results have no row here, the first has id {shown(missing[0])}",
            field="ids",
        )
    return np.array([row_of[each] for each in ids], np.int64), len(known)


def _values(
    path: Path, arrays: dict[str, NDArray[Any]], name: str, rows: NDArray[np.int64], ids: list[str], of_file: int
) -> NDArray[Any]:  # fmt: skip
    values = arrays.get(name, np.empty((of_file, 0), np.float16))
    if values.ndim != 2 or len(values) != of_file:
        raise InputError(
            path, f"expected ({of_file}, columns) as there are ids, got {shown(values.shape)}", field=name
        )
    if values.dtype.kind not in "fiu":
        raise InputError(path, f"expected numbers, got {values.dtype}", field=name)
    picked = values[rows]
    if len(odd := np.flatnonzero(~np.isfinite(picked).all(axis=1))):
        raise InputError(
            path, f"expected finite numbers, got others in {len(odd)} row(s)", row=f"id {shown(ids[odd[0]])[1:-1]}",
            field=name,
        )  # fmt: skip
    return picked


def _class_names(path: Path, column: NDArray[Any]) -> list[str]:
    names = column.tolist() if column.ndim == 1 and column.dtype.kind == "U" else []
    if not names or "" in names or len(set(names)) < len(names):
        raise InputError(path, f"expected texts, each once, got {shown(column.tolist())}", field="classes")
    return names
