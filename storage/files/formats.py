"""What the columns of a stranger's file are: CSV, JSON lines and Parquet, bounded before they are unpacked."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from storage.files.documents import parsed_json
from storage.files.inputs import NOT_UTF8, InputError, first_line, shown
from storage.files.lines import Lines, row_lines

KINDS = (".csv", ".tsv", ".txt", ".jsonl", ".parquet", ".gz")
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
UNNAMED_INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls the index of a frame in a Parquet file
EXPANSION, ALWAYS = 40, 64 << 20  # a compressed file may grow by this factor, and to this size in any case
BLOCK = 16 << 20  # the longest row of a CSV, in bytes
DAMAGED = "it is damaged or cut short: write it again"


# Columns; the line on which each row begins, of a binary file None; what the file was read as.
Contents = tuple[pd.DataFrame, Lines | None, str]


def read_contents(path: Path, columns: Sequence[str] | None) -> Contents:
    kinds = [suffix for suffix in path.suffixes if suffix in KINDS]
    if kinds[-1:] == [".parquet"]:
        return _parquet(path, columns)
    packed = kinds[-1:] == [".gz"]
    kinds = kinds[:-1] if packed else kinds
    if not kinds or kinds[-1] == ".parquet":
        raise InputError(
            path, "unknown kind of file; expected .csv, .tsv, .jsonl (each also with .gz) or .parquet"
        )
    data = _expanded(path) if packed else path.read_bytes()
    _check_utf8(path, data)
    return _jsonl(path, data) if kinds[-1] == ".jsonl" else _csv(path, data.removeprefix(b"\xef\xbb\xbf"))


def _csv(path: Path, data: bytes) -> Contents:
    first = data[:BLOCK].splitlines()[:1]
    if not first:
        raise InputError(path, "holds no rows; expected a header and at least one row")
    header_text = first[0].decode("utf-8")
    split = {separator: next(csv.reader([header_text], delimiter=separator), []) for separator in SEPARATORS}
    separator = max(split, key=lambda each: len(split[each]))
    header = [name.strip() for name in split[separator]]
    _check_header(path, header)
    bad: list[tuple[int | None, int]] = []

    def ragged(row: pacsv.InvalidRow) -> str:
        bad.append((row.number, row.actual_columns))
        return "error"

    names = [str(place) for place in range(len(header))]
    if data.count(b'"') % 2:
        row = data[: data.rindex(b'"')].count(b"\n") + 1
        raise InputError(
            path,
            "a quotation mark is not closed; put a field that holds one in marks, and double it inside",
            row=row,
        )
    try:
        table = pacsv.read_csv(
            pa.BufferReader(data),
            read_options=pacsv.ReadOptions(
                use_threads=False, block_size=BLOCK, column_names=names, skip_rows_after_names=1
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=separator, newlines_in_values=True, invalid_row_handler=ragged
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowException as error:
        if bad:
            number, fields = bad[0]
            line = None if number is None else _lines(data, None)[number - 1]
            raise InputError(path, f"expected {len(header)} fields, got {fields}", row=line) from None
        raise InputError(path, f"not a table that can be read ({first_line(error)})") from None
    frame = pd.DataFrame({name: table.column(place).to_pandas() for place, name in enumerate(header)})
    lines = np.array(_lines(data, len(frame) + 1)[1:], np.int64)
    return (frame, lines, f"CSV separated by {SEPARATORS[separator]}")


def _lines(data: bytes, rows: int | None) -> Sequence[int]:
    """Of a CSV's header and rows, of which there are so many if that is known."""
    plain = range(1, (rows or data.count(b"\n") + 1) + 1)
    if data.count(b"\n") + (data[-1:] != b"\n") == rows:
        return plain
    found = list(row_lines(io.BytesIO(data), quoted=True))
    return found if rows in (None, len(found)) else plain  # a quotation mark amid a field ends none


def _jsonl(path: Path, data: bytes) -> Contents:
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    for number, line in enumerate(io.BytesIO(data), 1):
        if line.strip():
            row = parsed_json(path, line.decode("utf-8-sig"), row=number)
            if not isinstance(row, dict):
                raise InputError(path, f"expected one JSON object a line, got {shown(row)}", row=number)
            rows.append(row)
            lines.append(number)
    names = list(dict.fromkeys(name for row in rows for name in row))
    frame = pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in names})
    return (frame, np.array(lines, np.int64), "JSON lines")


def _parquet(path: Path, columns: Sequence[str] | None) -> Contents:
    try:
        file = pq.ParquetFile(
            path, thrift_container_size_limit=10_000_000, thrift_string_size_limit=100_000_000
        )
        names = file.schema_arrow.names
        _check_header(path, names)
        wanted = [
            name
            for name in names
            if not UNNAMED_INDEX.fullmatch(name) and (columns is None or name in columns)
        ]
        _check_growth(path, sum(_column_bytes(file.metadata, name) for name in wanted))
        table = pa.Table.from_batches(
            file.iter_batches(columns=wanted, use_threads=False),
            pa.schema([file.schema_arrow.field(name) for name in wanted]),
        )
        table.validate(full=True)
        frame = pd.DataFrame(
            {name: table.column(name).to_pandas() for name in wanted}, index=pd.RangeIndex(len(table))
        )
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, MemoryError, KeyError) as error:
        raise InputError(
            path, f"not a Parquet file that can be read ({first_line(error)}); {DAMAGED}"
        ) from None
    return (frame, None, "Parquet")


def _column_bytes(metadata: Any, name: str) -> int:
    """What the file says that a column takes once it is unpacked."""
    total = 0
    for group in range(metadata.num_row_groups):
        part = metadata.row_group(group)
        for place in range(part.num_columns):
            column = part.column(place)
            if column.path_in_schema.split(".")[0] == name:
                total += max(column.total_uncompressed_size, 0)
    return total


def _check_growth(path: Path, size: int) -> None:
    if size > ALWAYS + EXPANSION * path.stat().st_size:
        raise InputError(
            path,
            f"unpacks to {size / 2**20:,.0f} MB, more than {EXPANSION} times its size; write it with less compression",
        )


def _expanded(path: Path) -> bytes:
    limit = ALWAYS + EXPANSION * path.stat().st_size
    try:
        with gzip.open(path) as file:
            data = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(path, f"not a gzip file that can be read ({first_line(error)}); {DAMAGED}") from None
    if len(data) > limit:
        _check_growth(path, len(data))
    return data


def _check_utf8(path: Path, data: bytes) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        raise InputError(path, f"byte {error.start} is {NOT_UTF8}", row=row) from None


def _check_header(path: Path, header: Sequence[str]) -> None:
    if "" in header:
        raise InputError(
            path, f"column {list(header).index('') + 1} has no name; name it, or remove it", row=1
        )
    if twice := sorted({name for name in header if list(header).count(name) > 1}):
        raise InputError(path, f"column(s) {listed(twice)} stand there twice; keep one of each", row=1)


def listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown(name)[1:-1] for name in names[:most]) + more
