"""Which column of a stranger's table is what: as they say, or by its name and by what it holds."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.formats import KINDS, listed
from storage.files.inputs import InputError, shown

Test = Callable[[ForeignTable, str], bool]
TRUTH = {"0", "1", "0.0", "1.0", "true", "false"}
LOOKED_AT = 2000  # rows, by which a column's kind is told
ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?")
DATE = (
    r"(\d{1,2}[./-]\d{1,2}[./-](\d{2}|\d{4})|\d{4}[./]\d{1,2}[./]\d{1,2})([T ,].*)?"  # not as ISO 8601 has it
)
SINCE_1970 = 1e8  # seconds or less that a time is after it
COMMA = r"^\s*([-+]?\d*),(\d+)\s*$"
NOTHING = ("", "nan", "none", "<na>", "null", "na", "n/a")
FEW = 100  # different values of a column of names
ALIKE = 0.7  # of rows, at most, differ in a column of groups


@dataclass(frozen=True)
class Role:
    """words: what such a column is called, in small letters without signs, the surest first. fits: whether it can be one by
    what it holds. alone: the only column that fits will do, whatever its name. several: a person may name more than one."""

    name: str
    words: tuple[str, ...]
    fits: Test
    needed: bool = True
    alone: bool = False
    several: bool = False


def assigned(table: ForeignTable, roles: Sequence[Role], stated: Mapping[str, str]) -> dict[str, str]:
    """Role -> column. Raises InputError for what is stated and is not there, and where nobody but a person can tell."""
    names = {role.name for role in roles}
    if unknown := [name for name in stated if name not in names]:
        raise InputError(
            table.path, f"--map knows no {shown(unknown[0])} here; there are {listed(sorted(names))}"
        )
    for ours, theirs in stated.items():
        if not table.has(theirs):
            raise InputError(
                table.path, f"--map {ours}={theirs}: no such column; there are {listed(table.names)}"
            )
    taken = dict(stated)
    for role in roles:
        if role.name not in taken and (column := _column(table, role, set(taken.values()))):
            taken[role.name] = column
    return taken


def _column(table: ForeignTable, role: Role, taken: set[str]) -> str | None:
    fitting = [name for name in table.names if name not in taken and role.fits(table, name)]
    plain = {name: re.sub(r"[^a-z0-9]+", "", name.lower()) for name in fitting}
    for word in role.words:
        if exact := [name for name in fitting if plain[name] == word]:
            return exact[0]
    near = [name for name in fitting if is_near(name, role.words)]
    candidates = near or (fitting if role.alone else [])
    if len(candidates) == 1:
        return candidates[0]
    if role.needed:
        raise InputError(table.path, _question(table, role, candidates))
    return None


def is_near(name: str, words: Sequence[str]) -> bool:
    """A word of some length anywhere in it, or any as its last part: `msg_id`, `TxnID`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()
    parts = [part for part in re.split(r"[^a-z0-9]+", apart) if part]
    return any(word in "".join(parts) for word in words if len(word) > 2) or parts[-1:] in [
        [word] for word in words
    ]


def _question(table: ForeignTable, role: Role, candidates: Sequence[str]) -> str:
    found = f"it may be {listed(candidates)}" if candidates else f"there are {listed(table.names)}"
    example = candidates[0] if candidates else "<column>"
    several = (
        f", or all of several with {role.name}={','.join(candidates)}"
        if role.several and candidates[1:]
        else ""
    )
    return f"which column is the {role.name}? {found}: say it with --map {role.name}={example}{several}"


# --- what a column holds ------------------------------------------------------------------------------------------


def anything(table: ForeignTable, name: str) -> bool:
    return table.has(name)


def is_flag(table: ForeignTable, name: str) -> bool:
    values = {text.strip().lower() for text in _some(table, name)}
    return bool(values) and values <= TRUTH


def is_number(table: ForeignTable, name: str) -> bool:
    """Numbers where anything stands."""
    numbers = pd.to_numeric(_there(table, name), errors="coerce")
    return bool(len(numbers)) and bool(np.isfinite(numbers.to_numpy(np.float64)).all())


