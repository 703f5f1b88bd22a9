"""Pretrained vision transformers on disk (extra `encoders`); nothing is ever downloaded."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from storage.files.content import file_digest
from storage.files.inputs import InputError

PARAMS = Path("params.yaml")


def check_weights(name: str, weights: Path, digest: str) -> None:
    """InputError where the file is missing, or is not the one whose sha256 params.yaml states."""
    if not weights.is_file():
        raise InputError(
            weights,
            f"no such file: the weights of {name} are not part of this project and are never downloaded. Get "
            f"model.safetensors of timm/{name} from the hub that timm loads from (DINOv3 asks you to accept its "
            "licence there), put it anywhere, and name it and its sha256 under head_sweep.embed.encoders",
        )
    if (found := file_digest(weights).hex()) != digest:
        raise InputError(
            PARAMS,
            f"{weights} has sha256 {found}, params.yaml states {digest}; state it if this is the file you mean",
            field="head_sweep.embed.encoders",
        )


def load_vision_model(name: str, weights: Path, changes: Mapping[str, Any], device: str) -> Any:
    """timm's model `name` in evaluation mode on `device`, every weight from the file."""
    timm = _timm()
    try:
        model = timm.create_model(
            name, pretrained=True, pretrained_cfg_overlay={"file": str(weights)}, **changes
        )
    except (SafetensorError, RuntimeError, KeyError, ValueError, OSError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(weights, f"not the weights of {name}: {first}") from None
    return model.eval().requires_grad_(False).to(device)


def _timm() -> Any:
    try:
        return import_module("timm")
    except ImportError:
        raise InputError(
            PARAMS, "an encoder is of kind timm, which is not installed; install the extra: encoders",
            field="head_sweep.embed.encoders",
        ) from None  # fmt: skip
