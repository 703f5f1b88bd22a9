"""Tables that need not fit into memory: rows read and written a block at a time, CSV, JSON lines, Parquet or npz."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from storage.files.arrays import array_names, read_foreign_arrays
from storage.files.atomic import complete
from storage.files.documents import parsed_json
from storage.files.formats import DAMAGED, SEPARATORS, listed
from storage.files.inputs import InputError, shown

BLOCK = 8 << 20  # bytes of a CSV, and its longest row
ROWS = 1 << 16
FORMATS = (".csv", ".tsv", ".jsonl", ".parquet", ".npz")


@dataclass(frozen=True)
class RowBlock:
    """Columns by name, in the order of the file. first_row: the number of the first row as a person finds it."""

    columns: Mapping[str, Any]
    first_row: int

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()), ()))


class BlockWriter(Protocol):
    def write(self, columns: Mapping[str, Any], /) -> None: ...


def row_blocks(path: Path) -> Iterator[RowBlock]:
    """At least one block, which may have no rows. Text of a CSV stays text. Raises InputError."""
    if not path.is_file():
        raise InputError(path, "no such file")
    return _READERS[_format(path)](path)


@contextmanager
def block_writer(path: Path) -> Iterator[BlockWriter]:
    """A file that is there once the block has ended without an error."""
    writer = _WRITERS[_format(path)]
    with complete(path) as partial:
        opened = writer(partial, path)
        try:
            yield opened
        finally:
            opened.close()


def _format(path: Path) -> str:
    if path.suffix not in FORMATS:
        raise InputError(path, f"unknown kind of file; expected {', '.join(FORMATS)}")
    return path.suffix


def _csv_blocks(path: Path) -> Iterator[RowBlock]:
    header, separator = _header(path)
    bad: list[tuple[int | None, int]] = []

    def ragged(row: pacsv.InvalidRow) -> str:
        bad.append((row.number, row.actual_columns))
        return "error"

    first_row = 2
    places = [str(place) for place in range(len(header))]
    try:
        reader = pacsv.open_csv(
            path,
            read_options=pacsv.ReadOptions(
                use_threads=False, block_size=BLOCK, column_names=places, skip_rows_after_names=1
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=separator, newlines_in_values=True, invalid_row_handler=ragged
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(places, pa.string()), strings_can_be_null=False
            ),
        )
        for batch in reader:
            yield RowBlock(dict(zip(header, batch.columns, strict=True)), first_row)
            first_row += len(batch)
    except pa.ArrowException as error:
        if bad:
            row = bad[0][0]
            raise InputError(path, f"expected {len(header)} fields, got {bad[0][1]}", row=row) from None
        if "Empty CSV" not in str(error):
            raise InputError(path, f"not a table that can be read ({_first_line(error)})") from None
    if first_row == 2:
        yield RowBlock({name: pa.array([], pa.string()) for name in header}, first_row)


def _header(path: Path) -> tuple[list[str], str]:
    with path.open("rb") as file:
        line = file.readline(BLOCK).removeprefix(b"\xef\xbb\xbf")
    try:
        text = line.decode("utf-8").strip("\r\n")
    except UnicodeDecodeError:
        raise InputError(path, "is not UTF-8; save the file as UTF-8 (iconv -t UTF-8)", row=1) from None
    split = {each: next(csv.reader([text], delimiter=each), []) for each in SEPARATORS}
    separator = max(split, key=lambda each: len(split[each]))
    header = [name.strip() for name in split[separator]]
    if not header:
        raise InputError(path, "holds no header; expected one, and rows below it")
    if "" in header:
        raise InputError(path, f"column {header.index('') + 1} has no name; name it, or remove it", row=1)
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise InputError(path, f"column(s) {listed(twice)} stand there twice; keep one of each", row=1)
    return header, separator


def _jsonl_blocks(path: Path) -> Iterator[RowBlock]:
    """A row that lacks what another of its block has holds None there."""
    with path.open("rb") as file:
        numbered = ((number, line) for number, line in enumerate(file, 1) if line.strip())
        rows = (_object(path, number, line) for number, line in numbered)
        first_row = 1
        for head in rows:
            block = [head, *islice(rows, ROWS - 1)]
            names = list(dict.fromkeys(chain.from_iterable(block)))
            yield RowBlock({name: [row.get(name) for row in block] for name in names}, first_row)
            first_row += len(block)
    if first_row == 1:
        yield RowBlock({}, first_row)


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = parsed_json(path, line.decode("utf-8-sig"), row=number)
    except UnicodeDecodeError:
        raise InputError(path, "is not UTF-8; save the file as UTF-8 (iconv -t UTF-8)", row=number) from None
    if not isinstance(row, dict):
        raise InputError(path, f"expected one JSON object a line, got {shown(row)}", row=number)
    return row


def _parquet_blocks(path: Path) -> Iterator[RowBlock]:
    first_row = 1
    try:
        file = pq.ParquetFile(path)
        for batch in file.iter_batches(batch_size=ROWS, use_threads=False):
            yield RowBlock(dict(zip(batch.schema.names, batch.columns, strict=True)), first_row)
            first_row += len(batch)
        if first_row == 1:
            empty = file.schema_arrow.empty_table().combine_chunks()
            yield RowBlock({name: empty.column(name) for name in empty.column_names}, first_row)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            path, f"not a Parquet file that can be read ({_first_line(error)}); {DAMAGED}"
        ) from None


def _npz_blocks(path: Path) -> Iterator[RowBlock]:
    arrays = read_foreign_arrays(path, array_names(path))
    lengths = {name: array.shape[0] if array.ndim else 0 for name, array in arrays.items()}
    if len(set(lengths.values())) > 1 or any(not array.ndim for array in arrays.values()):
        raise InputError(path, f"expected arrays with a row each, all of one length; there are {lengths}")
    rows = next(iter(lengths.values()), 0)
    for start in range(0, max(rows, 1), ROWS):
        yield RowBlock({name: array[start : start + ROWS] for name, array in arrays.items()}, start + 1)


def is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def arrow(column: Any, path: Path, name: str) -> Any:
    """One column as Arrow has it; text where values are of several kinds. numpy of two axes and more: lists."""
    if isinstance(column, pa.Array | pa.ChunkedArray):
        return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if isinstance(column, np.ndarray):
        if column.ndim > 1:
            return pa.array(column.reshape(len(column), -1).tolist() if column.size else [])
        return pa.array(column.tolist(), pa.string()) if column.dtype.kind in "UST" else pa.array(column)
    try:
        return pa.array(column)
    except (pa.ArrowException, OverflowError):
        raise InputError(
            path, "holds values of several kinds; write JSON lines instead", field=name
        ) from None


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
                self._path, f"no CSV can hold this ({_first_line(error)}); write JSON lines"
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
                f"rows are of another kind than the first ones ({_first_line(error)}); write JSON lines",
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


_READERS = {
    ".csv": _csv_blocks, ".tsv": _csv_blocks, ".jsonl": _jsonl_blocks, ".parquet": _parquet_blocks, ".npz": _npz_blocks,
}  # fmt: skip
_WRITERS: Mapping[str, Any] = {
    ".csv": _CsvWriter, ".tsv": _CsvWriter, ".jsonl": _JsonLinesWriter, ".parquet": _ParquetWriter, ".npz": _ArraysWriter,
}  # fmt: skip
