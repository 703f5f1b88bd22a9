"""The cells of two tables, compared by name."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Cell = str | int | float | None
Rows = Sequence[Mapping[str, Cell]]
ROW_NAMES = ("option", "label")


@dataclass(frozen=True)
class CellChange:
    row: str
    column: str
    old: Cell
    new: Cell

    def __str__(self) -> str:
        return f"{self.row} {self.column}: {self.old} -> {self.new}"


def read_rows(path: Path) -> list[dict[str, Cell]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: _value(text) for name, text in row.items()} for row in csv.DictReader(file)]


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
    before, after = _by_name(old), _by_name(new)
    changes = []
    for row in [*after, *(name for name in before if name not in after)]:
        was, now = before.get(row, {}), after.get(row, {})
        for column in [*now, *(name for name in was if name not in now)]:
            if not _same(was.get(column), now.get(column), rel_tol):
                changes.append(CellChange(row, column, was.get(column), now.get(column)))
    return changes


def _by_name(rows: Rows) -> dict[str, Mapping[str, Cell]]:
    """Rows by option and label; by position where these do not tell them apart."""
    named = {" ".join(str(row[name]) for name in ROW_NAMES if name in row): row for row in rows}
    return named if len(named) == len(rows) else {f"row {i + 1}": row for i, row in enumerate(rows)}


def _same(old: Cell, new: Cell, rel_tol: float) -> bool:
    if isinstance(old, int | float) and isinstance(new, int | float):
        return math.isclose(old, new, rel_tol=rel_tol)
    return old == new
