"""An experiment's table and decision as a terminal shows them, and how they moved since an earlier commit.

Which columns a terminal has room for is stated beside the table: `tasks/<experiment>/comparison/view.json`.
"""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from flows.published.cells import CellChange, changed_cells, read_rows, rows_of
from tasks.report.figures import printable

WIDTH = 110
NO_CHANGE = 1e-9  # relative
LISTED = 20
STATED = Path(__file__).parents[2] / "tasks"


class NoResults(RuntimeError):
    pass


@dataclass(frozen=True)
class Column:
    """interval: the columns of its ends. if_infinite: the column that says why a value is. exact: every digit counts."""

    title: str
    value: str
    interval: Sequence[str] = ()
    if_infinite: str | None = None
    exact: bool = False

    def cell(self, row: Mapping[str, str]) -> str:
        if self.if_infinite and row[self.value] == "inf":
            return row[self.if_infinite]
        text = number(row[self.value]) if self.interval else short(row[self.value])
        text = row[self.value] if self.exact else text
        ends = [number(row[name]) for name in self.interval]
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
class View:
    """The first column names a group of rows and is printed once for each. hidden: column -> value of rows that only
    the file shows."""

    columns: Sequence[Column]
    hidden: Mapping[str, str]
    runs: RunsFile | None = None


def view_of(root: Path, experiment: str) -> View | None:
    """As stated beside the table, or where a table has one of its own, in results/."""
    own, usual = (
        root / "results" / experiment / "view.json",
        STATED / experiment / "comparison" / "view.json",
    )
    path = own if own.exists() else usual
    if not path.exists():
        return None
    stated = json.loads(path.read_text(encoding="utf-8"))
    runs = RunsFile(**stated["runs"]) if "runs" in stated else None
    return View([Column(**each) for each in stated["columns"]], stated.get("hidden", {}), runs)


def results(root: Path, experiment: str) -> RenderableType:
    table_csv, decision_json = _file(root, experiment, "table.csv"), _file(root, experiment, "decision.json")
    with table_csv.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    decision = json.loads(decision_json.read_text())
    if "action" not in decision:
        raise NoResults(
            f"{decision_json.relative_to(root)} is of an older version: `python -m flows.reproduce {experiment}` makes it anew"
        )
    view = _checked(root, experiment, rows) or _first_that_fit(rows)
    shown = [row for row in rows if not any(row[name] == value for name, value in view.hidden.items())]
    return Group(table(shown, view.columns), Text(), decision_text(decision))


def _file(root: Path, experiment: str, name: str) -> Path:
    path = root / "results" / experiment / name
    if not path.exists():
        raise NoResults(
            f"{path.relative_to(root)} is missing: `python -m flows.reproduce {experiment}` makes it"
        )
    return path


def _checked(root: Path, experiment: str, rows: list[dict[str, str]]) -> View | None:
    view = view_of(root, experiment)
    wanted = [name for column in view.columns for name in column.needs] if view else []
    if missing := [name for name in wanted if rows and name not in rows[0]]:
        raise NoResults(
            f"results/{experiment}/table.csv has no column {', '.join(missing)} "
            f"(tasks/{experiment}/comparison/view.json asks for it)"
        )
    return view


def _first_that_fit(rows: list[dict[str, str]]) -> View:
    present = list(rows[0]) if rows else []
    widths = {name: max(len(name), *(len(short(row[name])) for row in rows)) + 2 for name in present}
    fitting = [
        name for i, name in enumerate(present) if sum(widths[each] for each in present[: i + 1]) <= WIDTH
    ]
    return View([Column(name, name) for name in fitting], {})


def table(rows: Iterable[Mapping[str, str]], columns: Sequence[Column]) -> Table:
    """A group's name stands in its first row only."""
    shown = Table(*(column.title for column in columns), box=None, header_style="bold", pad_edge=False)
    last = None
    for row in rows:
        first, *others = (escape(printable(column.cell(row))) for column in columns)
        shown.add_row("" if first == last else f"[bold]{first}[/]", *others)
        last = first
    return shown


def decision_text(decision: Mapping[str, Any]) -> RenderableType:
    lines = [
        Text.assemble((f"{key:8}", "bold"), printable(text))
        for key, text in {
            "do": decision["action"],
            "grade": decision["grade"],
            "chosen": chosen_text(decision["chosen"]),
            "control": decision["control"],
        }.items()
    ]
    reasons = [
        Padding(Text(printable(f"- {reason['text']}")), (0, 0, 0, 2)) for reason in decision["reasons"]
    ]
    return Group(*lines, *reasons)


