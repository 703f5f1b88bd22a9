"""Safetensors of strangers as numpy arrays: no torch, only what is wanted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from storage.files.inputs import InputError


def read_foreign_tensors(path: Path, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The tensors that are wanted and there. Raises InputError for a missing or damaged file, and for bfloat16."""
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
