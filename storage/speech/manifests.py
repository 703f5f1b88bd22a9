"""The manifest of a folder of audio: clip, group, label, path, maybe split, and any columns that describe clips."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.inputs import InputError, shown
from storage.files.places import inside

NEEDED = ("clip", "group", "label", "path")
SPLITS = ("train", "dev", "test")
ALSO_DEV = ("calibration", "validation", "val")
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # would break a line of a table
MOST_TEXTS = 50  # of a condition
MANY = 1000  # classes that an error lists no more


def read_manifest(
    path: Path, labels: list[str], with_split: bool, conditions: Sequence[str]
) -> tuple[ForeignTable, pd.DataFrame, list[Path]]:
    """(the file, its rows, their audio files). Of rows, label is 0 or 1 (the place in `labels`) and conditions are
    numbers where every value is one; `clip_id` is read as clip.

    InputError for a missing column, a name that is empty or holds line breaks, an unknown label or split, a group in
    two splits, a clip named twice, and a path that is none below the manifest's folder.
    """
    file = read_foreign_table(path)
    if not file.has("clip") and file.has("clip_id"):
        file = file.renamed({"clip": "clip_id"})
    needed = [*NEEDED, *(["split"] if with_split else []), *conditions]
    file.require(needed, f"{', '.join(needed)} (params.yaml: speech_temperature.prepare)")
    table = pd.DataFrame({name: names(file, name) for name in ("clip", "group")})
    check_unique(file, table["clip"])
    table["label"] = label_numbers(file, file.text("label").tolist(), labels)
    for name in conditions:
        table[name] = condition(file, name)
    if with_split:
        table["split"] = split_names(file)
        check_groups(file, table)
    places = [
        inside(path.parent, name, path=path, row=file.row(position), field="path")
        for position, name in enumerate(file.text("path"))
    ]
    return file, table, places


def names(file: ForeignTable, name: str) -> "pd.Series[str]":
    """A column of names: none empty, none with what breaks a line."""
    column = file.text(name).astype(str)
    values = column.tolist()
    fine = "" not in values and not UNSEEN.search("".join(values))
    for position, value in enumerate([] if fine else values):
        if not value or UNSEEN.search(value):
            raise InputError(
                file.path,
                f"expected a name on one line, got {shown(value)}",
                row=file.row(position),
                field=name,
            )
    return column


def check_unique(file: ForeignTable, clips: "pd.Series[str]") -> None:
    first: dict[str, int] = {}
    for position, name in enumerate(clips):
        if (earlier := first.setdefault(name, position)) != position:
            raise InputError(
                file.path, f"clip {shown(name)} stands in row {file.row(earlier)} already; name each clip once",
                row=file.row(position), field="clip",
            )  # fmt: skip


def label_numbers(file: ForeignTable, column: Sequence[str], labels: list[str]) -> list[int]:
    place = {label: number for number, label in enumerate(labels)}
    for position, label in enumerate(column):
        if label not in place:
            known = shown(labels) if len(labels) < MANY else f"{len(labels)} of them"
            raise InputError(
                file.path, f"unknown label {shown(label)}; the classes are {known}", row=file.row(position),
                field="label",
            )  # fmt: skip
    return [place[label] for label in column]


def condition(file: ForeignTable, name: str) -> "pd.Series[float] | pd.Series[str]":
    """Numbers where every value is one, else text of few values, for each has a row in a table."""
    column = file.text(name)
    numbers = pd.to_numeric(column, errors="coerce")
    if np.isfinite(numbers.to_numpy(np.float64)).all():
        return numbers
    if column.nunique() > MOST_TEXTS:
        raise InputError(
            file.path, f"{column.nunique()} different texts; a condition has {MOST_TEXTS} at most: name another column",
            field=name,
        )  # fmt: skip
    if unseen := [place for place, value in enumerate(column) if UNSEEN.search(value)]:
        raise InputError(
            file.path, f"expected text on one line, got {shown(column[unseen[0]])}", row=file.row(unseen[0]),
            field=name,
        )  # fmt: skip
    return column.astype(str)


def split_names(file: ForeignTable) -> list[str]:
    """train, dev, test; dev may be called calibration, validation or val, by one of these names in a file."""
    column = file.text("split")
    also = [name for name in ALSO_DEV if name in set(column)]
    if len(also) + ("dev" in set(column)) > 1:
        names = [*also, *(["dev"] if "dev" in set(column) else [])]
        raise InputError(
            file.path, f"{' and '.join(names)} are both names of dev; keep one of them", field="split"
        )
    for position, split in enumerate(column):
        if split not in (*SPLITS, *also):
            raise InputError(
                file.path, f"unknown split {shown(split)}; expected {', '.join(SPLITS)} (dev may be called "
                f"{', '.join(ALSO_DEV)})", row=file.row(position), field="split",
            )  # fmt: skip
    return ["dev" if split in also else split for split in column]


def check_groups(file: ForeignTable, table: pd.DataFrame) -> None:
    """No group in two splits."""
    first: dict[str, tuple[int, str]] = {}
    for position, (group, split) in enumerate(zip(table["group"], table["split"], strict=True)):
        earlier, before = first.setdefault(group, (position, split))
        if before != split:
            raise InputError(
                file.path,
                f"group {shown(group)} stands in {before} (row {file.row(earlier)}) and {split}: "
                "what is learnt of it there would be tested on it here; keep each group in one split",
                row=file.row(position),
                field="split",
            )