def chosen_text(chosen: str | Mapping[str, str]) -> str:
    """The chosen option, or those of each label or variant."""
    return (
        chosen if isinstance(chosen, str) else ", ".join(f"{name}: {each}" for name, each in chosen.items())
    )


# --- since an earlier commit --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Movement:
    """RunsFile of one group that both commits have: means before and now. beyond: how many moved by more than the floor."""

    group: tuple[str, ...]
    runs: int
    before: float
    now: float
    beyond: int
    new: int
    gone: int


def since(root: Path, rev: str, experiment: str) -> RenderableType:
    """RunsFile by group where the experiment has a file of runs; else the cells of its table that changed."""
    view = view_of(root, experiment)
    if view is None or view.runs is None:
        now = read_rows(_file(root, experiment, "table.csv"))
        before = rows_of(earlier(root, rev, f"results/{experiment}/table.csv"))
        return changes_text(changed_cells(before, now, NO_CHANGE), rev)
    runs = view.runs
    text = _file(root, experiment, runs.file).read_text(encoding="utf-8")
    evidence = json.loads(_file(root, experiment, "decision.json").read_text())["evidence"]
    floor: float | None = reduce(lambda value, name: value[name], runs.floor.split("."), evidence)
    found = movements(earlier(root, rev, f"results/{experiment}/{runs.file}"), text, runs, floor)
    return movement_table(found, runs.group, floor)


def movements(old: str, new: str, runs: RunsFile, floor: float | None) -> list[Movement]:
    """old, new: the text of two files of runs, which are the same where their ids are. floor: None: not known."""
    before, now = _scores(old, runs), _scores(new, runs)
    found = []
    for group in dict.fromkeys(key[:-1] for key in (*now, *before)):
        here = {key: value for key, value in now.items() if key[:-1] == group}
        there = {key: value for key, value in before.items() if key[:-1] == group}
        both = [key for key in here if key in there]
        beyond = sum(abs(here[key] - there[key]) > floor for key in both) if floor is not None else 0
        was, is_now = (_mean(values[key] for key in both) for values in (there, here))
        found.append(
            Movement(group, len(both), was, is_now, beyond, len(here) - len(both), len(there) - len(both))
        )
    return found


def _scores(text: str, runs: RunsFile) -> Mapping[tuple[str, ...], float]:
    """(group..., id) -> score; runs that failed have none."""
    rows = csv.DictReader(io.StringIO(text))
    names = (*runs.group, runs.id)
    return {tuple(row[name] for name in names): float(row[runs.score]) for row in rows if row[runs.score]}


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed) if listed else float("nan")


def movement_table(rows: Iterable[Movement], group: Sequence[str], floor: float | None) -> Table:
    limit = "beyond the floor" if floor is None else f"beyond {100 * floor:.1f} points"
    columns = (*group, "runs in both", "before", "now", "change", limit, "new", "gone")
    shown = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        figures = (f"{row.before:.3f}", f"{row.now:.3f}", f"{100 * (row.now - row.before):+.2f}")
        counts = ["" if floor is None else str(row.beyond), str(row.new), str(row.gone)]
        shown.add_row(
            *(escape(printable(name)) for name in row.group),
            str(row.runs),
            *(figures if row.runs else [""] * 3),
            *counts,
        )
    return shown


def changes_text(changes: Sequence[CellChange], rev: str) -> Text:
    lines = [
        f"{len(changes)} cells of the table differ from {rev}",
        *(printable(str(each)) for each in changes[:LISTED]),
    ]
    more = [f"and {len(changes) - LISTED} more"] if len(changes) > LISTED else []
    return Text("\n".join([*lines, *more]))


def earlier(root: Path, rev: str, path: str) -> str:
    done = subprocess.run(
        ["git", "show", f"{rev}:./{path}"], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NoResults(f"{rev} has no {path}: {done.stderr.strip()}")
    return done.stdout


# --- cells --------------------------------------------------------------------------------------------------------


def number(text: str) -> str:
    """Three decimals, whatever the size, so that columns line up; empty stays empty."""
    return f"{float(text):.3f}" if text else ""


def short(text: str) -> str:
    """Three decimals, or three significant digits where these would hide the value."""
    try:
        number = float(text)
    except ValueError:
        return text
    if text.lstrip("+-").isdigit() or number != number or abs(number) == float("inf"):
        return text
    return f"{number:.3g}" if 0 < abs(number) < 0.01 else f"{number:.3f}"


def console() -> Console:
    """Piped output has no width of its own."""
    width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "120"))
    return Console(highlight=False, width=width)
