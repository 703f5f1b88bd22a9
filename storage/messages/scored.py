"""Rows that somebody's model has scored already: CSV, JSON lines, Parquet or npz."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.files.arrays import array_names, read_foreign_arrays
from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.formats import listed
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError, shown
from storage.messages.fields import Untimed, note_form, row_ids, row_times
from storage.messages.labels import LABEL, NAMES, label_matrix, label_names

SCORE = "score:"
ONLY = "score"  # the column of scores where there is one label
KNOWN = ("id", "collected_at", "split", *NAMES)
MANY = 0.05  # share of scores beyond [0, 1] that says that they are something else


class ScoreHeader(Protocol):
    """Their names of what rows have, None: ours. scores, labels: a name, or one for each label."""

    @property
    def id(self) -> str | None: ...
    @property
    def collected_at(self) -> str | None: ...
    @property
    def split(self) -> str | None: ...
    @property
    def scores(self) -> str | Mapping[str, str] | None: ...
    @property
    def labels(self) -> str | Mapping[str, str] | None: ...


def read_scored(
    path: Path, labels: list[str] | None, columns: ScoreHeader | None, untimed: Untimed, clamp: float,
    report: ImportReport,
) -> tuple[pd.DataFrame, list[str], dict[str, int]]:  # fmt: skip
    """Rows (row: the number in the file, id, collected_at, split, a boolean column per label, a float64
    `score:<label>` column per label), the labels, and counts of what was repaired. labels None: all of the file.

    A table has scores under `score:<label>`, `<label>` or, of one label, `score`; which rows carry a label says
    `label` (a|b, a list, or 0 and 1 of one label) or `label:<label>` (0 and 1). npz has `scores` and `labels`, both
    (rows, labels) or (rows,), and may have `names`, `ids`, `collected_at`, `split`.
    Scores beyond [0, 1] by at most `clamp` are clamped and counted; further ones and NaN raise InputError.
    """
    table = _npz(path, columns, labels) if path.suffix == ".npz" else _table(path, columns)
    labels = _labels(table) if labels is None else labels
    scored = {label: _score_column(table, label, len(labels)) for label in labels}
    others = {name.removeprefix(SCORE) for name in table.names} - {*labels, *KNOWN}
    positive = label_matrix(table, labels, others)
    used = [*KNOWN, *scored.values(), *(LABEL + label for label in labels)]
    note_form(table, used, report)
    frame = pd.DataFrame({"row": table.rows, "id": row_ids(table, report)})
    frame["collected_at"] = row_times(table, untimed)
    frame["split"] = table.text("split").astype(str) if table.has("split") else ""
    clamped = 0
    scores = np.empty((len(frame), len(labels)))
    for place, label in enumerate(labels):
        scores[:, place], beyond = _unit(table, scored[label], clamp)
        clamped += beyond
    names = [SCORE + label for label in labels]
    frame = pd.concat(
        [frame, pd.DataFrame(positive, columns=labels), pd.DataFrame(scores, columns=names)], axis=1
    )
    dropped = frame["collected_at"].isna() & (untimed == "drop")
    counts = {"clamped_scores": clamped, "untimed_rows_dropped": int(dropped.sum())}
    return frame[~dropped].reset_index(drop=True), labels, counts


def _table(path: Path, columns: ScoreHeader | None) -> ForeignTable:
    table = read_foreign_table(path)
    if columns is None:
        return table
    scores = {ONLY: columns.scores} if isinstance(columns.scores, str) else _prefixed(columns.scores)
    return table.renamed({**_single(columns), **scores, **label_names(columns.labels)})


def _npz(path: Path, columns: ScoreHeader | None, labels: list[str] | None) -> ForeignTable:
    """Arrays as the columns of a table: those of (rows, labels) become one for each label."""
    if columns is not None and not (isinstance(columns.scores, str) and isinstance(columns.labels, str)):
        raise InputError(
            path, "an npz has one array of scores and one of labels; name both under columns",
            field="prepare.columns",
        )  # fmt: skip
    mapping = {"scores": "scores", "labels": "labels", "ids": "ids", "names": "names"}
    mapping |= {"collected_at": "collected_at", "split": "split"}
    if columns is not None:
        theirs = _single(columns)
        mapping |= {"scores": str(columns.scores), "labels": str(columns.labels)}
        mapping |= {"ids" if ours == "id" else ours: name for ours, name in theirs.items()}
    stored = read_foreign_arrays(path, list(mapping.values()))
    arrays = {ours: stored[name] for ours, name in mapping.items() if name in stored}
    if missing := [mapping[ours] for ours in ("scores", "labels") if ours not in arrays]:
        raise InputError(
            path,
            f"array(s) {listed(missing)} are missing, there are {listed(array_names(path))}; expected scores and "
            "labels (rows, labels), or their names under prepare.columns",
        )
    scores, carried = (
        array[:, None] if array.ndim == 1 else array for array in (arrays["scores"], arrays["labels"])
    )
    if scores.ndim != 2 or scores.shape != carried.shape or not scores.size:
        raise InputError(
            path,
            f"expected scores and labels of one shape (rows, labels), got {scores.shape}, {carried.shape}",
        )
    names = _npz_names(path, arrays.get("names"), scores.shape[1], labels)
    frame = {SCORE + name: column for name, column in zip(names, scores.T, strict=True)}
    frame |= {LABEL + name: column for name, column in zip(names, carried.T, strict=True)}
    for ours, name in {"id": "ids", "collected_at": "collected_at", "split": "split"}.items():
        if name in arrays:
            if arrays[name].shape != (len(scores),):
                raise InputError(path, f"expected {len(scores)} values, got {arrays[name].shape}", field=name)
            frame[ours] = arrays[name]
    return ForeignTable(path, pd.DataFrame(frame), None, "npz")


def _npz_names(path: Path, names: NDArray[Any] | None, count: int, labels: list[str] | None) -> list[str]:
    if names is None:
        if labels is not None and len(labels) == count:
            return labels
        return [f"label_{i:0{len(str(count - 1))}d}" for i in range(count)]
    written = [str(name) for name in names.ravel()]
    if len(written) != count or len(set(written)) != count:
        raise InputError(path, f"expected {count} different names, got {shown(written)}", field="names")
    return written


def _single(columns: ScoreHeader) -> dict[str, str]:
    named = {"id": columns.id, "collected_at": columns.collected_at, "split": columns.split}
    return {ours: theirs for ours, theirs in named.items() if theirs is not None}


def _prefixed(scores: Mapping[str, str] | None) -> dict[str, str]:
    return {SCORE + label: theirs for label, theirs in (scores or {}).items()}


def _labels(table: ForeignTable) -> list[str]:
    """All of the file: what columns say that they are of a label, or every further column."""
    for prefix in (SCORE, LABEL):
        if found := [name.removeprefix(prefix) for name in table.names if name.startswith(prefix)]:
            return found
    if table.has(ONLY):
        return ["positive"]
    if found := table.without(KNOWN):
        return found
    raise InputError(table.path, f"there is no column of scores; there are {listed(table.names)}")


def _score_column(table: ForeignTable, label: str, labels: int) -> str:
    wanted = [SCORE + label, label, *([ONLY] if labels == 1 else [])]
    if column := next((name for name in wanted if table.has(name)), None):
        return column
    raise InputError(
        table.path,
        f"no score column for label {shown(label)}, there are {listed(table.names)}; expected {SCORE}{label} or {label}, "
        "or its name under prepare.columns",
    )


def _unit(table: ForeignTable, column: str, clamp: float) -> tuple[NDArray[np.float64], int]:
    scores = table.numbers(column)
    bad = ~((scores >= -clamp) & (scores <= 1 + clamp))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InputError(
            table.path,
            f"{shown(float(scores[row]))} is not a score in [0, 1] ({int(bad.sum())} such row(s); up to {clamp:g} beyond "
            f"is clamped); {_advice(scores[bad], len(scores))}",
            row=table.row(row), field=column,
        )  # fmt: skip
    beyond = int(((scores < 0) | (scores > 1)).sum())
    return np.clip(scores, 0, 1), beyond


def _advice(beyond: NDArray[np.float64], rows: int) -> str:
    if not np.isfinite(beyond).all():
        return "score the row, or leave it out"
    if len(beyond) < MANY * rows:
        return "correct it; where the column is no score, list the labels under prepare.labels"
    if (beyond < 0).any():
        return "these look like logits: write 1 / (1 + exp(-logit))"
    return (
        "these look like percentages (divide by 100), logits (1 / (1 + exp(-logit))) or no scores at all (list the "
        "labels under prepare.labels)"
    )
