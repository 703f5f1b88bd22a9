"""Tables of strangers, CSV, JSONL or Parquet: columns by name, rows by position, or one error that says why not."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from storage.files.formats import listed, read_contents
from storage.files.inputs import InputError, shown
from storage.files.lines import Lines


@dataclass(frozen=True)
class ForeignTable:
    """frame: rows by position, whatever index the file brought along; columns of a CSV are text, those of JSONL and
    Parquet what they are. lines: of a text file, on which each row begins, as a person finds it; None: rows are counted
    from 1. form: what it was read as."""

    path: Path
    frame: pd.DataFrame
    lines: Lines | None
    form: str

    @property
    def names(self) -> list[str]:
        return [str(name) for name in self.frame.columns]

    @property
    def rows(self) -> Lines:
        """The number of each row."""
        return np.arange(1, len(self.frame) + 1) if self.lines is None else self.lines

    def row(self, position: int) -> int:
        return position + 1 if self.lines is None else int(self.lines[position])

    def has(self, name: str) -> bool:
        return name in self.frame

    def require(self, names: Sequence[str], expected: str) -> None:
        if missing := [name for name in names if name not in self.frame]:
            raise InputError(
                self.path,
                f"column(s) {listed(missing)} are missing, there are {listed(self.names)}; expected {expected}",
            )

    def without(self, names: Sequence[str]) -> list[str]:
        """Columns that are not among names: what is left out."""
        return [name for name in self.names if name not in set(names)]

    def renamed(self, columns: Mapping[str, str] | None) -> "ForeignTable":
        """Their columns under our names (ours -> theirs); a column that has one of our names and is not meant keeps
        out of the way."""
        if not columns:
            return self
        self.require(list(dict.fromkeys(columns.values())), "those that params.yaml names under columns")
        taken = {theirs: ours for ours, theirs in columns.items()}
        if len(taken) < len(columns):
            twice = sorted(
                {theirs for theirs in columns.values() if list(columns.values()).count(theirs) > 1}
            )
            raise InputError(
                self.path,
                f"params.yaml takes column(s) {listed(twice)} for two things; one for each is needed",
            )
        away = {name: f"{name} (theirs)" for name in self.names if name in columns and name not in taken}
        return replace(self, frame=self.frame.rename(columns={**away, **taken}))

    def text(self, name: str) -> "pd.Series[str]":
        """The column as text: "" where nothing stands, whole numbers without a point."""
        column = self.frame[name]
        if pd.api.types.infer_dtype(column, skipna=False) == "string":
            return column.fillna("")  # pandas calls a str column with nulls "string" too
        return pd.Series([_as_text(value) for value in column.tolist()], dtype=object, name=name)

    def numbers(self, name: str) -> NDArray[np.float64]:
        """The column as float64, exactly as written; NaN where the file says so or nothing stands."""
        column = self.frame[name]
        if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
            return column.to_numpy(np.float64, na_value=np.nan)
        kind = pd.api.types.infer_dtype(column, skipna=True)
        if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
            return np.array([np.nan if value is None else value for value in column], np.float64)
        if kind not in ("string", "empty"):
            self._no_number(
                name, int(np.argmax([not isinstance(v, int | float) or v is True for v in column]))
            )
        written = pa.array(column.where(column.notna(), ""), pa.string())
        try:
            return _exact(written)
        except pa.ArrowInvalid:
            stripped = pc.utf8_trim_whitespace(written)
            filled = pc.if_else(pc.equal(stripped, ""), "nan", stripped)
        try:
            return _exact(filled)
        except pa.ArrowInvalid:
            self._no_number(
                name, next(i for i, value in enumerate(filled.to_pylist()) if not _is_number(value))
            )

    def _no_number(self, name: str, position: int) -> NoReturn:
        value = self.frame[name].iloc[position]
        comma = isinstance(value, str) and re.fullmatch(r"\s*[-+]?\d*,\d+\s*", value)
        advice = f"; write decimals with a point, {value.strip().replace(',', '.')}" if comma else ""
        raise InputError(
            self.path, f"expected a number, got {shown(value)}{advice}", row=self.row(position), field=name
        )


def read_foreign_table(path: Path, columns: Sequence[str] | None = None) -> ForeignTable:
    """A table by its suffix: .csv, .tsv or .txt (comma, semicolon, tab: sniffed), .jsonl, these with .gz, or .parquet.

    columns: those to read where they are there, of a Parquet file whose others may be large; None: all.

    Raises InputError for a missing, empty, damaged or too strongly compressed file, text that is not UTF-8, rows of
    other lengths than the header, and headers that are empty or stand there twice.
    """
    if not path.is_file():
        raise InputError(path, "no such file; params.yaml names it")
    frame, lines, form = read_contents(path, columns)
    if not len(frame):
        raise InputError(path, "holds no rows; expected at least one")
    return ForeignTable(path, frame, lines, form)


def _as_text(value: object) -> str:
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def _is_number(text: object) -> bool:
    try:
        pc.cast(pa.array([text]), pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


def _exact(written: Any) -> NDArray[np.float64]:
    return np.asarray(pc.cast(written, pa.float64()).to_numpy(zero_copy_only=False), np.float64)
