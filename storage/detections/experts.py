"""Fitted trees in XGBoost's own UBJ: nothing is unpickled."""

from pathlib import Path

import xgboost

from storage.files.atomic import complete
from storage.files.inputs import InputError


def write_booster(path: Path, booster: xgboost.Booster) -> None:
    with complete(path) as partial:
        partial.write_bytes(bytes(booster.save_raw("ubj")))


def read_booster(path: Path) -> xgboost.Booster:
    if not path.exists():
        raise InputError(path, "no such model; `dvc checkout` or the fit stage brings it")
    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(path.read_bytes()))
    except xgboost.core.XGBoostError:
        raise InputError(path, "is not an XGBoost model in UBJ; run the fit stage again") from None
    return booster
