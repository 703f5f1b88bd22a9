"""How figures read in sentences: intervals in points, bounds in per cent, and no more names than one can take in."""

from typing import Any

import pandas as pd

from methods.budgets.evidence import Seen

Record = dict[Any, Any]
NAMED_LABELS = 5


def records(table: pd.DataFrame, option: str) -> dict[str, Record]:
    return {str(row["label"]): row for row in table[table["option"] == option].to_dict("records")}


def points(row: Record, name: str) -> str:
    return f"{100 * row[name]:+.1f} points {interval((row[f'{name}_low'], row[f'{name}_high']))}"


def interval(ends: tuple[float, float]) -> str:
    """Of a difference of shares, in points."""
    return f"[{100 * ends[0]:+.1f}, {100 * ends[1]:+.1f}]"


def told_apart(ends: tuple[float, float]) -> str:
    return "not distinguishable" if ends[0] <= 0 <= ends[1] else "the interval holds no 0"


def fired_on(seen: Seen) -> str:
    return (
        f"{seen.false_positives} of {seen.negatives} negatives fired ({seen.allowed} allowed, one-sided bounds "
        f"{seen.floor:.1%} and {seen.bound:.1%})"
    )


def named(labels: list[str]) -> str:
    return ", ".join(labels) if len(labels) <= NAMED_LABELS else f"{len(labels)} labels"
