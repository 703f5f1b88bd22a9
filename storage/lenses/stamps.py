"""A folder of stamps: rows.parquet, and per set and split one float16 array in the order of its rows, memory-mapped.

    <folder>/rows.parquet        every stamp's row, in the order of storage.lenses.manifests
    <folder>/<set>_<split>.npy   (rows of the split, 3, 63, 63) in nanomaggies, bands g, r, z
    <folder>/stamps.json         {"mode", "sets": {"arcs": {"train": n, ...}, "placebo": ..., "leak_<name>": ...}, ...}

A mode that the data does not have is a folder without rows and sets.

The set `arcs` holds the stamps as the experiment trains on them; `placebo` is the identical pipeline with arc flux 0;
each `leak_<name>` is a placebo in which one difference between the classes was planted on purpose.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.files.arrays import read_foreign_array
from storage.files.documents import read_foreign_json, write_json
from storage.files.foreign import read_foreign_table
from storage.files.inputs import InputError
from storage.files.tables import write_parquet

BANDS = ("g", "r", "z")
SIZE = 63
SPLITS = ("train", "val", "test")
SHAPE = (len(BANDS), SIZE, SIZE)
ARCS, PLACEBO, LEAK = "arcs", "placebo", "leak_"


@dataclass(frozen=True)
class Stamps:
    """rows: the split's part of rows.parquet, index 0..n-1. pixels: (n, 3, 63, 63) float16, read when touched."""

    rows: pd.DataFrame
    pixels: NDArray[np.float16]


def read_stamps(folder: Path, name: str, split: str) -> Stamps:
    """One set of one split; InputError if the folder does not hold it or its pixels do not match its rows."""
    rows = read_rows(folder)
    rows = rows[rows["split"] == split].reset_index(drop=True)
    path = set_path(folder, name, split)
    if not path.exists():
        raise InputError(path, f"this set was not rendered; the folder has {describe_sets(folder)}")
    pixels = read_foreign_array(path, mapped=True)
    if pixels.shape != (len(rows), *SHAPE) or pixels.dtype != np.float16:
        raise InputError(
            path,
            f"expected float16 {(len(rows), *SHAPE)}, got {pixels.dtype} {pixels.shape}: render it again",
        )
    return Stamps(rows, pixels)


def new_set(folder: Path, name: str, split: str, count: int) -> "np.memmap[Any, np.dtype[np.float16]]":
    """An array on disk to fill; `flush` it when it is full."""
    return np.lib.format.open_memmap(
        set_path(folder, name, split), mode="w+", dtype=np.float16, shape=(count, *SHAPE)
    )


def set_path(folder: Path, name: str, split: str) -> Path:
    return folder / f"{name}_{split}.npy"


def read_rows(folder: Path) -> pd.DataFrame:
    table = read_foreign_table(folder / "rows.parquet")
    table.require(
        ("stamp", "split", "label", "host_id", "pair_id", "theta_E"), "what render left: render it again"
    )
    return table.frame


def read_sets(folder: Path) -> dict[str, dict[str, int]]:
    """Set -> split -> stamps."""
    path = folder / "stamps.json"
    facts = read_foreign_json(path)
    sets = facts.get("sets") if isinstance(facts, dict) else None
    if not isinstance(sets, dict) or not all(isinstance(splits, dict) for splits in sets.values()):
        raise InputError(
            path, "expected the sets of a folder that render left: render it again", field="sets"
        )
    return sets


def has_stamps(folder: Path) -> bool:
    """Whether the data has this mode."""
    return bool(read_sets(folder))


def has_set(folder: Path, name: str, split: str) -> bool:
    return split in read_sets(folder).get(name, {})


def describe_sets(folder: Path) -> str:
    return "; ".join(f"{name} ({', '.join(splits)})" for name, splits in read_sets(folder).items())


def write_description(folder: Path, rows: pd.DataFrame, facts: Mapping[str, Any]) -> None:
    """Written after the pixels; `facts` holds at least `sets`."""
    write_parquet(folder / "rows.parquet", rows)
    write_json(folder / "stamps.json", dict(facts))
