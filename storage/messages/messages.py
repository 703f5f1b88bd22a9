"""Messages as people keep them: JSONL or CSV with id, text, labels, collected_at, or fastText label lines."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from storage.files.fields import (
    FASTTEXT_LABEL,
    Untimed,
    check_unique,
    label_matrix,
    parse_times,
    read_text,
    split_labels,
)
from storage.files.inputs import InputError

Row = tuple[str, str, list[str], str]


def read_messages(path: Path, labels: list[str], untimed: Untimed) -> tuple[pd.DataFrame, int]:
    """The rows of one file (id, text, collected_at, one boolean column per label), and how many untimed rows
    were dropped. With `file_order` the order of the lines is the order of time and collected_at is not read.

    Raises InputError for: a missing, empty or not UTF-8 file; a broken row; a duplicate id; an unknown label;
    a missing or unparsable time unless `untimed` allows it.
    """
    rows = list(_rows(path))
    if not rows:
        raise InputError(path, "holds no rows; expected at least one message")
    ids, texts, row_labels, stamps = (list(column) for column in zip(*rows, strict=True))
    check_unique(path, ids)
    table = pd.DataFrame({"id": ids, "text": texts})
    positive = pd.DataFrame(label_matrix(path, row_labels, labels, "labels"), columns=labels)
    table = pd.concat([table, positive], axis=1)
    table["collected_at"] = parse_times(path, pd.Series(stamps), untimed)
    dropped = table["collected_at"].isna() & (untimed == "drop")
    return table[~dropped].reset_index(drop=True), int(dropped.sum())


def _rows(path: Path) -> Iterator[Row]:
    text = read_text(path)
    if path.suffix == ".jsonl":
        yield from _jsonl_rows(path, text)
    elif path.suffix == ".csv":
        yield from _csv_rows(path, text)
    elif path.suffix == ".txt":
        yield from _fasttext_rows(path, text)
    else:
        raise InputError(path, "unknown kind of file; expected .jsonl, .csv or .txt (fastText lines)")


def _jsonl_rows(path: Path, text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(path, f"not a JSON object: {error.msg}", row=number) from None
        if not isinstance(row, dict):
            raise InputError(path, "expected one JSON object a line", row=number)
        for field, expected in {
            "id": "a string",
            "text": "a string",
            "labels": "a list of label names",
        }.items():
            if not isinstance(row.get(field), list if field == "labels" else str):
                raise InputError(
                    path, f"expected {expected}, got {row.get(field)!r}", row=number, field=field
                )
        yield (
            str(row["id"]),
            row["text"],
            [str(label) for label in row["labels"]],
            str(row.get("collected_at") or ""),
        )


def _csv_rows(path: Path, text: str) -> Iterator[Row]:
    reader = csv.DictReader(text.splitlines(keepends=True))
    if missing := {"id", "text", "labels", "collected_at"} - set(reader.fieldnames or ()):
        raise InputError(
            path,
            f"columns {sorted(missing)} are missing; expected id, text, labels (a|b), collected_at",
            row=1,
        )
    for number, row in enumerate(reader, 2):
        if None in row or any(value is None for value in row.values()):
            raise InputError(path, f"expected {len(reader.fieldnames or ())} fields", row=number)
        yield row["id"], row["text"], split_labels(row["labels"]), row["collected_at"]


def _fasttext_rows(path: Path, text: str) -> Iterator[Row]:
    """Times stand one a line in a sidecar, `<name>.times`; without it the order of lines must be declared."""
    sidecar = path.with_suffix(".times")
    lines = [line for line in text.split("\n") if line.strip()]
    stamps = read_text(sidecar).split("\n") if sidecar.exists() else []
    if sidecar.exists() and len(stamps := [stamp for stamp in stamps if stamp.strip()]) != len(lines):
        raise InputError(sidecar, f"holds {len(stamps)} times for the {len(lines)} messages of {path.name}")
    for number, line in enumerate(lines):
        words = line.split()
        labels = [word.removeprefix(FASTTEXT_LABEL) for word in words if word.startswith(FASTTEXT_LABEL)]
        message = " ".join(word for word in words if not word.startswith(FASTTEXT_LABEL))
        yield f"{path.stem}:{number + 1}", message, labels, stamps[number].strip() if stamps else ""
