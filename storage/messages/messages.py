"""Messages as people keep them: tables with id, text, labels, collected_at, or fastText label lines."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from storage.files.documents import read_text
from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError, shown
from storage.messages.fields import Untimed, note_form, row_ids, row_times
from storage.messages.labels import LABEL, NAMES, label_matrix, label_names

FASTTEXT_LABEL = "__label__"


class MessageHeader(Protocol):
    """Their names of what rows have, None: ours. labels: a column of names, or one of 0 and 1 for each label."""

    @property
    def id(self) -> str | None: ...
    @property
    def text(self) -> str | None: ...
    @property
    def collected_at(self) -> str | None: ...
    @property
    def labels(self) -> str | Mapping[str, str] | None: ...


def read_messages(
    path: Path, labels: list[str], columns: MessageHeader | None, untimed: Untimed, report: ImportReport
) -> tuple[pd.DataFrame, int]:
    """The rows of one file (row: the number in it, id, text, collected_at, one boolean column per label), and how many
    untimed rows were dropped.

    Raises InputError for: a missing, empty or not UTF-8 file; a broken row; a duplicate id; an unknown label;
    a missing time unless `untimed` allows it, and what is no time.
    """
    table = _fasttext(path) if path.suffix == ".txt" else read_foreign_table(path).renamed(_theirs(columns))
    table.require(["text"], "id, text, labels (a|b), collected_at, or their names under prepare.columns")
    frame = pd.DataFrame({"row": table.rows, "id": row_ids(table, report)})
    frame["text"] = _texts(table, report)
    positive = pd.DataFrame(label_matrix(table, labels), columns=labels)
    frame = pd.concat([frame, positive], axis=1)
    frame["collected_at"] = row_times(table, untimed)
    used = ["id", "text", "collected_at", *NAMES, *(LABEL + label for label in labels)]
    note_form(table, used, report)
    dropped = frame["collected_at"].isna() & (untimed == "drop")
    return frame[~dropped].reset_index(drop=True), int(dropped.sum())


def _theirs(columns: MessageHeader | None) -> dict[str, str]:
    if columns is None:
        return {}
    single = {"id": columns.id, "text": columns.text, "collected_at": columns.collected_at}
    named = {ours: theirs for ours, theirs in single.items() if theirs is not None}
    return {**named, **label_names(columns.labels)}


def _texts(table: ForeignTable, report: ImportReport) -> "pd.Series[str]":
    values = table.frame["text"]
    if values.dtype == object:
        no_text = np.flatnonzero([not isinstance(value, str) for value in values])
        if len(no_text):
            row = int(no_text[0])
            raise InputError(
                table.path,
                f"expected a string, got {shown(values.iloc[row])}",
                row=table.row(row),
                field="text",
            )
    texts = table.text("text").astype(str)
    if blank := int((texts.str.strip() == "").sum()):
        report.note(table.path, "messages without a word", blank)
    return texts


def _fasttext(path: Path) -> ForeignTable:
    """Times stand one a line in a sidecar, `<name>.times`."""
    numbered = [(row, line) for row, line in enumerate(read_text(path).split("\n"), 1) if line.strip()]
    if not numbered:
        raise InputError(path, "holds no rows; expected at least one message")
    words = [line.split() for _, line in numbered]
    columns = {
        "id": [f"{path.stem}:{number}" for number, _ in numbered],
        "text": [" ".join(word for word in row if not word.startswith(FASTTEXT_LABEL)) for row in words],
        "labels": [
            [word.removeprefix(FASTTEXT_LABEL) for word in row if word.startswith(FASTTEXT_LABEL)]
            for row in words
        ],
    }
    sidecar = path.with_suffix(".times")
    if sidecar.exists():
        stamps = [stamp for line in read_text(sidecar).split("\n") if (stamp := line.strip())]
        if len(stamps) != len(words):
            raise InputError(
                sidecar, f"holds {len(stamps)} times for the {len(words)} messages of {path.name}; one a line"
            )
        columns["collected_at"] = stamps
    return ForeignTable(path, pd.DataFrame(columns), np.array([row for row, _ in numbered]), "fastText lines")
