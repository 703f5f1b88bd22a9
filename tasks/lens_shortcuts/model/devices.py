"""The device that a step takes: the one that params.yaml names, or a GPU where there is one."""

from pathlib import Path
from typing import Literal

import torch

from storage.files.inputs import InputError

PARAMS = Path("params.yaml")


def chosen_device(wanted: Literal["cpu", "cuda", "auto"], field: str) -> str:
    """cpu or cuda. field: of params.yaml, for the message where cuda is wanted and there is none."""
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError(PARAMS, "cuda is wanted but there is none here: name cpu or auto", field=field)
    return wanted
