"""The one place that formats figures for people: a value with its interval, points, shares, p, counts and names.

All of it is at hand in every template, as filters of the same names (`templates`). What is missing (None, NaN) prints
as nothing.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

Number = float | int | None
NAMED = 5
UNPRINTABLE = re.compile(  # but for the marks of storage.files.markdown
    "[\x00-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udbff\udc80-\udfff]"
)
SPACES = "\t\n\v\f\r\x85\u2028\u2029"


def number(value: Number, digits: int = 3, sign: bool = False) -> str:
    return "" if _missing(value) else f"{value:{'+' if sign else ''}.{digits}f}"


def ends(low: Number, high: Number, digits: int = 3, sign: bool = False) -> str:
    """`[low, high]`."""
    return "" if _missing(low) else f"[{number(low, digits, sign)}, {number(high, digits, sign)}]"


def estimate(value: Number, low: Number, high: Number, digits: int = 3, sign: bool = False) -> str:
    """`value [low, high]`, without the brackets where there is no interval."""
    return f"{number(value, digits, sign)} {ends(low, high, digits, sign)}".strip()


def interval(row: Mapping[Any, Any], name: str, digits: int = 3, sign: bool = False) -> str:
    """`estimate` of the columns name, name_low, name_high."""
    return estimate(row[name], row[f"{name}_low"], row[f"{name}_high"], digits, sign)


def points(difference: Number, digits: int = 1) -> str:
    """Of a difference of shares, signed, in hundredths: `+1.2`."""
    return "" if _missing(difference) else number(100 * float(difference or 0), digits, sign=True)


def points_ends(low: Number, high: Number, digits: int = 1) -> str:
    return "" if _missing(low) else f"[{points(low, digits)}, {points(high, digits)}]"


def points_estimate(difference: Number, low: Number, high: Number, digits: int = 1, unit: str = "") -> str:
    """`+1.2 [-0.3, +2.7]`, the unit behind the first of them."""
    return " ".join(
        part for part in (points(difference, digits), unit, points_ends(low, high, digits)) if part
    )


def points_interval(row: Mapping[Any, Any], name: str, digits: int = 1, unit: str = "points") -> str:
    """`points_estimate` of the columns name, name_low, name_high."""
    return points_estimate(row[name], row[f"{name}_low"], row[f"{name}_high"], digits, unit)


def percent(share: Number, digits: int = 1) -> str:
    return "" if _missing(share) else f"{share:.{digits}%}"


def probability(p: Number) -> str:
    """Of a test: three digits, and no number below them."""
    return "< .001" if not _missing(p) and float(p or 0) < 0.001 else number(p)


def thousands(count: int) -> str:
    return f"{count:,}"


def about(count: int) -> str:
    """To two digits, from a hundred on: more would promise what an estimate does not know."""
    digits = max(len(str(count)) - 2, 0)
    return thousands(round(count, -digits) if count >= 100 else count)


def significant(value: Number, digits: int = 3) -> str:
    return "" if _missing(value) else f"{value:.{digits}g}"


def named(names: Iterable[str], most: int = NAMED, what: str = "labels") -> str:
    """The names, or no more than how many there are."""
    names = list(names)
    return ", ".join(names) if len(names) <= most else f"{len(names)} {what}"


def capitalised(text: str) -> str:
    """The first letter alone."""
    return text[:1].upper() + text[1:]


def printable(text: str) -> str:
    """One line without control characters and marks of direction, which a terminal or a page would obey."""
    return UNPRINTABLE.sub(lambda found: " " if found[0] in SPACES else "\ufffd", text)


def holds_zero(low: float, high: float) -> bool:
    """Whether an interval cannot tell a difference from none."""
    return low <= 0 <= high


def _missing(value: Number) -> bool:
    return value is None or value != value
