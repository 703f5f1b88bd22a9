"""Embeddings as a user brings them: npz, npy with a table beside it, a table with columns of numbers, or our own pair."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.files.arrays import array_names, read_foreign_array, read_foreign_arrays
from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.inputs import InputError, shown
from storage.heads.embeddings import (
    Card,
    EmbeddingTable,
    Values,
    check_ids,
    check_values,
    matrix,
    read_embedding_table,
)

VALUES = ("embeddings", "embedding", "values")
FIELDS = {"id": ("id", "ids"), "group": ("group", "groups"), "label": ("label", "labels")}
CARD = ("model", "pooling", "transform")
UNSTATED = "not stated"
NUMBERED = re.compile(r"(.*?)(\d{1,6})", re.DOTALL)
BESIDE = (".csv", ".tsv", ".parquet", ".jsonl")
EXPECTED = "id and label of each row, and group where rows belong together"


def read_embedding_file(path: Path) -> EmbeddingTable:
    """By its suffix. Rows without a group are each a group of their own. InputError names file, row and field."""
    match path.suffix:
        case ".safetensors" | ".json":
            return read_embedding_table(path)
        case ".npz":
            return _npz(path)
        case ".npy":
            return _npy(path)
    table = read_foreign_table(path)
    return _labelled(table, path, _columns(table), Card(UNSTATED, UNSTATED, UNSTATED, {}))


def rows_file(path: Path) -> Path:
    """The file that says what the rows of `path` are."""
    if path.suffix == ".npy":
        return next(
            (each for each in map(path.with_suffix, BESIDE) if each.exists()), path.with_suffix(".csv")
        )
    return path.with_suffix(".json") if path.suffix == ".safetensors" else path


def _npz(path: Path) -> EmbeddingTable:
    named = [name for names in FIELDS.values() for name in names]
    arrays = read_foreign_arrays(path, (*VALUES, *named, *CARD))
    name = next((each for each in VALUES if each in arrays), None)
    if name is None:
        raise InputError(
            path, f"expected an array embeddings (rows, columns), there are {shown(array_names(path))}"
        )
    values = matrix(path, arrays[name])
    columns = {each: _column(path, each, arrays[each], len(values)) for each in named if each in arrays}
    table = ForeignTable(path, pd.DataFrame(columns, index=pd.RangeIndex(len(values))), None, "npz")
    return _labelled(table, path, values, _card(path, arrays))


def _column(path: Path, name: str, array: NDArray[Any], rows: int) -> NDArray[Any]:
    if array.shape != (rows,):
        raise InputError(
            path, f"expected one for each of {rows} embeddings, got {shown(array.shape)}", field=name
        )
    if array.dtype.kind == "S":
        try:
            return np.char.decode(array, "utf-8").astype(object)
        except UnicodeDecodeError:
            raise InputError(path, "is not UTF-8; save it as an array of str", field=name) from None
    if array.dtype.kind not in "Uiuf":
        raise InputError(path, f"expected text or whole numbers, got {shown(array.dtype)}", field=name)
    return array.astype(object) if array.dtype.kind == "U" else array


def _card(path: Path, arrays: Mapping[str, NDArray[Any]]) -> Card:
    model, pooling, transform = (_stated(path, arrays, name) for name in CARD)
    return Card(model, pooling, transform, {})


def _stated(path: Path, arrays: Mapping[str, NDArray[Any]], name: str) -> str:
    if name not in arrays:
        return UNSTATED
    if arrays[name].size != 1 or arrays[name].dtype.kind != "U":
        raise InputError(
            path,
            f"expected one text, got {shown(arrays[name].dtype)} {shown(arrays[name].shape)}",
            field=name,
        )
    return str(arrays[name].reshape(())) or UNSTATED


def _npy(path: Path) -> EmbeddingTable:
    values = matrix(path, read_foreign_array(path))
    beside = rows_file(path)
    if not beside.exists():
        raise InputError(beside, f"no such file; it names the rows of {path.name}: {EXPECTED}")
    table = read_foreign_table(beside)
    if len(table.frame) != len(values):
        raise InputError(
            beside,
            f"{len(table.frame)} rows, but {path.name} has {len(values)}; rows go by their place, so both have the "
            "same ones in the same order",
        )
    return _labelled(table, path, values, Card(UNSTATED, UNSTATED, UNSTATED, {}))


def _labelled(table: ForeignTable, path: Path, values: Values, card: Card) -> EmbeddingTable:
    ids, labels = (_texts(table, field) for field in ("id", "label"))
    groups = _texts(table, "group") if any(map(table.has, FIELDS["group"])) else ids
    check_ids(table.path, ids, table.rows.tolist())
    check_values(path, ids, values)
    return EmbeddingTable(ids, groups, labels, values, card)


def _texts(table: ForeignTable, field: str) -> list[str]:
    name = next((each for each in FIELDS[field] if table.has(each)), None)
    if name is None:
        table.require([field], EXPECTED)
    values: list[str] = [text.strip() for text in table.text(str(name))]
    if "" in values:
        raise InputError(
            table.path, f"there is none; {values.count('')} row(s) in all: fill them in, or leave them out",
            row=table.row(values.index("")), field=name,
        )  # fmt: skip
    return values


def _columns(table: ForeignTable) -> Values:
    """A column of lists, or numbered columns in the order of their numbers (e2 before e10)."""
    if name := next((each for each in VALUES if table.has(each)), None):
        return matrix(table.path, _stacked(table, name))
    families: dict[str, dict[int, str]] = {}
    for column in table.without([each for names in FIELDS.values() for each in names]):
        if numbered := NUMBERED.fullmatch(column):
            families.setdefault(numbered[1], {})[int(numbered[2])] = column
    families = {prefix: named for prefix, named in families.items() if len(named) > 1}
    if len(families) != 1:
        raise InputError(
            table.path,
            "expected a column embedding of lists, or numbered columns of one name, such as e0, e1, ...; found "
            + (f"several: {shown(sorted(families))}" if families else f"{shown(list(table.frame))}"),
        )
    ((prefix, named),) = families.items()
    first = min(named)
    if missing := [f"{prefix}{number}" for number in range(first, first + len(named)) if number not in named]:
        raise InputError(
            table.path, f"columns {prefix}{first}, ... do not run on: {missing[0]} is missing", field=prefix
        )
    return matrix(table.path, np.stack([table.numbers(named[number]) for number in sorted(named)], axis=1))


def _stacked(table: ForeignTable, name: str) -> NDArray[np.float32]:
    lists = table.frame[name].tolist()
    width = _width(lists[0])
    values = np.empty((len(lists), width or 0), np.float32)
    for place, each in enumerate(lists):
        if not width or _width(each) != width:
            _no_list(table, name, place, each, width)
        try:
            with np.errstate(over="ignore"):
                values[place] = each
        except (ValueError, TypeError, OverflowError):
            _no_list(table, name, place, each, width)
    return values


def _width(value: Any) -> int | None:
    if isinstance(value, np.ndarray):
        return len(value) if value.ndim == 1 and value.dtype.kind in "iufO" else None
    return len(value) if isinstance(value, list) else None


def _no_list(table: ForeignTable, name: str, place: int, value: Any, width: int | None) -> NoReturn:
    own = _width(value)
    got = f"{own}" if own is not None and own != width else shown(value)
    of = f" of {width}" if width else " of"
    raise InputError(table.path, f"expected a list{of} numbers, got {got}", row=table.row(place), field=name)


def difference_from(first: EmbeddingTable, other: EmbeddingTable) -> Sequence[str]:
    """Ids that one of them lacks, or whose group or label differs."""
    ours, theirs = (
        dict(zip(each.ids, zip(each.groups, each.labels, strict=True), strict=True))
        for each in (first, other)
    )
    return sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