def is_share(table: ForeignTable, name: str) -> bool:
    """Numbers from 0 to 1 that are not merely 0 and 1. Those with decimal commas, too, so that a reader says what to do."""
    if is_flag(table, name):
        return False
    pointed = _there(table, name).str.replace(COMMA, r"\1.\2", regex=True)
    numbers = pd.to_numeric(pointed, errors="coerce").to_numpy(np.float64)
    return len(numbers) > 0 and bool(((numbers >= -1e-3) & (numbers <= 1 + 1e-3)).mean() > 0.95)


def has_commas(table: ForeignTable, name: str) -> bool:
    """Decimal ones."""
    texts = _there(table, name)
    return len(texts) > 0 and bool(texts.str.fullmatch(COMMA).mean() > 0.9)


def is_time(table: ForeignTable, name: str) -> bool:
    if pd.api.types.is_datetime64_any_dtype(table.frame[name].dtype):
        return True
    texts = [text for text in _some(table, name) if text.strip()]
    return bool(texts) and sum(bool(ISO.fullmatch(text.strip())) for text in texts) > 0.9 * len(texts)


def may_be_time(table: ForeignTable, name: str, words: Sequence[str]) -> bool:
    """Dates written otherwise, or seconds since 1970 in a column that is called so."""
    texts = _there(table, name)
    if is_near(name, words) and is_number(table, name):
        return bool((pd.to_numeric(texts) > SINCE_1970).all())
    return len(texts) > 0 and bool(texts.str.strip().str.fullmatch(DATE).mean() > 0.9)


def is_unique(table: ForeignTable, name: str) -> bool:
    return bool(table.text(name).is_unique)


def is_name(table: ForeignTable, name: str) -> bool:
    """A few different values, each more than once."""
    values = table.text(name).nunique()
    return 1 < values <= FEW and values <= len(table.frame) / 2


def is_group(table: ForeignTable, name: str) -> bool:
    """Values that come again, of which there may be many."""
    values = table.text(name).nunique()
    return 1 < values <= ALIKE * len(table.frame)


def is_prose(table: ForeignTable, name: str) -> bool:
    texts = _some(table, name)
    return not is_number(table, name) and not is_time(table, name) and _words(texts) > 1.5


def _there(table: ForeignTable, name: str) -> "pd.Series[str]":
    """Those of `_some` that say something."""
    texts = pd.Series(_some(table, name), dtype=object)
    return texts[~texts.str.strip().str.lower().isin(NOTHING)].astype(object)


def _words(texts: Sequence[str]) -> float:
    return sum(len(text.split()) for text in texts) / max(len(texts), 1)


def _some(table: ForeignTable, name: str) -> list[str]:
    step = max(1, len(table.frame) // LOOKED_AT)
    values = table.frame[name].iloc[::step]
    if any(isinstance(value, list | np.ndarray | dict) for value in values[:1]):
        return []
    return [str(value) for value in values.tolist()]


def table_or_npz(path: Path, arrays: str) -> ForeignTable:
    """The table; InputError for another kind of file, where arrays come as an npz."""
    if not set(path.suffixes) & set(KINDS):
        raise InputError(
            path, "unknown kind of file; expected .csv, .tsv, .jsonl (each also with .gz), .parquet or .npz, which "
            f"np.savez('mine.npz', {arrays}) writes from arrays",
        )  # fmt: skip
    return read_foreign_table(path)


# --- in words -----------------------------------------------------------------------------------------------------


def form(table: ForeignTable) -> str:
    return f"{table.path.name}: {table.form}, {len(table.frame):,} rows, {len(table.names)} columns"


def span(table: ForeignTable, name: str) -> str:
    """The first and the last time."""
    times = pd.to_datetime(table.frame[name], utc=True, errors="coerce", format="ISO8601").dropna()
    return f"{times.min():%Y-%m-%d %H:%M} to {times.max():%Y-%m-%d %H:%M}" if len(times) else "no time"


def unread(table: ForeignTable, used: Sequence[str]) -> list[str]:
    return [shown(name)[1:-1] for name in table.names if name not in used]
