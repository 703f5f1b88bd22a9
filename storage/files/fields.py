"""Fields that every file of rows shares: ids, labels, times, and text that must be UTF-8."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.files.inputs import InputError

Untimed = Literal["refuse", "drop", "file_order"]
FASTTEXT_LABEL = "__label__"


def read_text(path: Path) -> str:
    """The file as UTF-8 (with or without a byte-order mark); InputError says where it is something else."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(path, "no such file; params.yaml names it") from None
    except UnicodeDecodeError as error:
        row = path.read_bytes()[: error.start].count(b"\n") + 1
        raise InputError(
            path, f"byte {error.start} is not UTF-8; save the file as UTF-8 (iconv -t UTF-8)", row=row
        ) from None


def split_labels(field: str) -> list[str]:
    return [label for label in field.split("|") if label]


def check_unique(path: Path, ids: list[str]) -> None:
    seen: dict[str, int] = {}
    for number, name in enumerate(ids, 1):
        if name in seen:
            raise InputError(
                path, f"id {name!r} was used by row {seen[name]} already", row=number, field="id"
            )
        seen[name] = number


def label_matrix(
    path: Path, row_labels: Iterable[list[str]], labels: list[str], field: str
) -> NDArray[np.bool_]:
    """(rows, labels): which row carries which label."""
    row_labels = list(row_labels)
    column = {label: number for number, label in enumerate(labels)}
    matrix = np.zeros((len(row_labels), len(labels)), bool)
    for row, names in enumerate(row_labels):
        for name in names:
            if name not in column:
                raise InputError(
                    path,
                    f"unknown label {name!r}; params.yaml declares {labels} (a clean row has no label)",
                    row=row + 1,
                    field=field,
                )
            matrix[row, column[name]] = True
    return matrix


def parse_times(path: Path, stamps: "pd.Series[str]", untimed: Untimed) -> "pd.Series[pd.Timestamp]":
    """ISO 8601 times in UTC (a time without a zone is read as UTC); NaT where `untimed` allows there is none."""
    if untimed == "file_order":
        return pd.Series(pd.NaT, index=stamps.index, dtype="datetime64[ns, UTC]")
    times = pd.to_datetime(stamps, format="ISO8601", utc=True, errors="coerce").astype("datetime64[ns, UTC]")
    if untimed == "refuse" and times.isna().any():
        row = int(np.flatnonzero(times.isna())[0])
        what = f"{stamps.iloc[row]!r} is not an ISO 8601 time" if stamps.iloc[row] else "there is no time"
        raise InputError(
            path,
            f"{what} (as in 2024-05-01T12:00:00); {int(times.isna().sum())} row(s) in all: repair them, or set "
            "prepare.untimed to drop (and count) or file_order",
            row=row + 1,
            field="collected_at",
        )
    return times
