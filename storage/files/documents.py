"""JSON and text, byte-stable: sorted by the writer, one final newline, no NaN; and JSON of strangers."""

import gc
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from storage.files.atomic import complete
from storage.files.inputs import NOT_UTF8, InputError

SURROGATE = re.compile(r"\\u[dD][89abAB]")
SIGNIFICANT_DIGITS = 6  # of floats in tables and decisions


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def read_foreign_json(path: Path) -> Any:
    """Any JSON document. Raises InputError for what is none, nests too deep, or holds text that is no Unicode."""
    text = read_text(path)
    with _uncollected():
        return parsed_json(path, text)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without looking for objects that hold each other, of which JSON makes none: for millions of rows half of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def parsed_json(path: Path, text: str, row: int | None = None) -> Any:
    """One document of the file; row: where it stands, if it is a line of it."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(path, f"not JSON: {error.msg}", row=row or error.lineno) from None
    except RecursionError:
        raise InputError(path, "nested too deeply; expected plain records", row=row) from None
    except ValueError as error:  # a whole number of thousands of digits
        raise InputError(path, f"not JSON that can be read: {error}", row=row) from None
    if SURROGATE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise InputError(
                path, r"half of a character (\ud800 to \udfff alone); write text as UTF-8", row=row
            ) from None
    return value


def read_text(path: Path) -> str:
    """The file as UTF-8 (with or without a byte-order mark); InputError says where it is something else."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise InputError(path, "no such file; params.yaml names it") from None
    except IsADirectoryError:
        raise InputError(path, "is a folder; expected a file") from None
    except UnicodeDecodeError as error:
        row = path.read_bytes()[: error.start].count(b"\n") + 1
        raise InputError(path, f"byte {error.start} is {NOT_UTF8}", row=row) from None


def write_text(path: Path, text: str) -> None:
    with complete(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")
