"""Pieces of a report in Markdown, in which names from people's files stand as they are and start nothing.

Markdown of ours is *marked*: its characters are moved to code points that no file can hold (lone surrogates), so that
`finished` tells them from those of labels, options and file names, which it escapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from string import punctuation
from typing import TYPE_CHECKING

from storage.files.documents import SIGNIFICANT_DIGITS

if TYPE_CHECKING:  # pandas takes half a second to import, and commands print Markdown without a table
    import pandas as pd

MARK = 0xDC00
MARKS = {ord(char): MARK + ord(char) for char in f"{punctuation}\n"}
UNMARKED = {marked: char for char, marked in MARKS.items()}
STARTS = re.compile(
    r"(?:^|(?<=\udc0a)|(?<=\udc2d ))"  # behind a newline or a bullet of ours
    r"(?:(?P<sign>[#>=]|[-+](?=[ -])|\[(?=[^\]]*\]:))|(?P<number>\d+)(?=[.)]\s))"
)
SPECIAL = re.compile(
    r"(?P<slashed>[\\*|~$]|_(?![^\W_])|(?<![^\W_])_|\](?=[(\udc28]))"
    r"|`|<(?=[A-Za-z/!?\udc00-\udc7f])|&(?=#?\w+;)"
)
ENTITIES = {"`": "&#96;", "<": "&lt;", "&": "&amp;"}


def marked(text: str) -> str:
    """Markdown of ours."""
    return text.translate(MARKS)


def finished(text: str) -> str:
    """What is marked as Markdown, and everything else, of printable characters, as words that start none."""
    slash = marked("\\")
    text = STARTS.sub(lambda found: f"{slash}{found[0]}" if found["sign"] else f"{found[0]}{slash}", text)
    text = SPECIAL.sub(lambda found: f"\\{found[0]}" if found["slashed"] else ENTITIES[found[0]], text)
    return unmarked(text)


def unmarked(text: str) -> str:
    return text.translate(UNMARKED)


def bullets(lines: Iterable[object]) -> str:
    """Marked."""
    return marked("\n").join(f"{marked('-')} {line}" for line in lines)


def table_rows(table: pd.DataFrame) -> str:
    """Marked; the cells as they print: format numbers first."""
    rows: list[Iterable[object]] = [table.columns, [marked("---")] * len(table.columns)]
    rows += table.itertuples(index=False)
    bar = marked("|")
    return marked("\n").join(f"{bar} {f' {bar} '.join(map(str, row))} {bar}" for row in rows)


def markdown_table(table: pd.DataFrame) -> str:
    return finished(table_rows(table))


def rounded(value: float) -> float:
    """To the digits that tables keep, for numbers that stand in a decision."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
