"""Rows that somebody's model has scored already: CSV, Parquet or npz."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from storage.files.arrays import read_arrays
from storage.files.fields import Untimed, check_unique, label_matrix, parse_times, read_text, split_labels
from storage.files.inputs import InputError
from storage.files.tables import read_columns

SCORE = "score:"
KNOWN = ("id", "label", "collected_at", "split")


def read_scored(
    path: Path, labels: list[str] | None, untimed: Untimed, clamp: float
) -> tuple[pd.DataFrame, list[str], dict[str, int]]:
    """Rows (id, collected_at, split, a boolean column per label, a `score:<label>` column per label), the
    labels, and counts of what was repaired. labels None: every score column of the file is a label.

    CSV and Parquet have the columns id, label (a|b), collected_at, split and one score column per label.
    npz has `scores` and `labels`, both (rows, labels), and may have `names`, `ids`, `collected_at`, `split`.
    Scores beyond [0, 1] by at most `clamp` are clamped and counted; further ones and NaN raise InputError.
    """
    table = _read_npz(path) if path.suffix == ".npz" else _read_columns(path)
    found = [column.removeprefix(SCORE) for column in table.columns if column.startswith(SCORE)]
    labels = found if labels is None else labels
    if missing := [label for label in labels if label not in found]:
        raise InputError(path, f"no score column for label(s) {missing}; found {found}")
    check_unique(path, table["id"].tolist())
    table, clamped = _clamp_scores(path, table, labels, clamp)
    positive = label_matrix(path, table.pop("label"), labels, "label")
    table = table.assign(**dict(zip(labels, positive.T, strict=True)))
    table["collected_at"] = parse_times(path, table["collected_at"], untimed)
    dropped = table["collected_at"].isna() & (untimed == "drop")
    table = table[~dropped].reset_index(drop=True)
    columns = ["id", "collected_at", "split", *labels, *(SCORE + label for label in labels)]
    return table[columns], labels, {"clamped_scores": clamped, "untimed_rows_dropped": int(dropped.sum())}


def _read_columns(path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        rows = list(csv.reader(read_text(path).splitlines(keepends=True)))
        for number, row in enumerate(rows, 1):
            if len(row) != len(rows[0]):
                raise InputError(path, f"expected {len(rows[0])} fields, got {len(row)}", row=number)
        table = pd.DataFrame(rows[1:], columns=rows[0] if rows else [], dtype=str)
    elif path.suffix == ".parquet":
        if not path.exists():
            raise InputError(path, "no such file; params.yaml names it")
        table = read_columns(path)
    else:
        raise InputError(path, "unknown kind of file; expected .csv, .parquet or .npz")
    if table.empty:
        raise InputError(path, "holds no rows; expected at least one scored row")
    if missing := {"id", "label"} - set(table.columns):
        raise InputError(
            path, f"columns {sorted(missing)} are missing; expected {', '.join(KNOWN)} and scores"
        )
    for column in ("collected_at", "split"):
        table[column] = table[column].astype(str) if column in table else ""
    table["id"] = table["id"].astype(str)
    table["label"] = [split_labels(field) for field in table["label"].fillna("").astype(str)]
    return table.rename(columns={name: SCORE + name for name in table.columns if name not in KNOWN})


def _read_npz(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise InputError(path, "no such file; params.yaml names it")
    try:
        arrays = read_arrays(path)
    except ValueError as error:
        raise InputError(path, f"cannot be read without pickle ({error}); save plain arrays") from None
    if missing := {"scores", "labels"} - set(arrays):
        raise InputError(
            path, f"arrays {sorted(missing)} are missing; expected scores and labels (rows, labels)"
        )
    scores, positive = arrays["scores"], arrays["labels"]
    if scores.ndim != 2 or scores.shape != positive.shape or not len(scores):
        raise InputError(
            path,
            f"expected scores and labels of one shape (rows, labels), got {scores.shape}, {positive.shape}",
        )
    digits = len(str(scores.shape[1] - 1))
    names = arrays.get("names", np.array([f"label_{i:0{digits}d}" for i in range(scores.shape[1])]))
    table = pd.DataFrame(scores, columns=[SCORE + str(name) for name in names])
    width = len(str(len(scores) - 1))
    table["id"] = arrays.get("ids", np.array([f"{row:0{width}d}" for row in range(len(scores))])).astype(str)
    for column in ("collected_at", "split"):
        table[column] = arrays[column].astype(str) if column in arrays else ""
    table["label"] = [[str(names[i]) for i in np.flatnonzero(row)] for row in positive]
    return table


def _clamp_scores(
    path: Path, table: pd.DataFrame, labels: list[str], clamp: float
) -> tuple[pd.DataFrame, int]:
    clamped = 0
    columns = {}
    for label in labels:
        scores = pd.to_numeric(table[SCORE + label], errors="coerce").to_numpy(np.float32)
        bad = ~((scores >= -clamp) & (scores <= 1 + clamp))
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise InputError(
                path,
                f"{table[SCORE + label].iloc[row]!r} is not a score in [0, 1] "
                f"({int(bad.sum())} such row(s); up to {clamp:g} beyond is clamped)",
                row=row + 1,
                field=label,
            )
        clamped += int(((scores < 0) | (scores > 1)).sum())
        columns[SCORE + label] = np.clip(scores, 0, 1)
    return table.assign(**columns), clamped
