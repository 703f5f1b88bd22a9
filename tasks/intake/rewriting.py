"""A stranger's file as the stages read it: under our names, where params have no place to say what a file's own are; with
0 and 1 for names of labels.

Only what is named is written; values stay as they are, but for a flag.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from storage.files.arrays import read_foreign_arrays, write_arrays
from storage.files.documents import read_foreign_json, write_text
from storage.files.foreign import ForeignTable, read_foreign_table
from storage.files.tables import write_parquet


@dataclass(frozen=True)
class Rewriting:
    """names: ours -> theirs, of columns, arrays or keys. flags: our column -> the name that counts as 1, all others as 0.
    categories: names that stand in place of the numbers of classes (JSON)."""

    names: Mapping[str, str]
    flags: Mapping[str, str] = field(default_factory=dict)
    categories: Sequence[str] = ()

    def write(self, file: Path, place: Path) -> None:
        """By the suffix of the place: .npz, .json, or .parquet, which a table of any kind becomes."""
        match place.suffix:
            case ".npz":
                stored = read_foreign_arrays(file, list(self.names.values()))
                write_arrays(place, {ours: stored[theirs] for ours, theirs in self.names.items()})
            case ".json":
                write_text(place, json.dumps(self.results(read_foreign_json(file))) + "\n")
            case _:
                table = read_foreign_table(file)
                columns = {ours: self._column(table, ours) for ours in self.names}
                write_parquet(place, pd.DataFrame(columns))

    def _column(self, table: ForeignTable, ours: str) -> "pd.Series[Any]":
        theirs = self.names[ours]
        if ours in self.flags:
            return (table.text(theirs).str.strip() == self.flags[ours]).astype(int)
        values = table.frame[theirs]
        plain = pd.api.types.infer_dtype(values, skipna=True) not in ("mixed", "mixed-integer")
        return values if plain or holds_lists(values) else table.text(theirs)

    def results(self, content: Any) -> Any:
        """A list of rows, or the one under annotations; keys that are not named stay, and what is no row."""
        whole = dict(content) if isinstance(content, dict) else {}
        ours_of = {theirs: ours for ours, theirs in self.names.items()}
        rows = [
            {
                ours_of.get(key, key): value
                for key, value in row.items()
                if key in ours_of or key not in self.names
            }
            if isinstance(row, dict)
            else row
            for row in (whole.get("annotations", []) if whole else content)
        ]
        if self.categories:
            whole["categories"] = [{"id": name, "name": name} for name in self.categories]
        return {**whole, "annotations": rows} if whole else rows


def holds_lists(values: "pd.Series[Any]") -> bool:
    return (
        bool(len(values))
        and hasattr(values.iloc[0], "__len__")
        and not isinstance(values.iloc[0], str | dict)
    )
