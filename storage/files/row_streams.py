"""Tables that need not fit into memory: rows read and written a block at a time, CSV, JSON lines, Parquet or npz."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from storage.files.arrays import array_names, read_foreign_arrays
from storage.files.documents import parsed_json
from storage.files.formats import DAMAGED, SEPARATORS, listed
from storage.files.inputs import NOT_UTF8, InputError, first_line, shown
from storage.files.lines import Lines, row_lines

BLOCK = 8 << 20  # bytes of a CSV, and its longest row
ROWS = 1 << 16
FORMATS = (".csv", ".tsv", ".jsonl", ".parquet", ".npz")


@dataclass(frozen=True)
class RowBlock:
    """Columns by name, in the order of the file. first_row: the number of the first row, blank lines aside (found_rows)."""

    columns: Mapping[str, Any]
    first_row: int

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values()), ()))


def found_rows(path: Path, first: int, count: int) -> Lines:
    """As an editor counts, where blank lines and breaks within fields count too: of `count` rows from the `first`th of
    the file, a CSV's header included."""
    if path.suffix in (".csv", ".tsv", ".jsonl"):
        with path.open("rb") as file:
            lines = row_lines(file, quoted=path.suffix != ".jsonl")
            found = np.fromiter(islice(lines, first - 1, first - 1 + count), np.int64)
        if len(found) == count:
            return found
    return np.arange(first, first + count)


def row_blocks(path: Path) -> Iterator[RowBlock]:
    """At least one block, which may have no rows. Text of a CSV stays text. Raises InputError."""
    if not path.is_file():
        raise InputError(path, "no such file")
    return _READERS[known_format(path)](path)


def known_format(path: Path) -> str:
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
            number, fields = bad[0]
            row = None if number is None else int(found_rows(path, number, 1)[0])
            raise InputError(path, f"expected {len(header)} fields, got {fields}", row=row) from None
        if "Empty CSV" not in str(error):
            raise InputError(path, f"not a table that can be read ({first_line(error)})") from None
    if first_row == 2:
        yield RowBlock({name: pa.array([], pa.string()) for name in header}, first_row)


def _header(path: Path) -> tuple[list[str], str]:
    with path.open("rb") as file:
        line = file.readline(BLOCK).removeprefix(b"\xef\xbb\xbf")
    try:
        text = line.decode("utf-8").strip("\r\n")
    except UnicodeDecodeError:
        raise InputError(path, f"is {NOT_UTF8}", row=1) from None
    split = {each: next(csv.reader([text], delimiter=each), []) for each in SEPARATORS}
    separator = max(split, key=lambda each: len(split[each]))
    header = [name.strip() for name in split[separator]]
    if not header:
        raise InputError(path, "holds no header; expected one, and rows below it")
    _check_names(path, header, row=1)
    return header, separator


def _check_names(path: Path, names: list[str], row: int | None = None) -> None:
    if "" in names:
        raise InputError(path, f"column {names.index('') + 1} has no name; name it, or remove it", row=row)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(path, f"column(s) {listed(twice)} stand there twice; keep one of each", row=row)


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
        raise InputError(path, f"is {NOT_UTF8}", row=number) from None
    if not isinstance(row, dict):
        raise InputError(path, f"expected one JSON object a line, got {shown(row)}", row=number)
    return row


def _parquet_blocks(path: Path) -> Iterator[RowBlock]:
    first_row = 1
    try:
        file = pq.ParquetFile(path)
        _check_names(path, file.schema_arrow.names)
        for batch in file.iter_batches(batch_size=ROWS, use_threads=False):
            batch.validate(full=True)  # text that is no UTF-8
            yield RowBlock(dict(zip(batch.schema.names, batch.columns, strict=True)), first_row)
            first_row += len(batch)
        if first_row == 1:
            empty = file.schema_arrow.empty_table().combine_chunks()
            yield RowBlock({name: empty.column(name) for name in empty.column_names}, first_row)
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:  # names of columns that are no UTF-8
        raise InputError(
            path, f"not a Parquet file that can be read ({first_line(error)}); {DAMAGED}"
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


_READERS = {
    ".csv": _csv_blocks, ".tsv": _csv_blocks, ".jsonl": _jsonl_blocks, ".parquet": _parquet_blocks, ".npz": _npz_blocks,
}  # fmt: skip
