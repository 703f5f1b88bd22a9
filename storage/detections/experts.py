"""Fitted models: XGBoost's own UBJ, coefficients as npz, perceptrons as safetensors. Nothing is unpickled."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray
from safetensors.numpy import load, save

from storage.files.atomic import complete
from storage.files.inputs import InputError


def write_booster(path: Path, booster: xgboost.Booster) -> None:
    with complete(path) as partial:
        partial.write_bytes(bytes(booster.save_raw("ubj")))


def read_booster(path: Path) -> xgboost.Booster:
    _require(path)
    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(path.read_bytes()))
    except xgboost.core.XGBoostError:
        raise InputError(path, "is not an XGBoost model in UBJ; run the fit stage again") from None
    return booster


def write_tensors(path: Path, tensors: Mapping[str, NDArray[Any]]) -> None:
    named = {name: np.array(tensors[name], order="C") for name in sorted(tensors)}
    with complete(path) as partial:
        partial.write_bytes(save(named))


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    _require(path)
    return dict(load(path.read_bytes()))


def _require(path: Path) -> None:
    if not path.exists():
        raise InputError(path, "no such model; `dvc checkout` or the fit stage brings it")
