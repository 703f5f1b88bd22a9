"""Thresholds as SQL: what a database fires on is what the pipeline fires on, ties included."""

from collections.abc import Mapping

from serving.thresholds import FIRES, SCORE


def boolean_columns(thresholds: Mapping[str, float]) -> str:
    """A SELECT over a table `scores` with a double column `score:<label>` each; standard SQL, 17 digits, so that the
    number that a database reads is the threshold to the last bit. A missing score never fires."""
    cases = [
        f"  CASE WHEN {_case(SCORE + label, threshold)} THEN 1 ELSE 0 END AS {_name(FIRES + label)}"
        for label, threshold in thresholds.items()
    ]
    return "SELECT\n  *,\n" + ",\n".join(cases) + "\nFROM scores;\n"


def _case(column: str, threshold: float) -> str:
    if threshold == float("inf"):
        return "1 = 0"  # never
    return f"{_name(column)} >= {threshold:.17e}"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
