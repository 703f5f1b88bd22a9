"""Finished units of a costly step, kept until the step succeeds: a killed run goes on where it was."""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML

from storage.files.arrays import read_arrays, write_arrays

CACHE = Path(".cache")
GRAPH = Path("dvc.yaml")
CPU = (
    "MKL_CBWR",
    "ONEDNN_MAX_CPU_ISA",
    "ATEN_CPU_CAPABILITY",
    "OPENBLAS_CORETYPE",
    "NPY_DISABLE_CPU_FEATURES",
    "OMP_NUM_THREADS",
)  # fmt: skip - what the launcher sets and a result's last bits depend on
Arrays = dict[str, NDArray[Any]]


class Finished:
    """Units of arrays under .cache/<stage>-<key>; the key is everything that determines them.

    stage: with its option, as in `hybrid_calibrator_fit@tiles`. inputs: data. The code and the locked environment that
    the stage declares in dvc.yaml are added here, and the CPU's switches.
    """

    def __init__(self, stage: str, inputs: Iterable[Path], facts: Mapping[str, Any]) -> None:
        machine = [os.environ.get(name, "") for name in CPU]
        digest = hashlib.sha256(json.dumps([dict(facts), machine], sort_keys=True).encode())
        for path in [*inputs, *declared_code(stage.partition("@")[0])]:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        self.folder = CACHE / f"{stage}-{digest.hexdigest()[:24]}"

    def unit(self, name: str, compute: Callable[[], Mapping[str, NDArray[Any]]]) -> Arrays:
        path = self.folder / f"{name}.npz"
        if path.exists():
            sys.stdout.write(f"{name}: finished before\n")
            return read_arrays(path)
        arrays = {key: np.asarray(value) for key, value in compute().items()}
        write_arrays(path, arrays)
        return arrays

    def kept(self, name: str) -> Arrays | None:
        """The last state that `keep` was given under this name."""
        path = self.folder / f"{name}.npz"
        return read_arrays(path) if path.exists() else None

    def keep(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """In place of what was kept before, whole or not at all."""
        write_arrays(self.folder / f"{name}.npz", arrays)

    def forget(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def declared_code(stage: str) -> list[Path]:
    """Modules and lock file among the stage's dependencies; none where there is no such graph."""
    stages = YAML(typ="safe").load(GRAPH)["stages"] if GRAPH.exists() else {}
    entries = stages.get(stage, {}).get("deps", [])
    return [Path(entry) for entry in entries if isinstance(entry, str) and entry.endswith((".py", ".lock"))]
