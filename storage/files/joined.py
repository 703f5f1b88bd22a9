"""Several tables of one kind as one: the rows of the first, then those of the next; the columns that all of them have."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.formats import listed
from storage.files.inputs import InputError

ARRAYS = ".npz"


def joined(files: Sequence[Path], needed: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Values stay as they are; where files differ in a column's kind, it becomes text. Beside it the columns that only
    some have, which are left out. Raises InputError for arrays, and for a file without a column that is needed."""
    if arrays := [path for path in files if path.suffix == ARRAYS]:
        raise InputError(
            arrays[0], "arrays are not joined, tables are; join them yourself and make a study of the file"
        )
    tables = [read_foreign_table(path) for path in files]
    every = list(dict.fromkeys(name for table in tables for name in table.names))
    shared = [name for name in every if all(table.has(name) for table in tables)]
    for table in tables:
        if missing := [name for name in needed if name in every and not table.has(name)]:
            raise InputError(
                table.path, f"lacks column(s) {listed(missing)}, which other files have; rows of both are not joined"
            )  # fmt: skip
    return pd.DataFrame({name: _column(tables, name) for name in shared}), [
        name for name in every if name not in shared
    ]


def _column(tables: Sequence[ForeignTable], name: str) -> "pd.Series[Any]":
    kinds = {pd.api.types.infer_dtype(table.frame[name], skipna=True) for table in tables} - {"empty"}
    plain = len(kinds) <= 1 and not kinds & {"mixed-integer"}
    parts = [table.frame[name] if plain else table.text(name) for table in tables]
    return pd.concat(parts, ignore_index=True)
