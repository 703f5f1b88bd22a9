"""The columns of each table.csv: what stands beside the table says of them, in the order of the committed file."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from docs.sphinx.reference.markdown import code, page, sentence, table

ENDS = {"_low": "lower end of its interval", "_high": "upper end of its interval"}


@dataclass(frozen=True)
class ColumnWords:
    """text: of the column itself. values: of each word that may stand in it."""

    text: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class TableWords:
    """rows: what a row is. endings and beginnings: parts of names that stand before or behind those of `columns`."""

    rows: str
    columns: Mapping[str, ColumnWords]
    endings: Mapping[str, str]
    beginnings: Mapping[str, str]

    def described(self, name: str) -> str | None:
        """The entry of `columns` that a column's name goes back to; None where nothing is said of it."""
        if name in self.columns:
            return name
        ending, beginning = ("|".join(map(re.escape, part)) for part in (self.endings, self.beginnings))
        for entry in self.columns:
            stem = re.sub(r"<\w+>", "(.+?)", entry)
            if re.fullmatch(f"(?:{beginning})?{stem}(?:{ending})?", name):
                return entry
        return None


def table_words(path: Path) -> TableWords:
    stated = YAML(typ="safe").load(path)
    columns = {
        name: ColumnWords(of, {}) if isinstance(of, str) else ColumnWords(of["is"], of["values"])
        for name, of in stated["columns"].items()
    }
    return TableWords(stated["rows"], columns, ENDS | stated.get("endings", {}), stated.get("beginnings", {}))


def files(root: Path) -> dict[str, Path]:
    """Page -> the words beside its table."""
    found = sorted((root / "tasks").glob("*/comparison/**/columns.yaml"))
    return {_title(path.relative_to(root)): path for path in found}


def _title(path: Path) -> str:
    """tasks/<experiment>/comparison/<what else has a table>/columns.yaml"""
    return "-".join([path.parts[1], *path.parts[3:-1]])


def header(root: Path, experiment: str) -> list[str]:
    """Of the committed table; empty where none is committed."""
    path = root / "results" / experiment / "table.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


def columns_pages(root: Path) -> dict[str, str]:
    return {
        f"columns_{name}": columns_page(name, table_words(path), header(root, name))
        for name, path in files(root).items()
    }


def columns_page(name: str, words: TableWords, names: Sequence[str]) -> str:
    """names: the columns that are there, which say what else an entry stands for."""
    of: dict[str, list[str]] = {}
    for each in names or words.columns:
        of.setdefault(words.described(each) or each, []).append(each)
    rows, valued = [], []
    for entry, there in of.items():
        said = words.columns.get(entry, ColumnWords("", {}))
        also = [code(each) for each in there if each != entry]
        rows.append([code(entry), sentence(said.text), ", ".join(also)])
        if said.values:
            words_of = table(
                ["it says", "which means"],
                ([code(key), sentence(value)] for key, value in said.values.items()),
            )
            valued.append(page(f"## What `{entry}` says", words_of).strip())
    added: dict[str, Any] = {f"...{key}": text for key, text in words.endings.items()}
    added |= {f"{key}...": text for key, text in words.beginnings.items()}
    return page(
        f"# Columns: {', '.join(name.split('-'))}",
        words.rows,
        table(["column", "what it is", "with it"], rows),
        "Names that are put together:",
        table(["part", "what it adds"], ([code(key), sentence(text)] for key, text in added.items())),
        *valued,
    )
