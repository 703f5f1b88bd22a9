"""Rows that come after a decision, with labels or without: what is read of them is their scores or their texts."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from storage.files.arrays import array_names
from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.formats import listed
from storage.files.inputs import InputError, shown
from storage.messages.labels import LABEL, NAMES, label_names
from storage.messages.messages import MessageHeader
from storage.messages.scored import ONLY, SCORE, ScoreHeader

Rows = NDArray[np.int64]


def has_labels(path: Path, columns: MessageHeader | ScoreHeader | None) -> bool:
    """Whether the file says which rows carry a label; fastText lines always do."""
    if path.suffix == ".txt":
        return True
    stated = columns.labels if columns is not None else None
    if path.suffix == ".npz":
        return (stated if isinstance(stated, str) else "labels") in array_names(path)
    names = read_foreign_table(path).names
    theirs = set(label_names(stated).values()) if stated is not None else set()
    return any(name in (*NAMES, *theirs) or name.startswith(LABEL) for name in names)


def read_unlabelled_scores(
    path: Path, labels: list[str], columns: ScoreHeader | None
) -> tuple[NDArray[np.float64], Rows]:
    """(rows, labels) in [0, 1], and the rows' numbers. A table: InputError for a column that is missing, no number, or
    beyond [0, 1]."""
    table = read_foreign_table(path)
    stated = columns.scores if columns is not None else None
    if isinstance(stated, str):
        table = table.renamed({ONLY: stated})
    elif isinstance(stated, Mapping):
        table = table.renamed({SCORE + label: theirs for label, theirs in stated.items()})
    found = [_column(table, label, len(labels)) for label in labels]
    scores = np.column_stack([table.numbers(name) for name in found])
    bad = ~((scores >= 0) & (scores <= 1))
    if bad.any():
        row, place = (int(each) for each in np.argwhere(bad)[0])
        raise InputError(
            path,
            f"{shown(float(scores[row, place]))} is not a score in [0, 1] ({int(bad.any(axis=1).sum())} such row(s))",
            row=table.row(row), field=found[place],
        )  # fmt: skip
    return scores, table.rows


def read_unlabelled_texts(path: Path, columns: MessageHeader | None) -> tuple[list[str], Rows]:
    table = read_foreign_table(path)
    if columns is not None and columns.text is not None:
        table = table.renamed({"text": columns.text})
    table.require(["text"], "the messages, or the column's name under prepare.columns")
    return table.text("text").astype(str).tolist(), table.rows


def _column(table: ForeignTable, label: str, labels: int) -> str:
    wanted = [SCORE + label, label, *([ONLY] if labels == 1 else [])]
    if column := next((name for name in wanted if table.has(name)), None):
        return column
    raise InputError(
        table.path,
        f"no score column for label {shown(label)}, there are {listed(table.names)}; expected {SCORE}{label} or {label}",
    )
