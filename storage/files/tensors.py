"""Safetensors as numpy arrays, without torch: no pickle, the same bytes for the same values."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

from storage.files.atomic import complete
from storage.files.inputs import InputError


def write_tensors(path: Path, tensors: Mapping[str, NDArray[Any]]) -> None:
    """In the order of their names; copies, as one file may not hold the same memory under two names."""
    named = {name: np.array(tensors[name], order="C") for name in sorted(tensors)}
    with complete(path) as partial:
        partial.write_bytes(save(named))


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """All that `write_tensors` wrote."""
    if not path.exists():
        raise InputError(path, "no such file; `dvc checkout` or its stage brings it")
    return dict(load(path.read_bytes()))


def read_foreign_tensors(path: Path, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Of a stranger's file, the tensors that are wanted and there. Raises InputError for a missing or damaged file, and for bfloat16."""
    if not path.is_file():
        raise InputError(path, "no such file; params.yaml names it")
    try:
        with safe_open(path, framework="numpy") as file:
            there = set(file.keys())
            return {name: file.get_tensor(name) for name in wanted if name in there}
    except (SafetensorError, OSError, TypeError, KeyError, ValueError, AttributeError) as error:
        raise InputError(
            path, f"not a safetensors file that can be read ({str(error)[:120]}); write it again, as float32"
        ) from None


def tensor_names(path: Path) -> list[str]:
    if not path.is_file():
        raise InputError(path, "no such file; params.yaml names it")
    try:
        with safe_open(path, framework="numpy") as file:
            return sorted(file.keys())
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(path, f"not a safetensors file that can be read ({str(error)[:120]})") from None
