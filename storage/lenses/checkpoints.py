"""Where a training stands, as one safetensors file that is either whole or not there: tensors, and facts as JSON."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from storage.files.atomic import complete

_FACTS = "facts"


def write_checkpoint(path: Path, groups: dict[str, dict[str, torch.Tensor]], facts: dict[str, Any]) -> None:
    """groups: name -> tensors by name, in any memory layout."""
    tensors = {
        f"{group}/{name}": value.cpu().contiguous().clone()  # groups may share tensors, a file may not
        for group, values in groups.items()
        for name, value in values.items()
    }
    with complete(path) as partial:
        save_file(tensors, partial, metadata={_FACTS: json.dumps(facts)})


def read_checkpoint(path: Path) -> tuple[dict[str, dict[str, torch.Tensor]], dict[str, Any]]:
    """(groups, facts) as they were written; groups without tensors are not there."""
    groups: dict[str, dict[str, torch.Tensor]] = {}
    with safe_open(path, "pt") as stored:
        facts: dict[str, Any] = json.loads(stored.metadata()[_FACTS])
        for key in stored.keys():  # noqa: SIM118 - no mapping
            group, _, name = key.partition("/")
            groups.setdefault(group, {})[name] = stored.get_tensor(key)
    return groups, facts
