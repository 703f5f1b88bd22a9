"""The manifest of a folder of audio: clip, group, label, path, maybe split, and any columns that describe clips."""

from pathlib import Path

import pandas as pd

from storage.files.fields import check_unique
from storage.files.inputs import InputError
from storage.files.strings import read_strings

NEEDED = ("clip", "group", "label", "path")
SPLITS = ("train", "dev", "test")


def read_manifest(path: Path, labels: list[str], with_split: bool) -> pd.DataFrame:
    """Strings as they stand, label as 0 or 1 (the place in `labels`); `clip_id` is read as clip.

    InputError for a missing column, an unknown label or split, a clip named twice.
    """
    table = read_strings(path).rename(columns={"clip_id": "clip"})
    check_columns(path, table, (*NEEDED, "split") if with_split else NEEDED)
    check_unique(path, table["clip"].tolist())
    table["label"] = label_numbers(path, table["label"], labels)
    if with_split:
        check_splits(path, table)
    return table


def check_columns(path: Path, table: pd.DataFrame, needed: tuple[str, ...]) -> None:
    if missing := [name for name in needed if name not in table]:
        raise InputError(path, f"column(s) {missing} are missing; expected {', '.join(needed)}", row=1)


def label_numbers(path: Path, column: "pd.Series[str]", labels: list[str]) -> list[int]:
    for number, label in enumerate(column, 2):
        if label not in labels:
            raise InputError(
                path, f"unknown label {label!r}; params.yaml declares {labels}", row=number, field="label"
            )
    return [labels.index(label) for label in column]


def check_splits(path: Path, table: pd.DataFrame) -> None:
    for number, split in enumerate(table["split"], 2):
        if split not in SPLITS:
            raise InputError(
                path, f"unknown split {split!r}; expected {', '.join(SPLITS)}", row=number, field="split"
            )
    homes = table.groupby("group", sort=False)["split"].unique()
    for group, splits in homes.items():
        if len(splits) > 1:
            row = int(table.index[(table["group"] == group) & (table["split"] == splits[1])][0]) + 2
            raise InputError(
                path,
                f"group {group!r} stands in {' and '.join(splits)}: what is learnt of it there would be tested on it "
                "here; keep each group in one split",
                row=row,
                field="split",
            )
