"""Cut rows out of images with class boxes, or take those of ready embeddings, and split them by group; or take finished
runs as they are."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from methods.splits.group_holdout import SPLITS, group_holdout, scarce, unlearnable
from methods.splits.joined_groups import joined_groups
from params.head_sweep import BoxCrops, FinishedRuns, Prepare, ReadyEmbeddings
from storage.detections.records import CORNERS
from storage.files.content import copies, row_digests
from storage.files.documents import write_json
from storage.files.import_report import EXAMPLES, ImportReport
from storage.files.inputs import InputError, shown
from storage.files.places import declared
from storage.files.tables import write_parquet
from storage.heads.embeddings import BACKGROUND, EmbeddingTable
from storage.heads.finished_runs import FinishedSweep, read_run_table, write_finished_runs
from storage.heads.foreign_embeddings import difference_from, read_embedding_file, rows_file
from tasks.head_sweep.model.crops import COLUMNS, DATASETS, crops, known_labels, note_copies


def main(params: Prepare, data: Path, rows: Path, prepared: Path, finished_runs: Path) -> None:
    tables: list[pd.DataFrame] = []
    finished: dict[str, FinishedSweep] = {}
    warnings: list[str] = []
    facts: dict[str, Any] = {}
    for name, dataset in params.datasets.items():
        report = ImportReport()
        if isinstance(dataset, FinishedRuns):
            finished[name] = _finished(dataset, data, report)
            facts[name], warnings = _run_counts(finished[name]), []
        else:
            table, warnings = _rows(dataset, params, data, report)
            facts[name] = {"splits": _counts(table), "classes": _class_counts(table)}
            tables.append(table.assign(dataset=name))
        sys.stdout.write(f"{name}:\n" + "".join(f"  {line}\n" for line in [*report.lines(), *warnings]))
        facts[name] = {
            "kind": dataset.kind, **facts[name], "importer": report.counts(), "warnings": warnings,
        }  # fmt: skip
    columns = ["dataset", "split", *COLUMNS]
    everything = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    write_parquet(rows, everything[columns])
    write_finished_runs(finished_runs, finished)
    write_json(prepared, facts)


def _rows(
    dataset: BoxCrops | ReadyEmbeddings, params: Prepare, data: Path, report: ImportReport
) -> tuple[pd.DataFrame, list[str]]:
    """Rows with their split, and what a person should know of their classes."""
    match dataset:
        case BoxCrops():
            place, table = data / dataset.images, crops(dataset, data, report)
        case ReadyEmbeddings():
            place, table = rows_file(data / dataset.files[0]), _ready(dataset, data, report)
    table["split"] = _split(place, table, params)
    table = _learnable(place, table, params, report)
    return table, _scarce(table, params.few_rows)


def _finished(dataset: FinishedRuns, data: Path, report: ImportReport) -> FinishedSweep:
    columns = dataset.columns.model_dump()
    path = declared(data, dataset.file, f"{DATASETS}.file")
    runs = read_run_table(path, **columns, scale=dataset.scale, report=report)
    if len(profiles := sorted({run.profile for run in runs})) < 2:
        raise InputError(
            path, f"expected runs of at least two profiles, found {shown(profiles)}",
            field=dataset.columns.profile,
        )  # fmt: skip
    return FinishedSweep(dataset.better, dataset.scale, runs)


def _run_counts(sweep: FinishedSweep) -> dict[str, Any]:
    return {
        "runs": len(sweep.runs),
        "profiles": dict(Counter(run.profile for run in sweep.runs)),
        "cells": len({run.place[0] for run in sweep.runs}),
        "seeds": len({run.seed for run in sweep.runs}),
    }


def _ready(params: ReadyEmbeddings, data: Path, report: ImportReport) -> pd.DataFrame:
    """The rows of the first file; every other has to have the same ones, in any order. Copies are one group."""
    first: EmbeddingTable | None = None
    contents: list[list[bytes]] = []
    for path in [declared(data, file, f"{DATASETS}.files") for file in params.files]:
        read = read_embedding_file(path)
        place = {name: row for row, name in enumerate(read.ids)}
        first = first or read
        _check_same_rows(rows_file(path), params.files[0], first, read)
        order = [place[name] for name in first.ids]
        moved = sum(here != there for there, here in enumerate(order))
        report.note(path, f"row in another order than in {params.files[0]}, aligned by its id", moved)
        digests = row_digests(read.values)
        contents.append([digests[row] for row in order])
    assert first is not None  # params: at least one file
    where = rows_file(data / params.files[0])
    if first.groups == first.ids:
        report.note(where, "row without a group, each is one of its own", len(first.ids))
    same = copies(list(zip(*contents, strict=True)))
    _check_copies(where, same, first)
    note_copies(where, same, first.ids, report)
    columns = {"id": first.ids, "group": joined_groups(first.groups, same), "label": first.labels}
    table = pd.DataFrame(columns)
    known_labels(where, table["label"], params.classes, drop=False)
    return table.assign(image="", **dict.fromkeys(CORNERS, np.nan))


def _check_same_rows(path: Path, file: str, first: EmbeddingTable, other: EmbeddingTable) -> None:
    if differs := difference_from(first, other):
        raise InputError(
            path,
            f"{len(differs)} row(s) differ from those of {file} in id, group or label, the first is {shown(differs[0])}; "
            "encoders of one dataset have the same rows",
            field="ids",
        )


def _check_copies(path: Path, same: list[list[int]], table: EmbeddingTable) -> None:
    """InputError for copies with two labels."""
    first = [(rows[0], row) for rows in same for row in rows if table.labels[row] != table.labels[rows[0]]]
    if first:
        one, other = first[0]
        raise InputError(
            path,
            f"{shown(table.ids[other])} is a copy of row {one + 1}, {shown(table.ids[one])}, but its label is "
            f"{shown(table.labels[other])} and not {shown(table.labels[one])} ({len(first)} such row(s) in all); mend the "
            "label, or leave one of them out",
            row=other + 1, field="label",
        )  # fmt: skip


def _split(path: Path, table: pd.DataFrame, params: Prepare) -> list[str]:
    assert params.split is not None  # params: where there are rows
    try:
        split = group_holdout(table["group"], params.split.test, params.split.validation, params.split.seed)
    except ValueError as error:
        raise InputError(path, str(error), field="group") from None
    return [str(part) for part in split]


def _learnable(path: Path, table: pd.DataFrame, params: Prepare, report: ImportReport) -> pd.DataFrame:
    """Without classes that cannot be learnt, where they are dropped; InputError where they are not, or too few are left."""
    foreground = table[table["label"] != BACKGROUND]
    columns = [foreground[name].tolist() for name in ("label", "group", "split")]
    why = unlearnable(*columns)
    if why and params.unlearnable == "refuse" and len(set(columns[0])) > 1:
        few = "; ".join(f"class {name!r}: {reason}" for name, reason in list(why.items())[:EXAMPLES])
        raise InputError(
            path,
            f"{few} ({len(why)} such class(es)); collect more, set prepare.unlearnable to drop, or change "
            "prepare.split.seed if its groups fell badly",
            field="label",
        )
    rows = Counter(columns[0])
    for name in why:
        report.drop(path, "row of a class with one group alone or no train row", rows[name], [shown(name)])
    kept = table[~table["label"].isin(why)].reset_index(drop=True)
    if (left := foreground["label"].nunique() - len(why)) < 2:
        raise InputError(path, f"expected at least two classes, found {left}", field="label")
    return kept


def _scarce(table: pd.DataFrame, few: int) -> list[str]:
    """A warning for each split with classes of which it has few rows, and for each with classes of which it has none."""
    foreground = table[table["label"] != BACKGROUND]
    found = scarce(foreground["label"].tolist(), foreground["split"].tolist(), few)
    found.sort(key=lambda each: each[2])
    warnings = []
    for part in SPLITS[1:]:
        own = {name: rows for split, name, rows in found if split == part}
        if none := [name for name, rows in own.items() if not rows]:
            warnings.append(
                f"warning: {part} has no row of {_listed(none)}: the macro F1 there leaves {len(none)} class(es) out"
            )
        if some := [f"{name} ({rows})" for name, rows in own.items() if rows]:
            warnings.append(
                f"warning: {part} has fewer than {few} rows of {len(some)} class(es), {_listed(some)}: their F1 there hangs "
                "on single rows"
            )
    return warnings


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:EXAMPLES]) + (", ..." if len(names) > EXAMPLES else "")


def _counts(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    counts = {}
    for part in SPLITS:
        of = table[table["split"] == part]
        background = int((of["label"] == BACKGROUND).sum())
        counts[part] = {
            "groups": of["group"].nunique(), "foreground": len(of) - background, "background": background,
        }  # fmt: skip
    return counts


def _class_counts(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Rows of each class in each split, the most frequent class first."""
    rows, total = Counter(zip(table["label"], table["split"], strict=True)), Counter(table["label"])
    return {
        name: {part: rows[name, part] for part in SPLITS}
        for name in sorted(total, key=lambda name: (-total[name], name))
    }
