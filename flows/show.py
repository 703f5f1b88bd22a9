"""Tables and decisions for a terminal: `python -m flows.show [experiments...]`."""

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from flows.walk.asked import left_out

WIDTH = 110


@dataclass(frozen=True)
class Column:
    title: str
    value: str
    low: str | None = None  # the columns of its interval
    high: str | None = None
    if_infinite: str | None = None  # the column that says why

    def cell(self, row: Mapping[str, str]) -> str:
        if self.if_infinite and row[self.value] == "inf":
            return row[self.if_infinite]
        text = number(row[self.value]) if self.low else short(row[self.value])
        if self.low and self.high and text and row[self.low]:
            return f"{text} [{number(row[self.low])}, {number(row[self.high])}]"
        return text

    @property
    def needs(self) -> list[str]:
        return [name for name in (self.value, self.low, self.high, self.if_infinite) if name]


@dataclass(frozen=True)
class View:
    """What a terminal has room for. The first column names a group of rows and is printed once for each."""

    columns: tuple[Column, ...]
    hidden: Mapping[str, str]  # column -> value of rows that only the file shows


VIEWS: Mapping[str, View] = {
    "fpr_thresholds": View(
        (
            Column("option", "option"),
            Column("label", "label"),
            Column("threshold", "threshold", "threshold_low", "threshold_high", "status"),
            Column("recall", "recall", "recall_low", "recall_high"),
            Column("FPR", "fpr", "fpr_low", "fpr_high"),
            Column("target", "target"),
            Column("verdict", "verdict"),
        ),
        {"label": "macro"},
    ),
    "head_sweep": View(
        (
            Column("dataset", "dataset"),
            Column("profile", "profile"),
            Column("runs", "runs"),
            Column("macro F1 fg", "macro_f1_fg"),
            Column("against control", "delta", "delta_low", "delta_high"),
            Column("noise floor", "delta_floor"),
            Column("verdict", "verdict"),
            Column("ECE", "ece"),
        ),
        {},
    ),
    "hybrid_calibrator": View(
        (
            Column("variant", "variant"),
            Column("option", "option"),
            Column("P", "precision"),
            Column("R", "recall"),
            Column("F1", "f1", "f1_low", "f1_high"),
            Column("against control", "delta_f1", "delta_f1_low", "delta_f1_high"),
            Column("AP50", "ap50"),
            Column("log-loss", "log_loss"),
        ),
        {},
    ),
    "speech_temperature": View(
        (
            Column("option", "option"),
            Column("accuracy", "accuracy", "accuracy_low", "accuracy_high"),
            Column("AUC", "auc"),
            Column("NLL", "nll"),
            Column("ECE", "ece"),
            Column("ECE by chance, most", "ece_null_most"),
            Column("p, most", "ece_p_most"),
            Column("NLL - control", "delta_nll"),
            Column("verdict", "verdict"),
        ),
        {},
    ),
    "lens_shortcuts": View(
        (
            Column("variant", "variant"),
            Column("AUROC report", "auroc", "auroc_low", "auroc_high"),
            Column("reliance", "reliance", "reliance_low", "reliance_high"),
            Column("AUROC test", "test_auroc", "test_auroc_low", "test_auroc_high"),
            Column("against control", "test_delta", "test_delta_low", "test_delta_high"),
            Column("status", "status"),
        ),
        {},
    ),
}


class NoResults(RuntimeError):
    pass


def results(root: Path, experiment: str) -> RenderableType:
    folder = root / "results" / experiment
    for path in (folder / "table.csv", folder / "decision.json"):
        if not path.exists():
            raise NoResults(
                f"{path.relative_to(root)} is missing: `python -m flows.reproduce {experiment}` makes it"
            )
    with (folder / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    decision = json.loads((folder / "decision.json").read_text())
    view = _view(experiment, rows)
    shown = [row for row in rows if not any(row[name] == value for name, value in view.hidden.items())]
    return Group(table(shown, view.columns), Text(), decision_text(decision))


def _view(experiment: str, rows: list[dict[str, str]]) -> View:
    """The experiment's own view, or the first columns that fit."""
    present = list(rows[0]) if rows else []
    if experiment not in VIEWS:
        widths = {name: max(len(name), *(len(short(row[name])) for row in rows)) + 2 for name in present}
        fitting = [
            name for i, name in enumerate(present) if sum(widths[each] for each in present[: i + 1]) <= WIDTH
        ]
        return View(tuple(Column(name, name) for name in fitting), {})
    wanted = [name for column in VIEWS[experiment].columns for name in column.needs]
    if missing := [name for name in wanted if rows and name not in present]:
        raise NoResults(
            f"results/{experiment}/table.csv has no column {', '.join(missing)} (flows/show.py asks for it)"
        )
    return VIEWS[experiment]


def table(rows: Iterable[Mapping[str, str]], columns: Iterable[Column]) -> Table:
    """A group's name stands in its first row only."""
    columns = list(columns)
    shown = Table(*(column.title for column in columns), box=None, header_style="bold", pad_edge=False)
    last = None
    for row in rows:
        first, *others = (escape(column.cell(row)) for column in columns)
        shown.add_row("" if first == last else f"[bold]{first}[/]", *others)
        last = first
    return shown


def decision_text(decision: Mapping[str, Any]) -> RenderableType:
    lines = [
        Text.assemble(("chosen  ", "bold"), str(decision["chosen"])),
        Text.assemble(("control ", "bold"), str(decision["control"])),
        Text.assemble(("verdict ", "bold"), str(decision["verdict"])),
    ]
    reasons = [Padding(Text(f"- {reason}"), (0, 0, 0, 2)) for reason in decision["reasons"]]
    return Group(*lines, *reasons)


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


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m flows.show", description=__doc__)
    parser.add_argument(
        "experiments", nargs="*", help="if none is named, all that params.yaml has and that have results"
    )
    root = Path.cwd()
    wanted: list[str] = parser.parse_args(arguments).experiments
    try:
        there = sorted(
            folder.name for folder in (root / "results").glob("*/") if folder.name not in left_out(root)
        )
        for experiment in wanted or there:
            if len(wanted) != 1:
                console().print(f"\n[bold]{experiment}[/]\n")
            console().print(results(root, experiment))
    except NoResults as error:
        Console(stderr=True, soft_wrap=True).print(str(error), markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
