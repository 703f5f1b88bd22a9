"""Logits, or probabilities, that a user's own model gave: rows of a table or arrays of an npz, of any classes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.files.arrays import read_foreign_arrays
from storage.files.content import row_digests
from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError, shown
from storage.speech.copies import joined_copies
from storage.speech.logit_values import (
    OTHER,
    Classes,
    Values,
    check_first_class,
    class_values,
    is_class_column,
    log_probabilities,
    row_labels,
)
from storage.speech.logits import logit_columns
from storage.speech.manifests import check_groups, condition, names, split_names

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

ALSO = {
    "clip": ("clip_id", "id", "ids", "clips"), "label": ("labels",), "group": ("groups",), "split": ("splits",),
    "seed": ("seeds",),
}  # fmt: skip
TELLING = 12  # significant digits of a row; another with the same ones is then a copy and no coincidence


@dataclass(frozen=True)
class LogitsFile:
    """What params.yaml says of the file. seeds: run -> seed of the file, None where the file is one run. columns: ours
    -> theirs."""

    labels: Classes
    holds: Values
    temperature: float
    columns: Mapping[str, str] | None
    conditions: Sequence[str]
    seeds: Mapping[int, int | str | None]
    with_split: bool


@dataclass(frozen=True)
class OwnLogits:
    """rows: clip, group, label (place in labels), split where the file brings one, conditions, seed (the run) and
    `logit_columns`, all runs with the same clips in the same order. grouped: whether the file names groups; if not,
    each clip is its own."""

    rows: pd.DataFrame
    labels: list[str]
    grouped: bool


def read_own_logits(path: Path, stated: LogitsFile, report: ImportReport) -> OwnLogits:
    """InputError for what is missing, no finite number, an unknown label, a group or a row's copy in two splits, a clip
    twice in one run or with other facts in another, and what was divided by a temperature (declared, or in a column).
    """
    file = _with_our_names(_file(path, stated), stated.columns)
    _check_temperature(file, stated.temperature)
    values, labels = class_values(file, stated.labels, stated.holds)
    places = row_labels(file, labels, stated.holds)
    check_first_class(file, values, labels, places)
    table = _described(file, places, stated, report)
    if stated.holds == "probabilities":
        values = log_probabilities(file, values, report)
    runs = _aligned(file, table, _runs(file, stated.seeds, report))
    first = next(iter(runs.values()))
    clips = joined_copies(
        path,
        table.iloc[first].reset_index(drop=True),
        [file.row(int(position)) for position in first],
        _contents(np.concatenate([values[places] for places in runs.values()], axis=1)),
        "logits",
        report,
    )
    by_run = [
        pd.concat(
            [clips.assign(seed=run), pd.DataFrame(values[places], columns=logit_columns(labels))], axis=1
        )
        for run, places in runs.items()
    ]  # side by side by position: each has a fresh index
    return OwnLogits(pd.concat(by_run, ignore_index=True), labels, file.has("group"))


def _file(path: Path, stated: LogitsFile) -> ForeignTable:
    if path.suffix != ".npz":
        return read_foreign_table(path)
    ours = [*ALSO, *(name for also in ALSO.values() for name in also), *OTHER, "temperature"]
    arrays = read_foreign_arrays(path, [*ours, *stated.conditions, *(stated.columns or {}).values()])
    kind = stated.holds if stated.holds in arrays else OTHER[stated.holds]
    if kind not in arrays:
        raise InputError(path, f"holds no array {stated.holds} (rows, classes)")
    values = arrays[kind]
    if values.ndim != 2 or values.dtype.kind not in "iuf" or not values.size:
        raise InputError(
            path, f"expected numbers (rows, classes), got {values.shape} {values.dtype}", field=kind
        )
    columns = {
        name: _column(path, name, each, len(values)) for name, each in arrays.items() if name not in OTHER
    }
    frame = pd.DataFrame({kind: pd.Series(list(values), dtype=object), **columns})
    return ForeignTable(path, frame, None, "npz")


def _column(path: Path, name: str, values: NDArray[np.generic], rows: int) -> "pd.Series[str]":
    """One value stands for all rows."""
    if values.dtype.kind not in "iufUb" or values.shape not in ((), (rows,)):
        raise InputError(
            path,
            f"expected {rows} numbers or texts, one for each row, got {values.shape} {values.dtype}",
            field=name,
        )
    try:
        each = np.broadcast_to(values, (rows,)).tolist()
    except ValueError:  # code points that no text has
        raise InputError(path, "holds text that is no Unicode; write it again", field=name) from None
    return pd.Series(each, dtype=object if values.dtype.kind == "U" else None)


def _with_our_names(file: ForeignTable, columns: Mapping[str, str] | None) -> ForeignTable:
    file = file.renamed(columns)
    for ours, also in ALSO.items():
        other = next((name for name in also if file.has(name)), None)
        if other is not None and not file.has(ours):
            file = file.renamed({ours: other})
    return file


def _check_temperature(file: ForeignTable, temperature: float) -> None:
    found = file.numbers("temperature") if file.has("temperature") else np.ones(1)
    odd = np.flatnonzero(found != 1)
    if temperature != 1 or len(odd):
        raise InputError(
            file.path,
            f"these logits were divided by a temperature of {temperature if temperature != 1 else found[odd[0]]:g}; a "
            "temperature is fitted here to the logits as the model gave them: multiply them by it, and declare 1",
            row=file.row(int(odd[0])) if temperature == 1 else None,
            field="temperature",
        )


def _described(
    file: ForeignTable, label: list[int], stated: LogitsFile, report: ImportReport
) -> pd.DataFrame:
    """clip, group, label, split where it is the file's, conditions."""
    if not file.has("clip"):
        report.note(file.path, "row(s) without a name of their own: named by their number", len(label))
    clip = (
        names(file, "clip")
        if file.has("clip")
        else pd.Series([f"row_{file.row(position)}" for position in range(len(label))], dtype=str)
    )
    table = pd.DataFrame(
        {"clip": clip, "group": names(file, "group") if file.has("group") else clip, "label": label}
    )
    if stated.with_split:
        file.require(
            ["split"], "a column split (train, dev, test), or prepare.split {by: random} in params.yaml"
        )
        table["split"] = split_names(file)
        check_groups(file, table)
    file.require(stated.conditions, "the columns that params.yaml names under conditions")
    for name in stated.conditions:
        table[name] = condition(file, name)
    unused = [name for name in file.without([*table, "seed", "temperature"]) if not is_class_column(name)]
    report.note(
        file.path, "column(s) that nothing here uses", len(unused), [shown(name) for name in unused[:3]]
    )
    return table


