"""Mutations of CSV, separated by commas, semicolons or tabs."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.mutations import Change, Mutation, NotApplicable, brief, odd_text, places_outside

Rows = list[list[str]]


def _rows(path: Path) -> tuple[Rows, str]:
    text = path.read_text(encoding="utf-8-sig")
    header = text.split("\n", 1)[0]
    separator = max(",;\t", key=header.count)
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator)), separator


def _write(
    path: Path, rows: Rows, separator: str, end: str = "\n", encoding: str = "utf-8", quote: bool = False
) -> None:
    stream = io.StringIO(newline="")
    options: Any = {"quoting": csv.QUOTE_ALL if quote else csv.QUOTE_MINIMAL}
    csv.writer(stream, delimiter=separator, lineterminator=end, **options).writerows(rows)
    path.write_bytes(stream.getvalue().encode(encoding, "replace"))


def _place(rows: Rows, random: np.random.Generator) -> tuple[int, int]:
    if len(rows) < 2 or not rows[0]:
        raise NotApplicable
    return int(random.integers(1, len(rows))), int(random.integers(len(rows[0])))


def rows_shuffled(path: Path, random: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    _write(path, [rows[0], *(rows[1 + i] for i in random.permutation(len(rows) - 1))], separator)
    return Change("rows in another order", "same")


def columns_moved(path: Path, random: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    order = random.permutation(len(rows[0]))
    _write(path, [[row[i] for i in order] for row in rows], separator)
    return Change(f"columns in the order {order.tolist()}", "same")


def separator_changed(path: Path, random: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    other = str(random.choice([each for each in ",;\t" if each != separator]))
    _write(path, rows, other)
    return Change(f"separated by {other!r}", "same")


def quoted(path: Path, _: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    _write(path, rows, separator, quote=True)
    return Change("every field in quotes", "same")


def line_ends(path: Path, _: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    _write(path, rows, separator, end="\r\n")
    return Change("lines end with CRLF", "same")


def byte_order_mark(path: Path, _: np.random.Generator) -> Change:
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    return Change("a byte-order mark", "same")


def no_final_newline(path: Path, _: np.random.Generator) -> Change:
    path.write_bytes(path.read_bytes().rstrip(b"\r\n"))
    return Change("no newline at the end", "same")


def unused_column(path: Path, random: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    at = int(random.integers(len(rows[0]) + 1))
    extra = ["my_remark", *(odd_text(random).replace("\x00", "") for _ in rows[1:])]
    _write(path, [[*row[:at], extra[i], *row[at:]] for i, row in enumerate(rows)], separator)
    return Change(f"a column my_remark of odd texts at {at}", "same")


def rows_removed(path: Path, random: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    kept = [row for row in rows[1:] if random.random() < random.choice([0.5, 0.95])]
    _write(path, [rows[0], *kept], separator)
    return Change(f"{len(kept)} of {len(rows) - 1} rows", "subset", 0)


def cell(path: Path, random: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    row, column = _place(rows, random)
    rows[row][column] = value = odd_text(random)
    _write(path, rows, separator)
    return Change(f"row {row}, {rows[0][column]} = {brief(value)}", "damage", 1)


def cell_of_another_row(path: Path, random: np.random.Generator) -> Change:
    """Ids that are there twice, labels and values of a neighbour."""
    rows, separator = _rows(path)
    row, column = _place(rows, random)
    rows[row][column] = rows[int(random.integers(1, len(rows)))][column]
    _write(path, rows, separator)
    return Change(f"row {row}, {rows[0][column]} = {brief(rows[row][column])}", "damage", 1)


def cell_unquoted(path: Path, random: np.random.Generator) -> Change:
    """The odd value as somebody types it: no quotes around separators and newlines."""
    rows, separator = _rows(path)
    row, column = _place(rows, random)
    value = odd_text(random)
    rows[row][column] = "@@@"
    _write(path, rows, separator)
    path.write_bytes(path.read_bytes().replace(b"@@@", value.encode()))
    return Change(f"row {row}, {rows[0][column]} = {brief(value)}, unquoted", "damage", 3)


def bytes_in_a_cell(path: Path, random: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    row, column = _place(rows, random)
    rows[row][column] = "@@@"
    _write(path, rows, separator)
    wrong = [b"caf\xe9", b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\xaf", b"\x00" * 50][random.integers(5)]
    path.write_bytes(path.read_bytes().replace(b"@@@", wrong))
    return Change(f"row {row}, {rows[0][column]} = {wrong!r}", "damage", 1)


def path_outside(path: Path, random: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    row, column = _place(rows, random)
    rows[row][column] = value = places_outside(rows[row][column], path, random)
    _write(path, rows, separator)
    return Change(f"row {row}, {rows[0][column]} = {value}", "refused")


def column_filled(path: Path, random: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    _, column = _place(rows, random)
    value = odd_text(random)
    for row in rows[1:]:
        row[column] = value[:1000]
    _write(path, rows, separator)
    return Change(f"all of {rows[0][column]} = {brief(value)}", "damage")


def column_dropped(path: Path, random: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    _, column = _place(rows, random)
    name = rows[0][column]
    _write(path, [[*row[:column], *row[column + 1 :]] for row in rows], separator)
    return Change(f"no column {name}", "damage")


def header_changed(path: Path, random: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    _, column = _place(rows, random)
    name = rows[0][column]
    rows[0][column] = value = str(random.choice([*rows[0], odd_text(random)]))
    _write(path, rows, separator)
    return Change(f"header {name} = {brief(value)}", "damage")


def column_twice(path: Path, random: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    _, column = _place(rows, random)
    other = random.permutation(len(rows) - 1)
    doubled = [[*row, rows[1 + other[i - 1]][column] if i else row[column]] for i, row in enumerate(rows)]
    _write(path, doubled, separator)
    return Change(f"column {rows[0][column]} twice, shuffled", "refused")


def row_twice(path: Path, random: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    row, _ = _place(rows, random)
    rows.insert(int(random.integers(1, len(rows) + 1)), list(rows[row]))
    _write(path, rows, separator)
    return Change(f"row {row} twice", "damage", 2)


def ragged(path: Path, random: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    row, _ = _place(rows, random)
    rows[row] = [rows[row][:-1], [*rows[row], "x"], [], rows[row] * 2][random.integers(4)]
    _write(path, rows, separator)
    return Change(f"row {row} has {len(rows[row])} fields", "damage", 1)


def header_alone(path: Path, random: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    _write(path, [rows[:1], rows[1:], [], rows[:2]][random.integers(4)], separator)
    return Change("the header alone, no header, nothing, or one row", "damage")


def many_columns(path: Path, random: np.random.Generator) -> Change:
    rows, separator = _rows(path)
    extra = [[f"c{i}" for i in range(3000)], *[["0"] * 3000] * (len(rows) - 1)]
    _write(path, [[*row, *more] for row, more in zip(rows, extra, strict=True)], separator)
    return Change("3000 columns more", "damage")


def encoding_changed(path: Path, random: np.random.Generator) -> Change:
    encoding = str(random.choice(["utf-16", "utf-32", "utf-16-le", "cp037"]))
    path.write_bytes(path.read_bytes().decode().encode(encoding, "replace"))
    return Change(f"written as {encoding}", "damage")


CSV: dict[str, Mutation] = {
    "rows shuffled": rows_shuffled,
    "columns moved": columns_moved,
    "separator": separator_changed,
    "quoted": quoted,
    "CRLF": line_ends,
    "BOM": byte_order_mark,
    "no final newline": no_final_newline,
    "unused column": unused_column,
    "rows removed": rows_removed,
    "cell": cell,
    "cell, once more": cell,
    "cell, and again": cell,
    "cell of another row": cell_of_another_row,
    "cell unquoted": cell_unquoted,
    "bytes in a cell": bytes_in_a_cell,
    "path outside": path_outside,
    "column filled": column_filled,
    "column dropped": column_dropped,
    "header": header_changed,
    "column twice": column_twice,
    "row twice": row_twice,
    "ragged": ragged,
    "header alone": header_alone,
    "many columns": many_columns,
    "encoding": encoding_changed,
}
