"""The cells of two tables, compared by name."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Cell = str | int | float | None
Rows = Sequence[Mapping[str, Cell]]
KEY_COLUMNS = 3


@dataclass(frozen=True)
class CellChange:
    row: str
    column: str
    old: Cell
    new: Cell

    def __str__(self) -> str:
        return f"{self.row} {self.column}: {self.old} -> {self.new}"

    @property
    def by(self) -> str:
        """How far apart two numbers are, relative to the larger one; empty for anything else."""
        if not isinstance(self.old, int | float) or not isinstance(self.new, int | float):
            return ""
        largest = max(abs(self.old), abs(self.new))
        return f"{abs(self.new - self.old) / largest:.1e}" if largest else ""


def read_rows(path: Path) -> list[dict[str, Cell]]:
    return rows_of(path.read_text(encoding="utf-8"))


def rows_of(text: str) -> list[dict[str, Cell]]:
    """The rows of a CSV file's text."""
    lines = io.StringIO(text, newline="")
    return [{name: _value(text) for name, text in row.items()} for row in csv.DictReader(lines)]


def _value(text: str) -> Cell:
    """Numbers as numbers, so that the page sorts them; what JSON has no number for (inf, nan) stays text."""
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    return int(text) if text.lstrip("+-").isdigit() else number


def changed_cells(old: Rows, new: Rows, rel_tol: float) -> list[CellChange]:
    """Cells that differ beyond `rel_tol`; a row or column that only one of the tables has differs in all its cells."""
    keys = _key_columns(old, new)
    before, after = _by_name(old, keys), _by_name(new, keys)
    changes = []
    for row in [*after, *(name for name in before if name not in after)]:
        was, now = before.get(row, {}), after.get(row, {})
        for column in [*now, *(name for name in was if name not in now)]:
            if not _same(was.get(column), now.get(column), rel_tol):
                changes.append(CellChange(row, column, was.get(column), now.get(column)))
    return changes


def named_cells(table: Rows) -> dict[tuple[str, str], Cell]:
    """(row, column) -> cell, named as in `changed_cells`."""
    rows = _by_name(table, _key_columns(table))
    return {(name, column): value for name, row in rows.items() for column, value in row.items()}


def _key_columns(*tables: Rows) -> Sequence[str]:
    """The first columns that tell the rows apart, in both tables; none if the first few do not."""
    names = list(next((row for table in tables for row in table), {}))
    for width in range(1, min(KEY_COLUMNS, len(names)) + 1):
        if all(len(_by_name(table, names[:width])) == len(table) for table in tables):
            return names[:width]
    return ()


def _by_name(rows: Rows, keys: Sequence[str]) -> dict[str, Mapping[str, Cell]]:
    """Rows by what their key columns hold; by position where there are none."""
    if not keys:
        return {f"row {i + 1}": row for i, row in enumerate(rows)}
    return {" ".join(str(row[name]) for name in keys if name in row): row for row in rows}


def _same(old: Cell, new: Cell, rel_tol: float) -> bool:
    if isinstance(old, int | float) and isinstance(new, int | float):
        return math.isclose(old, new, rel_tol=rel_tol)
    return old == new
