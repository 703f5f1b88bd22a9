"""Where a figure comes from. `fpr_thresholds:table.csv[A_as_is;crypto]/fpr_high` is a cell, `...decision.json/chosen`
an entry, `recorded:power.md#1[head_sweep;1]/says` a cell of a bench's first table; a last `/0`, `/1` is one of several
numbers in a cell. `root:` is the repository, `bench:` its folder; a study's name its results."""

import csv
import json
import re
from collections.abc import Callable
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from flows.published.terminal import results
from tasks.report.verdict import verdict
from tests.docs.figures.numerals import numerals, value_of
from tests.imports import ROOT

Rows = list[dict[str, str]]
ADDRESS = re.compile(
    r"(?P<place>[\w-]+):(?P<file>[^\[\]#]+?\.\w+?)(?:#(?P<table>\d+))?(?:\[(?P<keys>.*?)\])?(?:/(?P<path>.+))?$"
)


class SourceError(Exception):
    """An address that leads nowhere."""


def place(name: str) -> Path:
    folders = {"root": ROOT, "bench": ROOT / "bench", "recorded": ROOT / "bench" / "recorded"}
    if name in folders:
        return folders[name]
    if (ROOT / "results" / name).is_dir():
        return ROOT / "results" / name
    return next((ROOT / "studies" / name / "results").glob("*/"), ROOT / name)


@cache
def document(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


@cache
def tables(path: Path) -> list[Rows]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".csv":
        return [list(csv.DictReader(text.splitlines()))]
    found = []
    for block in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        header, _, *rows = (
            [cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()
        )
        found.append([dict(zip(header, row, strict=False)) for row in rows])
    return found


def rows(address: str, keys: str = "") -> Rows:
    """Rows of a table that have all keys, `value` in any column or `column=value`."""
    found = ADDRESS.match(address)
    if not found:
        raise SourceError(f"{address}: expected place:file.csv[key;key]/column")
    here = tables(place(found["place"]) / found["file"])[int(found["table"] or 1) - 1]
    return [row for row in here if all(_has(row, key) for key in (found["keys"] or keys).split(";") if key)]


def _has(row: dict[str, str], key: str) -> bool:
    column, equals, value = key.partition("=")
    return row.get(column) == value if equals and column in row else key in row.values()


def at(address: str) -> Any:
    """A number where what stands there is one (per cent as a share), else the text."""
    found = ADDRESS.match(address)
    if not found:
        raise SourceError(f"{address}: expected place:file.csv[key;key]/column")
    path = place(found["place"]) / found["file"]
    steps = (found["path"] or "").split("/")
    if not path.exists():
        raise SourceError(f"{address}: there is no such file")
    if path.suffix in (".csv", ".md"):
        chosen = rows(address)
        if len(chosen) != 1:
            raise SourceError(f"{address}: {len(chosen)} rows have these keys, expected 1")
        here: Any = chosen[0]
    else:
        here = document(path)
    for step in steps:
        here = _step(here, step, address)
    return _number(here)


def _step(here: Any, step: str, address: str) -> Any:
    try:
        if isinstance(here, str):
            return value_of(numerals(here)[int(step)].text)
        if isinstance(here, list) and "=" in step:
            name, _, value = step.partition("=")
            (here,) = (each for each in here if each[name] == value)
            return here
        return here[int(step)] if isinstance(here, list) else here[step]
    except (KeyError, IndexError, ValueError, TypeError):
        raise SourceError(f"{address}: there is no {step}") from None


def _number(here: Any) -> Any:
    if isinstance(here, str) and (found := numerals(here)) and found[0].text == here.strip():
        return value_of(here.strip())
    return here


def column(address: str, name: str) -> list[Any]:
    return [_number(row[name]) for row in rows(address)]


def numbers(address: str, name: str) -> list[float]:
    """All numbers that stand in a column's cells."""
    return [value_of(each.text) for row in rows(address) for each in numerals(row[name])]


def answer(experiment: str) -> str:
    return verdict(document(place(experiment) / "decision.json")).headline


@cache
def printed(experiment: str) -> list[str]:
    """What `flows.show` prints of it at 120 columns, a blank between words."""
    terminal = Console(width=120, file=StringIO(), record=True, color_system=None)
    terminal.print(results(ROOT, experiment))
    return [" ".join(line.split()) for line in terminal.export_text().splitlines() if line.strip()]


NAMES: dict[str, Callable[..., Any]] = {
    **{"at": at, "column": column, "numbers": numbers, "rows": rows, "answer": answer, "printed": printed},
    **{
        "min": min,
        "max": max,
        "len": len,
        "sum": sum,
        "abs": abs,
        "next": next,
        "zip": zip,
        "sorted": sorted,
    },
}


@cache
def source(expression: str) -> Any:
    """`=python` with the names above, or an address, perhaps with `* number` behind it."""
    try:
        if expression.startswith("="):
            return eval(expression[1:], {"__builtins__": {}, **NAMES})
        address, _, factor = expression.partition(" * ")
        return at(address) * float(factor) if factor else at(address)
    except SourceError:
        raise
    except Exception as error:
        raise SourceError(f"{expression}: {error}") from None