def _runs(
    file: ForeignTable, seeds: Mapping[int, int | str | None], report: ImportReport
) -> dict[int, Places]:
    """Run -> positions of its rows."""
    column = file.text("seed") if file.has("seed") else pd.Series([""] * len(file.frame))
    there = column.unique().tolist()
    if None in seeds.values() and len(there) > 1:
        raise InputError(
            file.path, f"holds several seeds, {shown(there)}; say in speech_temperature.prepare.seeds which run is of "
            "which, as in {42: 0, 123: 1}", field="seed",
        )  # fmt: skip
    wanted = {run: there[0] if seed is None else str(seed) for run, seed in seeds.items()}
    if missing := [seed for seed in wanted.values() if seed not in there]:
        raise InputError(
            file.path, f"no logits of seed {shown(missing[0])}, there are {shown(there)}; "
            "speech_temperature.prepare.seeds names those of the file, null where it has none", field="seed",
        )  # fmt: skip
    left_out = column[~column.isin(list(wanted.values()))]
    report.drop(
        file.path,
        "row(s) of seeds that params.yaml does not name",
        len(left_out),
        [shown(seed) for seed in left_out.unique()[:3]],
    )
    return {run: np.flatnonzero((column == seed).to_numpy()) for run, seed in wanted.items()}


def _aligned(file: ForeignTable, table: pd.DataFrame, runs: dict[int, Places]) -> dict[int, Places]:
    """Each run's rows in the order of the first run's clips, which every run has to answer, of the same facts."""
    clip, clips = pd.factorize(table["clip"])
    first = next(iter(runs.values()))
    stands_in = np.full((2, len(clips)), -1)  # of each clip, its row in the first run and in this one
    stands_in[0, clip[first]] = first
    aligned: dict[int, Places] = {}
    for run, places in runs.items():
        _check_once(file, table, clip[places], places)
        stands_in[1] = -1
        stands_in[1, clip[places]] = places
        odd = np.flatnonzero((stands_in >= 0).sum(axis=0) == 1)
        if len(odd):
            raise InputError(
                file.path, f"clip {shown(clips[odd[0]])} does not stand under every seed; each has to answer the same "
                "clips", row=file.row(int(stands_in[:, odd[0]].max())), field="seed",
            )  # fmt: skip
        aligned[run] = stands_in[1, clip[first]]
        _check_facts(file, table, first, aligned[run])
    return aligned


def _check_once(file: ForeignTable, table: pd.DataFrame, clip: Places, places: Places) -> None:
    """clip: a number for the clip of each place."""
    twice = np.flatnonzero(pd.Series(clip).duplicated())
    if len(twice):
        position = int(places[twice[0]])
        earlier = int(places[np.flatnonzero(clip == clip[twice[0]])[0]])
        raise InputError(
            file.path, f"clip {shown(table['clip'].iloc[position])} stands in row {file.row(earlier)} already, of the same "
            "seed; name each clip once", row=file.row(position), field="clip",
        )  # fmt: skip


def _check_facts(file: ForeignTable, table: pd.DataFrame, first: Places, places: Places) -> None:
    for name in table:
        column = table[name].to_numpy()
        for position in places[column[places] != column[first]].tolist():
            raise InputError(
                file.path, f"clip {shown(table['clip'].iloc[position])} has another {name} under another seed",
                row=file.row(position), field=str(name),
            )  # fmt: skip


def _contents(values: Floats) -> list[bytes | None]:
    """What tells a row from others; None where no other is like it, and for the few digits that rows may share by chance
    (rounded, saturated)."""
    digests = row_digests(values)
    times = Counter(digests)
    return [
        digest if times[digest] > 1 and sum(map(_digits, set(values[position].tolist()))) >= TELLING else None
        for position, digest in enumerate(digests)
    ]


def _digits(value: float) -> int:
    return len(repr(abs(value)).partition("e")[0].replace(".", "").strip("0"))
