"""The same clip, or the same row of logits, under two names."""

from collections.abc import Hashable, Sequence
from pathlib import Path

import pandas as pd

from storage.files.content import copies
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError, shown

REMEDIES = {
    "label": "one of the labels is wrong: mend it, or remove both rows",
    "split": "what is fitted on one would be tested on the other: keep one of them",
}


def joined_copies(
    path: Path,
    table: pd.DataFrame,
    numbers: Sequence[int],
    contents: Sequence[Hashable],
    what: str,
    report: ImportReport,
) -> pd.DataFrame:
    """The table, of which copies (counted) and all that shares a group with one of them are one group.

    table: clip, group, label, and split where the file brings one. numbers: of its rows in the file. contents: of each
    row, None for one that may be like others by chance. InputError for copies with two labels or in two splits.
    """
    telling = [position for position, each in enumerate(contents) if each is not None]
    same = [[telling[place] for place in each] for each in copies([contents[place] for place in telling])]
    for first, *others in same:
        for other in others:
            _check(path, table.iloc[[first, other]], (numbers[first], numbers[other]), what)
            report.note(
                path, f"row(s) with the same {what} as an earlier one: of one group", 1, [shown(table["clip"].iloc[other])]
            )  # fmt: skip
    return table.assign(group=_joined(table["group"], same)) if same else table


def _check(path: Path, pair: pd.DataFrame, numbers: tuple[int, int], what: str) -> None:
    for field, remedy in REMEDIES.items():
        if field in pair and pair[field].iloc[0] != pair[field].iloc[1]:
            raise InputError(
                path, f"the same {what} as row {numbers[0]}, with another {field}; {remedy}", row=numbers[1],
                field=field,
            )  # fmt: skip


def _joined(groups: "pd.Series[str]", same: list[list[int]]) -> "pd.Series[str]":
    """Groups that share a copy take the name of one of them."""
    column, leader = groups.tolist(), {group: group for group in groups}

    def lead(group: str) -> str:
        while leader[group] != group:
            group = leader[group]
        return group

    for first, *others in same:
        for other in others:
            leader[lead(column[other])] = lead(column[first])
    return groups.map({group: lead(group) for group in leader})
