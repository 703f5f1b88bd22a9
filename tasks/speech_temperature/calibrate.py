"""Fit every recalibration on dev alone, choose one by its groups, pin it for each seed, and write predictions before
and after."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from methods.calibration.calibration_error import negative_log_likelihood
from methods.calibration.recalibration import Method, Recalibration, apply, recalibrate, suits
from methods.calibration.temperature import fit_temperature, mean_nll
from params.speech_temperature import Calibrate
from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json
from storage.files.inputs import InputError
from storage.speech.logits import logit_array, read_split_logits, write_predictions
from storage.speech.temperatures import MethodFit, SeedCalibration, TemperatureEstimate, write_calibration
from tasks.speech_temperature.comparison.choice import method_choice
from tasks.speech_temperature.comparison.evaluation import Floats, SplitLogits, runs_of, split_logits

REPORTED = ("dev", "test")
NOT_GIVEN = {"status": "not given"}


def main(
    params: Calibrate,
    prepared: Path,
    logits: dict[str, Path],
    choice: Path,
    seed: dict[str, Path],
    predictions: dict[str, Path],
) -> None:
    facts = read_json(prepared)
    labels: list[str] = facts["labels"]
    there = runs_of(facts, list(logits))
    dev = split_logits([logits[run] for run in there], [int(run) for run in there], "dev", labels)
    if len(np.unique(dev.labels)) < 2:
        raise InputError(logits[there[0]], "dev holds one class only; a temperature needs two", field="label")
    methods: list[Method] = [method for method in params.methods if suits(method, len(labels))]
    made = method_choice(dev, methods, params)
    write_json(choice, asdict(made))
    for number, run in enumerate(there):
        fits = {method: recalibrate(method, dev.logits[number], dev.labels) for method in methods}
        chosen = fits[methods[made.chosen]]
        pinned = _pinned(int(run), chosen, list(fits.values()), dev, dev.logits[number], labels)
        write_calibration(seed[run], pinned)
        _write_predictions(predictions[run], logits[run], int(run), chosen, labels)
    for run in set(logits) - set(there):
        _absent(seed[run], predictions[run])


def _pinned(
    seed: int,
    chosen: Recalibration,
    fits: list[Recalibration],
    dev: SplitLogits,
    z: Floats,
    labels: list[str],
) -> SeedCalibration:
    estimate, before = fit_temperature(z, dev.labels), mean_nll(z, dev.labels)
    return SeedCalibration(
        seed=seed,
        method=chosen.method,
        temperature={"none": 1.0, "temperature": estimate.temperature}.get(chosen.method),
        status=chosen.status,
        rows=len(dev.labels),
        groups=len(np.unique(dev.groups)),
        nll_before=before,
        nll_after=negative_log_likelihood(apply(chosen, z).probabilities, dev.labels),
        labels=labels,
        estimate=TemperatureEstimate(**asdict(estimate), nll_before=before),
        methods=[MethodFit(**asdict(fit)) for fit in fits],
    )


def _write_predictions(
    predictions: Path, logits: Path, seed: int, chosen: Recalibration, labels: list[str]
) -> None:
    states = {"uncalibrated": Recalibration("none", "fitted", {}), "calibrated": chosen}
    with complete_folder(predictions) as folder:
        for split in REPORTED:
            table = read_split_logits(logits, f"seed_{seed}", split, labels)
            for state, fit in states.items():
                made = apply(fit, logit_array(table, labels))
                path = folder / f"seed_{seed}_{split}_{state}.csv"
                write_predictions(path, table, labels, made.probabilities, made.predicted)


def _absent(seed: Path, predictions: Path) -> None:
    """A run of the matrix that the user's file has no logits of."""
    write_json(seed, NOT_GIVEN)
    with complete_folder(predictions) as folder:
        write_json(folder / "status.json", NOT_GIVEN)
