"""What is wrong with what a reader did: rows that got other rows' values, messages that help nobody."""

import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tests.fuzz.mutations import Change
from tests.imports import ROOT

MESSAGE = 600  # characters of an InputError


def mispaired(change: Change, valid: Mapping[str, str], rows: Mapping[str, str]) -> str | None:
    """How the rows read contradict what the mutation kept."""
    other = [key for key, value in rows.items() if valid.get(key) != value]
    first = f"{other[0]!r}: {valid.get(other[0], 'no row')} -> {rows[other[0]]}"[:300] if other else ""
    if change.keeps == "refused":
        return "it was read, and has to be refused"
    if change.keeps == "same" and (other or len(rows) != len(valid)):
        return (
            f"it means the same; {len(rows)} of {len(valid)} rows were read, {len(other)} otherwise; {first}"
        )
    if change.touched is not None and len(other) > change.touched:
        return f"{change.touched} row(s) were touched, {len(other)} read otherwise; {first}"
    return None


def message_problem(message: str, folder: Path, file: str) -> tuple[str | None, str | None]:
    names = {each.name for each in (folder, *folder.rglob("*"))} | {Path(file).name}
    problem = None
    if not message.isprintable():
        problem = "is not one line of printable characters"
    elif len(message) > MESSAGE:
        problem = f"has {len(message)} characters"
    elif not any(name in message for name in names):
        problem = "names no file"
    return ("message", f"the message {problem}: {message[:MESSAGE]!r}") if problem else (None, None)


def fingerprints(rows: Mapping[str, object]) -> dict[str, str]:
    return {str(key): _plain(value) for key, value in rows.items()}


def _plain(value: object) -> str:
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_plain, value))})"
    if isinstance(value, np.ndarray | np.generic):
        return repr(value.tolist())
    return repr(value)


def short(error: BaseException) -> str:
    """The error and the project's last lines that led to it."""
    frames = [
        f"{Path(frame.filename).relative_to(ROOT)}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(ROOT)
        and not Path(frame.filename).is_relative_to(Path(sys.prefix))
    ]
    return f"{type(error).__name__}: {str(error)[:300]} ({' > '.join(frames[-3:])})"
