"""Pieces of a report in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from storage.files.documents import SIGNIFICANT_DIGITS

if TYPE_CHECKING:  # pandas takes half a second to import, and commands print Markdown without a table
    import pandas as pd


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def markdown_table(table: pd.DataFrame) -> str:
    """The cells as they print: format numbers first."""
    lines = ["| " + " | ".join(map(str, table.columns)) + " |", "|" + " --- |" * len(table.columns)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines)


def rounded(value: float) -> float:
    """To the digits that tables keep, for numbers that stand in a decision."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
