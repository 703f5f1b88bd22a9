"""Blocks of rows into a file that is there once all are: CSV, JSON lines, Parquet or npz."""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from storage.files.atomic import complete
from storage.files.inputs import InputError, first_line, shown
from storage.files.row_streams import is_text, known_format


class BlockWriter(Protocol):
    def write(self, columns: Mapping[str, Any], /) -> None: ...


@contextmanager
def block_writer(path: Path) -> Iterator[BlockWriter]:
    """A file that is there once the block has ended without an error."""
    writer = _WRITERS[known_format(path)]
    with complete(path) as partial:
        opened = writer(partial, path)
        try:
            yield opened if path.suffix == ".jsonl" else _OneHeader(opened, path)
        finally:
            opened.close()


class _OneHeader:
    """Rows of all blocks have the columns of the first one."""

    def __init__(self, writer: BlockWriter, path: Path) -> None:
        self._writer, self._path = writer, path
        self._names: list[str] | None = None

    def write(self, columns: Mapping[str, Any], /) -> None:
        self._names = self._names or list(columns)
        if other := set(self._names) ^ set(columns):
            raise InputError(
                self._path,
                f"some rows have a column {shown(min(other))} and others have none; write JSON lines instead",
            )
        self._writer.write({name: columns[name] for name in self._names})


def arrow(column: Any, path: Path, name: str) -> Any:
    """One column as Arrow has it; text where values are of several kinds. numpy of two axes and more: lists."""
    if isinstance(column, pa.Array | pa.ChunkedArray):
        return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    try:
        return _from_numpy(column) if isinstance(column, np.ndarray) else pa.array(column)
    except (pa.ArrowException, OverflowError):
        raise InputError(
            path,
            "holds values of several kinds, or such as no table has; write JSON lines instead",
            field=name,
        ) from None


def _from_numpy(column: NDArray[Any]) -> Any:
    if column.ndim > 1:
        return pa.array(column.reshape(len(column), math.prod(column.shape[1:])).tolist())
    if column.dtype.kind in "UST":
        return pa.array(column.tolist(), pa.string())
    return pa.array(column.astype(column.dtype.newbyteorder("="), copy=False))


class _CsvWriter:
    """Fields as they were; quotation marks in blocks that need some."""

    def __init__(self, partial: Path, path: Path) -> None:
        self._path, self._separator = path, "\t" if path.suffix == ".tsv" else ","
        self._file = partial.open("wb")
        self._begun = False

    def write(self, columns: Mapping[str, Any], /) -> None:
        if not self._begun:
            text = io.StringIO()
            csv.writer(text, delimiter=self._separator, lineterminator="\n").writerow(columns)
            self._file.write(text.getvalue().encode())
            self._begun = True
        table = pa.table({name: arrow(column, self._path, name) for name, column in columns.items()})
        try:
            pacsv.write_csv(table, self._file, self._options(table))
        except (pa.ArrowException, ValueError) as error:
            raise InputError(
                self._path, f"no CSV can hold this ({first_line(error)}); write JSON lines"
            ) from None

    def _options(self, table: Any) -> Any:
        words = [column for column in table.columns if is_text(column.type)]
        special = f'[{self._separator}"\r\n]'
        needed = any(pc.any(pc.match_substring_regex(each, special)).as_py() for each in words)
        style = "needed" if needed else "none"
        return pacsv.WriteOptions(include_header=False, delimiter=self._separator, quoting_style=style)

    def close(self) -> None:
        self._file.close()


class _ParquetWriter:
    """One schema, that of the first block."""

    def __init__(self, partial: Path, path: Path) -> None:
        self._partial, self._path = partial, path
        self._writer: Any = None

    def write(self, columns: Mapping[str, Any], /) -> None:
        table = pa.table({name: arrow(column, self._path, name) for name, column in columns.items()})
        self._writer = self._writer or pq.ParquetWriter(self._partial, table.schema)
        try:
            self._writer.write_table(table.cast(self._writer.schema))
        except (pa.ArrowException, ValueError) as error:
            raise InputError(
                self._path,
                f"rows are of another kind than the first ones ({first_line(error)}); write JSON lines",
            ) from None

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


class _JsonLinesWriter:
    def __init__(self, partial: Path, path: Path) -> None:
        self._file = partial.open("w", encoding="utf-8", newline="\n")
        self._encode = json.JSONEncoder(ensure_ascii=False, default=str).encode

    def write(self, columns: Mapping[str, Any], /) -> None:
        values = [_plain(column) for column in columns.values()]
        for row in zip(*values, strict=True):
            self._file.write(self._encode(dict(zip(columns, row, strict=True))) + "\n")

    def close(self) -> None:
        self._file.close()


class _ArraysWriter:
    """All blocks in memory until the end: an npz is written array by array."""

    def __init__(self, partial: Path, path: Path) -> None:
        self._partial = partial
        self._blocks: dict[str, list[NDArray[Any]]] = {}

    def write(self, columns: Mapping[str, Any], /) -> None:
        for name, column in columns.items():
            self._blocks.setdefault(name, []).append(_array(column))

    def close(self) -> None:
        unnamed: dict[str, Any] = {name: np.concatenate(blocks) for name, blocks in self._blocks.items()}
        with self._partial.open("wb") as file:
            np.savez(file, **unnamed)


def _plain(column: Any) -> list[Any]:
    if isinstance(column, list):
        return column
    values: list[Any] = column.tolist() if isinstance(column, np.ndarray) else column.to_pylist()
    infinite = {float("inf"): "Infinity", float("-inf"): "-Infinity"}
    return [infinite.get(value, value) if isinstance(value, float) else value for value in values]


def _array(column: Any) -> NDArray[Any]:
    if isinstance(column, np.ndarray):
        return column
    values = column if isinstance(column, list) else column.to_pylist()
    array = np.array(values)
    return array if array.dtype.kind in "biufU" else np.array([str(value) for value in values], np.str_)


_WRITERS: Mapping[str, Any] = {
    ".csv": _CsvWriter, ".tsv": _CsvWriter, ".jsonl": _JsonLinesWriter, ".parquet": _ParquetWriter, ".npz": _ArraysWriter,
}  # fmt: skip
