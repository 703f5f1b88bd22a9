"""Weights of a torch model as safetensors: no pickle, the same bytes for the same weights."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from storage.files.atomic import complete


def write_weights(path: Path, weights: dict[str, torch.Tensor]) -> None:
    with complete(path) as partial:
        save_file(weights, partial)


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    return load_file(path)
