"""An experiment's table and decision as a terminal shows them, and how they moved since an earlier commit.

Which columns a terminal has room for is stated beside the table (`tasks.report.view`).
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
from tasks.report.verdict import verdict
from tasks.report.view import Column, Row, RunsFile, View, short, view_of

WIDTH, NARROW = 110, 80
MOST = 5  # reasons that a person reads before the table
NO_CHANGE = 1e-9  # relative
LISTED = 20
MARKS = {"chosen": ">", "control": "=", "kept": ">"}
LEGEND = "> what was chosen, = the control that it is measured against"


class NoResults(RuntimeError):
    pass


def results(root: Path, experiment: str, full: bool = False) -> RenderableType:
    """What to do first, why, then the table: within 80 columns, or in full."""
    table_csv, decision_json = _file(root, experiment, "table.csv"), _file(root, experiment, "decision.json")
    with table_csv.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    decision = json.loads(decision_json.read_text())
    if "action" not in decision:
        raise NoResults(
            f"{decision_json.relative_to(root)} is of an older version: `python -m flows.reproduce {experiment}` makes it anew"
        )
    view = _checked(root, experiment, rows) or _first_that_fit(rows, (WIDTH if full else NARROW) - 3)
    columns = [each for each in view.columns if full or each.brief != "no"]
    shown = view.shown(rows)
    marks = [MARKS.get(view.role(row, decision), "") for row in shown]
    legend = [Text(LEGEND, style="dim")] if any(marks) else []
    text = decision_text(decision, None if full else MOST)
    return Group(text, Text(), table(shown, columns, marks, not full), *legend)


def _file(root: Path, experiment: str, name: str) -> Path:
    path = root / "results" / experiment / name
    if not path.exists():
        raise NoResults(
            f"{path.relative_to(root)} is missing: `python -m flows.reproduce {experiment}` makes it"
        )
    return path


def _checked(root: Path, experiment: str, rows: list[dict[str, str]]) -> View | None:
    view = _view(root, experiment)
    wanted = view.needs if view else []
    if missing := [name for name in wanted if rows and name not in rows[0]]:
        raise NoResults(
            f"results/{experiment}/table.csv has no column {', '.join(missing)} "
            f"(tasks/{experiment}/comparison/view.json asks for it)"
        )
    return view


def _view(root: Path, experiment: str) -> View | None:
    return view_of(root / "results" / experiment, Path("tasks", experiment, "comparison", "view.json"))


def _first_that_fit(rows: list[dict[str, str]], width: int) -> View:
    present = list(rows[0]) if rows else []
    widths = {name: max(len(name), *(len(short(row[name])) for row in rows)) + 2 for name in present}
    fitting = [
        name for i, name in enumerate(present) if sum(widths[each] for each in present[: i + 1]) <= width
    ]
    return View([Column(name, name) for name in fitting], {})


def table(
    rows: Sequence[Row], columns: Sequence[Column], marks: Sequence[str], narrow: bool = False
) -> Table:
    """A group's name stands in its first row only. marks: what stands before each row, or nothing."""
    titles = [column.title for column in columns]
    shown = Table("", *titles, box=None, header_style="bold", pad_edge=False)
    last = None
    for row, mark in zip(rows, marks, strict=True):
        first, *others = (escape(printable(column.cell(row, narrow))) for column in columns)
        shown.add_row(mark, "" if first == last else f"[bold]{first}[/]", *others)
        last = first
    if narrow and shown.__rich_measure__(wide := Console(width=1000), wide.options).maximum > NARROW:
        shown.padding = (0, 1, 0, 0)
    return shown


def decision_text(decision: Mapping[str, Any], most: int | None = None) -> RenderableType:
    """The headline, the grade, and as many reasons."""
    said = verdict(decision)
    lines = [Text(printable(said.headline), style="bold"), Text(printable(f"Graded: {said.grade}."))]
    reasons = [*said.reasons, *said.better]
    bullets = [Padding(Text(printable(f"- {each}")), (0, 0, 0, 2)) for each in reasons[:most]]
    left = len(reasons[most:]) if most is not None else 0
    more = [Text(f"  and {left} more: `--full`, or the page", style="dim")] if left else []
    if most is None:
        names = {"chosen": chosen_text(decision["chosen"]), "control": decision["control"]}
        lines += [Text.assemble((f"{key:8}", "bold"), printable(name)) for key, name in names.items()]
    return Group(*lines, *bullets, *more)


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
    view = _view(root, experiment)
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


def console() -> Console:
    """Piped output has no width of its own."""
    width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "120"))
    return Console(highlight=False, width=width)
