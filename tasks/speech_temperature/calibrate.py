"""Fit every recalibration of one seed on dev alone, pin its temperature, and write predictions before and after."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from methods.calibration.recalibration import Method, Recalibration, apply, recalibrate, suits
from methods.calibration.temperature import fit_temperature
from params.speech_temperature import Calibrate
from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json
from storage.files.inputs import InputError
from storage.speech.logits import logit_array, read_split_logits, write_predictions
from storage.speech.temperatures import MethodFit, SeedTemperature, write_temperature

REPORTED = ("dev", "test")
NOT_GIVEN = {"status": "not given"}
STATES: tuple[tuple[str, Method], ...] = (("uncalibrated", "none"), ("calibrated", "temperature"))


def main(params: Calibrate, option: str, prepared: Path, logits: Path, seed: Path, predictions: Path) -> None:
    facts = read_json(prepared)
    labels: list[str] = facts["labels"]
    if int(option) not in facts.get("runs", [int(option)]):
        _absent(seed, predictions)
        return
    tables = {split: read_split_logits(logits, f"seed_{option}", split, labels) for split in REPORTED}
    dev = tables["dev"]
    z, y = logit_array(dev, labels), dev["label"].to_numpy(np.int64)
    if len(np.unique(y)) < 2:
        raise InputError(logits, "dev holds one class only; a temperature needs two", field="label")
    fits: dict[Method, Recalibration] = {
        method: recalibrate(method, z, y) for method in params.methods if suits(method, len(labels))
    }
    pinned = SeedTemperature(
        seed=int(option),
        method="temperature",
        rows=len(dev),
        groups=dev["group"].nunique(),
        labels=labels,
        methods=[MethodFit(**asdict(fit)) for fit in fits.values()],
        **asdict(fit_temperature(z, y)),
    )
    write_temperature(seed, pinned)
    with complete_folder(predictions) as folder:
        for split, table in tables.items():
            for state, method in STATES:
                made = apply(fits[method], logit_array(table, labels))
                path = folder / f"seed_{option}_{split}_{state}.csv"
                write_predictions(path, table, labels, made.probabilities, made.predicted)


def _absent(seed: Path, predictions: Path) -> None:
    """A run of the matrix that the user's file has no logits of."""
    write_json(seed, NOT_GIVEN)
    with complete_folder(predictions) as folder:
        write_json(folder / "status.json", NOT_GIVEN)
