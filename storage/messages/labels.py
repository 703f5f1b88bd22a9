"""Which row carries which label: by a column of names, or by a column of 0 and 1 for each label."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.files.foreign import ForeignTable
from storage.files.formats import listed
from storage.files.inputs import InputError, shown

LABEL = "label:"
NAMES = ("labels", "label")  # the column of names: `a|b`, or a list
TRUTH = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}

Bools = NDArray[np.bool_]


def label_names(labels: str | Mapping[str, str] | None) -> dict[str, str]:
    """Our column names -> theirs, of what params say of labels."""
    if isinstance(labels, str):
        return {NAMES[0]: labels}
    return {LABEL + label: theirs for label, theirs in (labels or {}).items()}


def label_matrix(table: ForeignTable, labels: list[str], others: Collection[str] = ()) -> Bools:
    """(rows, labels). others: labels that rows may carry and that are not asked for.

    Raises InputError for an unknown label, for truth that is not 0, 1, true or false, and for columns that are missing.
    """
    columns = [LABEL + label for label in labels]
    if any(table.has(column) for column in columns):
        table.require(columns, "a column of 0 and 1 for each label")
        return np.column_stack([_truth(table, column) for column in columns])
    column = next((name for name in NAMES if table.has(name)), NAMES[0])
    table.require([column], f"{column} (names as a|b, a list, or 0 and 1), or {LABEL}<name> for each label")
    return _named(table, column, labels, others)


def _truth(table: ForeignTable, column: str) -> Bools:
    values = table.frame[column]
    if values.dtype == bool:
        return values.to_numpy(bool)
    codes, distinct = pd.factorize(table.text(column).str.strip().str.lower())
    truth = [TRUTH.get(value) for value in distinct]
    if None in truth:
        row = int(np.flatnonzero(codes == truth.index(None))[0])
        name = column.removeprefix(LABEL)
        raise InputError(
            table.path,
            f"expected 0, 1, true or false, got {shown(values.iloc[row])}"
            + (f"; write 1 where it is {name}, 0 elsewhere" if name.lower() in distinct else ""),
            row=table.row(row), field=column,
        )  # fmt: skip
    return np.array(truth, bool)[codes]


def _named(table: ForeignTable, column: str, labels: list[str], others: Collection[str]) -> Bools:
    """Rows are many and what they carry is of few kinds: each kind is read once."""
    codes, distinct = pd.factorize(_kinds(table, column))
    plain = all(isinstance(value, str) and value.strip().lower() in TRUTH for value in distinct)
    if len(labels) == 1 and plain and labels[0] not in set(distinct):
        return _truth(table, column)
    places = {label: place for place, label in enumerate(labels)}
    carries = np.zeros((len(distinct), len(labels)), bool)
    for kind, value in enumerate(distinct):
        for name in _split(value) if isinstance(value, str) else value:
            if name in places:
                carries[kind, places[name]] = True
            elif name not in others:
                raise InputError(
                    table.path,
                    f"unknown label {shown(name)}; there are {listed(labels)} (a clean row has no label, several are "
                    "written a|b)" + (_ones(labels) if name in TRUTH else ""),
                    row=table.row(int(np.flatnonzero(codes == kind)[0])), field=column,
                )  # fmt: skip
    return carries[codes]


def _kinds(table: ForeignTable, column: str) -> "pd.Series[Any]":
    """Text, or tuples of names where the file has lists."""
    values = table.frame[column]
    if values.dtype != object or not any(isinstance(value, list | np.ndarray | dict) for value in values):
        return table.text(column)
    kinds = pd.Series([_tuple(value) for value in values], dtype=object)
    if kinds.isna().any():
        row = int(np.flatnonzero(kinds.isna())[0])
        raise InputError(
            table.path, f"expected a list of label names, [] for a clean row, got {shown(values.iloc[row])}",
            row=table.row(row), field=column,
        )  # fmt: skip
    return kinds


def _tuple(value: object) -> object:
    if isinstance(value, str):
        return value
    names = tuple(value) if isinstance(value, list | np.ndarray) else None
    return names if names is not None and all(isinstance(name, str) for name in names) else None


def _split(text: str) -> list[str]:
    return [name for part in text.split("|") if (name := part.strip())]


def _ones(labels: list[str]) -> str:
    if len(labels) == 1:
        return "; in a column of 0 and 1 every row has one of both"
    return f"; a column of 0 and 1 speaks of one label, and there are {len(labels)}: name it {LABEL}<name>"
