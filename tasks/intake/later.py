"""Rows that came in after a decision, as the data of another study: what they replace, under which name, what is set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.files.joined import joined
from storage.files.tables import write_parquet


@dataclass(frozen=True)
class LaterData:
    """replaces: a file of the data folder. place: what comes there instead. files: whose rows it holds, in this order.
    needed: columns that all or none of the files have. settings: dotted keys under the experiment's block -> value.
    understood: what -> how, for people."""

    replaces: str
    place: str
    files: Sequence[Path]
    needed: Sequence[str]
    settings: Mapping[str, Any]
    understood: Mapping[str, str]

    def write(self, folder: Path) -> list[str]:
        """Into the data folder. What was left out: columns that not all files have. Raises InputError."""
        table, left_out = joined(self.files, self.needed)
        (folder / self.replaces).unlink(missing_ok=True)
        write_parquet(folder / self.place, table)
        return left_out
