"""What people see first of an experiment's table: the columns that matter, and the chart of its options.

Stated as data beside the table, `tasks/<experiment>/comparison/view.json`; results with a table of their own bring one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from storage.files.documents import read_json

Row = Mapping[str, str]
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Column:
    """interval: the columns of its ends. if_infinite: the column that says why a value is. exact: every digit counts.
    brief: what a narrow table has of it, the whole cell, its value alone, or nothing."""

    title: str
    value: str
    interval: Sequence[str] = ()
    if_infinite: str | None = None
    exact: bool = False
    brief: Literal["whole", "value", "no"] = "whole"

    def cell(self, row: Row, narrow: bool = False) -> str:
        if self.if_infinite and row[self.value] == "inf":
            return row[self.if_infinite]
        text = number(row[self.value]) if self.interval else short(row[self.value])
        text = row[self.value] if self.exact else text
        if narrow and self.brief == "value":
            return text
        ends = [number(row[name], 2 if narrow else 3) for name in self.interval]
        return f"{text} [{', '.join(ends)}]" if text and any(ends) else text

    @property
    def needs(self) -> list[str]:
        return [name for name in (self.value, *self.interval, self.if_infinite) if name]


@dataclass(frozen=True)
class RunsFile:
    """The file with a row a run: what groups them, what a run is called, its score, and where decision.json has how
    far two equal runs may lie apart."""

    file: str
    group: Sequence[str]
    id: str
    score: str
    floor: str


@dataclass(frozen=True)
class Figure:
    """One axis of the chart. reference: a column with each row's own mark (its budget), or one for all: a number, or where
    decision.json has it, `evidence. ...`; named: what that mark is. percent: shares are shown as such."""

    title: str
    value: str
    interval: Sequence[str]
    reference: str | float | None = None
    named: str = ""
    percent: bool = False


@dataclass(frozen=True)
class Chart:
    """Rows named by a column, in panels by another. without: column -> values of rows that it leaves out. ends_at: where
    the name of an option ends in `chosen` and `control` of decision.json."""

    row: str
    figures: Sequence[Figure]
    panel: str | None = None
    without: Mapping[str, Sequence[str]] | None = None
    ends_at: str | None = None

    def panel_of(self, row: Row) -> str:
        return row[self.panel] if self.panel else ""

    def role(self, row: Row, decision: Mapping[str, Any]) -> str:
        """What a row is to the decision: chosen, control, kept (the control, which was chosen), or nothing."""
        chosen = decision["chosen"]
        names = {
            "chosen": chosen.get(self.panel_of(row), "") if isinstance(chosen, Mapping) else chosen,
            "control": decision["control"],
        }
        roles = [
            role
            for role, name in names.items()
            if row[self.row] == (name.split(self.ends_at)[0] if self.ends_at else name)
        ]
        return "kept" if len(roles) == 2 else "".join(roles)


@dataclass(frozen=True)
class View:
    """The first column names a group of rows and is printed once for each. hidden: column -> value of rows that only
    the file shows."""

    columns: Sequence[Column]
    hidden: Mapping[str, str]
    runs: RunsFile | None = None
    chart: Chart | None = None

    @property
    def needs(self) -> list[str]:
        return [name for column in self.columns for name in column.needs]

    def role(self, row: Row, decision: Mapping[str, Any]) -> str:
        """As its chart has it; nothing without one."""
        return self.chart.role(row, decision) if self.chart else ""

    def shown(self, rows: Sequence[Row]) -> list[Row]:
        return [row for row in rows if not any(row[name] == value for name, value in self.hidden.items())]


def view_of(results: Path, stated: Path) -> View | None:
    """results: the experiment's folder of them; stated: the file beside its table, relative to the repository."""
    own = results / "view.json"
    path = own if own.exists() else ROOT / stated
    return parsed(read_json(path)) if path.exists() else None


def parsed(document: Mapping[str, Any]) -> View:
    runs = RunsFile(**document["runs"]) if "runs" in document else None
    chart = None
    if "chart" in document:
        figures = [Figure(**each) for each in document["chart"]["figures"]]
        chart = Chart(**document["chart"] | {"figures": figures})
    return View([Column(**each) for each in document["columns"]], document.get("hidden", {}), runs, chart)


def number(text: str, digits: int = 3) -> str:
    """As many decimals, whatever the size, so that columns line up; empty stays empty."""
    return f"{float(text):.{digits}f}" if text else ""


def short(text: str) -> str:
    """Three decimals, or three significant digits where these would hide the value."""
    try:
        value = float(text)
    except ValueError:
        return text
    if text.lstrip("+-").isdigit() or value != value or abs(value) == float("inf"):
        return text
    return f"{value:.3g}" if 0 < abs(value) < 0.01 else f"{value:.3f}"
