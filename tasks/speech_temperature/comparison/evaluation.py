"""What fit left of every seed, as the arrays that compare works on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from storage.files.inputs import InputError
from storage.speech.logits import logit_array, read_split_logits

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Split:
    """logits: one (clips, 2) a seed, all of the same clips in the same order."""

    clips: list[str]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    logits: list[Floats]


@dataclass(frozen=True)
class Runs:
    """baseline: logits of dev and test, where the backend has one."""

    dev: Split
    test: Split
    baseline: tuple[Floats, Floats] | None


def load_runs(logits: list[Path], seeds: list[int], labels: list[str]) -> Runs:
    dev, test = (_split(logits, seeds, split, labels) for split in ("dev", "test"))
    baseline = None
    if (logits[0] / "baseline_dev.csv").exists():
        tables = (read_split_logits(logits[0], "baseline", split, labels) for split in ("dev", "test"))
        first, second = (logit_array(table) for table in tables)
        baseline = first, second
    return Runs(dev, test, baseline)


def _split(logits: list[Path], seeds: list[int], split: str, labels: list[str]) -> Split:
    tables = [
        read_split_logits(folder, f"seed_{seed}", split, labels)
        for folder, seed in zip(logits, seeds, strict=True)
    ]
    first = tables[0]
    for folder, table in zip(logits, tables, strict=True):
        if len(table) != len(first) or table[["clip", "group", "label"]].ne(
            first[["clip", "group", "label"]]
        ).any(axis=None):
            raise InputError(
                folder, f"the {split} clips of the seeds differ; every seed has to answer the same clips"
            )
    return Split(
        first["clip"].tolist(),
        first["label"].to_numpy(np.int64),
        first["group"].to_numpy(str),
        [logit_array(table) for table in tables],
    )
