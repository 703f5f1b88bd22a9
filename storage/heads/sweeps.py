"""A sweep on disk: the planned runs, and what one encoder's training left of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.files.arrays import read_arrays, write_arrays
from storage.files.documents import read_json, write_json
from storage.files.inputs import InputError
from storage.files.tensors import read_tensors, write_tensors

Floats32 = NDArray[np.float32]


@dataclass(frozen=True)
class PlannedRun:
    """spec: a methods.heads.specs.HeadSpec; this package only knows that it has an `id`."""

    profile: str
    size: str
    spec: Any


@dataclass(frozen=True)
class EncoderRuns:
    """logits: of each state, split by split; runs: facts of each run, `state` names its weights."""

    encoder: str
    dataset: str
    classes: list[str]
    foreground: int
    inputs: int
    train_counts: list[int]
    runs: list[dict[str, Any]]
    logits: Mapping[str, Mapping[str, Floats32]]


def plan_document(preset: str, runs: Sequence[PlannedRun], counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "preset": preset,
        **counts,
        "planned": [{"id": run.spec.id, "profile": run.profile, "size": run.size} for run in runs],
    }


def write_runs(path: Path, found: EncoderRuns) -> None:
    head = {name: getattr(found, name) for name in ("encoder", "dataset", "classes", "foreground", "inputs")}
    write_json(path, {**head, "train_counts": found.train_counts, "runs": found.runs})


def write_logits(path: Path, logits: Mapping[str, Mapping[str, Floats32]]) -> None:
    write_arrays(
        path, {f"{state}/{split}": each for state, of in logits.items() for split, each in of.items()}
    )


def read_runs(runs: Path, logits: Path) -> EncoderRuns:
    head = read_json(runs)
    found: dict[str, dict[str, Floats32]] = {}
    for name, values in read_arrays(logits).items():
        state, _, split = name.rpartition("/")
        found.setdefault(state, {})[split] = values
    return EncoderRuns(**head, logits=found)


def write_heads(
    path: Path, states: Mapping[str, Mapping[str, Floats32]], shared: Mapping[str, NDArray[Any]]
) -> None:
    """Every state's weights as `<state>/<parameter>`, and what all of them share (mean and spread of train)."""
    named = {f"{state}/{name}": each for state, of in states.items() for name, each in of.items()}
    write_tensors(path, {**named, **shared})


def read_head(path: Path, state: str) -> dict[str, NDArray[Any]]:
    """One state's parameters with `mean` and `spread`."""
    found = {
        name.removeprefix(f"{state}/"): each
        for name, each in read_tensors(path).items()
        if name.startswith(f"{state}/") or "/" not in name
    }
    if "w2" not in found:
        raise InputError(path, f"holds no weights of {state}; run the train stage again")
    return found
