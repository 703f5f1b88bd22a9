"""Runs that were trained and scored elsewhere: a table with a row for each, as a tracker exports it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from storage.files.documents import read_json, write_json
from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.import_report import EXAMPLES, ImportReport
from storage.files.inputs import InputError, shown

Scale = Literal["share", "percent", "raw"]
Floats = NDArray[np.float64]
WHOLE = re.compile(r"(-?\d+)\.0+")
LARGEST: Mapping[Scale, float] = {"share": 1.0, "percent": 100.0, "raw": np.inf}
HUGE = 1e12  # what a score is as good as infinite from


@dataclass(frozen=True)
class FinishedRun:
    """cell, luck: columns by name. luck and seed: whose first weights and batches it had. validation: None where the
    table has no such score. Percentages are shares here."""

    profile: str
    cell: dict[str, str]
    luck: dict[str, str]
    seed: str
    validation: float | None
    test: float

    @property
    def place(self) -> tuple[tuple[str, ...], str]:
        return tuple(self.cell.values()), self.seed

    @property
    def unit(self) -> tuple[str, ...]:
        return *self.luck.values(), self.seed


@dataclass(frozen=True)
class FinishedSweep:
    better: Literal["higher", "lower"]
    scale: Scale
    runs: list[FinishedRun]


def write_finished_runs(path: Path, tables: Mapping[str, FinishedSweep]) -> None:
    write_json(
        path,
        {
            name: {"better": each.better, "scale": each.scale, "runs": [vars(run) for run in each.runs]}
            for name, each in tables.items()
        },
    )


def read_finished_runs(path: Path) -> dict[str, FinishedSweep]:
    return {
        name: FinishedSweep(each["better"], each["scale"], [FinishedRun(**run) for run in each["runs"]])
        for name, each in read_json(path).items()
    }


def read_run_table(
    path: Path, profile: str, cell: Sequence[str], luck: Sequence[str], seed: str | None, validation: str | None,
    test: str, scale: Scale, report: ImportReport,
) -> list[FinishedRun]:  # fmt: skip
    """The columns by their names. Runs without a score are dropped (counted), and so are rows that say the same again.

    Raises InputError for scores that are not of the scale, for a run that stands there twice with other scores, and for
    rows without a profile or a seed.
    """
    table = read_foreign_table(path)
    scores = [name for name in (validation, test) if name is not None]
    named = [profile, *cell, *([seed] if seed is not None else []), *scores]
    table.require(list(dict.fromkeys(named)), "those that params.yaml names under columns")
    values = {name: table.numbers(name) for name in scores}
    whole = np.asarray((np.abs(np.stack(list(values.values()))) < HUGE).all(axis=0))
    _drop_unscored(table, profile, ~whole, report)
    for name, column in values.items():
        _check_scale(table, name, column, whole, scale)
    texts = {
        name: _names(table, name, whole, name in (profile, seed)) for name in named if name not in values
    }
    divisor = 100.0 if scale == "percent" else 1.0
    runs = [
        (
            place,
            FinishedRun(
                texts[profile][place], {name: texts[name][place] for name in cell},
                {name: texts[name][place] for name in luck}, texts[seed][place] if seed is not None else "",
                float(values[validation][place]) / divisor if validation is not None else None,
                float(values[test][place]) / divisor,
            ),
        )
        for place in np.flatnonzero(whole).tolist()
    ]  # fmt: skip
    return _once(table, profile, runs, report)


def _drop_unscored(
    table: ForeignTable, profile: str, failed: NDArray[np.bool_], report: ImportReport
) -> None:
    names = table.text(profile)
    places = np.flatnonzero(failed).tolist()
    rows = [f"row {table.row(place)} {shown(names.iloc[place])}" for place in places[:EXAMPLES]]
    report.drop(table.path, "run without a score, which failed", len(places), rows)
    if failed.all():
        raise InputError(table.path, "no row has its scores; expected at least one run that ended")


def _check_scale(
    table: ForeignTable, name: str, column: Floats, whole: NDArray[np.bool_], scale: Scale
) -> None:
    off = whole & ((column < 0) | (column > LARGEST[scale]))
    if scale != "raw" and off.any():
        place = int(np.flatnonzero(off)[0])
        advice = "set scale to percent" if scale == "share" else "mend it"
        raise InputError(
            table.path,
            f"expected a score from 0 to {LARGEST[scale]:g}, got {column[place]:g} ({int(off.sum())} row(s) in all); "
            f"{advice}, or to raw for a score without bounds",
            row=table.row(place), field=name,
        )  # fmt: skip
    if scale == "percent" and 0 < float(np.abs(column[whole]).max()) <= 1:
        raise InputError(
            table.path,
            f"expected percentages, but none is above {column[whole].max():g}; set scale to share if these are shares",
            field=name,
        )


def _names(table: ForeignTable, name: str, whole: NDArray[np.bool_], needed: bool) -> list[str]:
    """Texts, 42.0 as 42."""
    texts = [text.strip() for text in table.text(name)]
    names = [number[1] if (number := WHOLE.fullmatch(text)) else text for text in texts]
    if needed and (empty := [place for place in np.flatnonzero(whole).tolist() if not names[place]]):
        raise InputError(
            table.path, f"there is none ({len(empty)} row(s) in all); fill it in, or leave the row out",
            row=table.row(empty[0]), field=name,
        )  # fmt: skip
    return names


def _once(
    table: ForeignTable, profile: str, runs: Sequence[tuple[int, FinishedRun]], report: ImportReport
) -> list[FinishedRun]:
    first: dict[Any, tuple[int, FinishedRun]] = {}
    for place, run in runs:
        earlier, same = first.setdefault((run.profile, run.place), (place, run))
        if same != run:
            cell = ", ".join(f"{name} {value}" for name, value in run.cell.items()) or "its only cell"
            raise InputError(
                table.path,
                f"{shown(run.profile)} in {cell}, seed {run.seed or 'none'} was row {table.row(earlier)} already, with "
                f"other scores ({same.test:g} and {run.test:g}); name the column that tells them apart under "
                "columns.cell, or leave one out",
                row=table.row(place), field=profile,
            )  # fmt: skip
        if earlier != place:
            report.drop(table.path, "run that stands there twice", 1, [f"row {table.row(place)}"])
    return [run for _, run in first.values()]
