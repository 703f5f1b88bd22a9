"""Every option judged on test by one evaluator: its fits on dev, its predictions and their figures, seed by seed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from methods.calibration.calibration_intervals import TemperatureInterval, temperature_interval
from methods.calibration.cross_fitting import POWER
from methods.calibration.evaluation import (
    ConfidenceFigures,
    ConfidenceSettings,
    evaluate,
    mean_nll,
    summary,
)
from methods.calibration.method_differences import MethodDifference, method_differences
from methods.calibration.recalibration import (
    Method,
    Prediction,
    Recalibration,
    apply,
    mean_logit,
    mean_probability,
    recalibrate,
)
from methods.statistics.sample_sizes import differing_groups_at_power
from params.speech_temperature import Compare
from storage.files.inputs import InputError
from storage.speech.logits import logit_array, read_split_logits
from storage.speech.temperatures import SeedCalibration

Floats = NDArray[np.float64]
Fits = list[tuple[Recalibration, Floats]]  # what was fitted on dev, and the test logits it is for

FITTED = "fitted"


@dataclass(frozen=True)
class SplitLogits:
    """logits: one (clips, classes) a seed, all of the same clips in the same order."""

    clips: list[str]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    logits: list[Floats]

    @property
    def classes(self) -> int:
        return int(self.logits[0].shape[1])


@dataclass(frozen=True)
class Runs:
    """baseline: logits of dev and of test, none where the backend has no baseline."""

    dev: SplitLogits
    test: SplitLogits
    baseline: list[Floats]


@dataclass(frozen=True)
class OptionEvaluation:
    """Predictions on test and their figures, one a seed; one in all where models are put together.

    summary: over seeds. status: of the fits on dev.
    """

    predictions: list[Prediction]
    figures: list[ConfidenceFigures]
    summary: dict[str, Any]
    status: str


def runs_of(facts: dict[str, Any], matrix: list[str]) -> list[str]:
    """Those of the matrix that there are logits of."""
    if "runs" not in facts:
        return matrix
    there = [str(run) for run in facts["runs"]]
    if missing := [run for run in there if run not in matrix]:
        raise InputError(
            Path("params.yaml"), f"run {missing[0]} is not in the matrix of dvc.yaml, which has {', '.join(matrix)}; name "
            "the runs so, as in {42: 0}", field="speech_temperature.prepare.seeds",
        )  # fmt: skip
    return there


def load_runs(logits: list[Path], seeds: list[int], labels: list[str]) -> Runs:
    dev, test = (split_logits(logits, seeds, split, labels) for split in ("dev", "test"))
    splits = ("dev", "test") if (logits[0] / "baseline_dev.csv").exists() else ()
    baseline = [
        logit_array(read_split_logits(logits[0], "baseline", split, labels), labels) for split in splits
    ]
    return Runs(dev, test, baseline)


def evaluations(
    runs: Runs, pinned: list[SeedCalibration], settings: ConfidenceSettings
) -> dict[str, OptionEvaluation]:
    """By option; the first is the control."""
    labels, groups, seeds = runs.test.labels, runs.test.groups, [each.seed for each in pinned]
    found: dict[str, OptionEvaluation] = {}
    for name, fits in _fits(runs, pinned).items():
        made = [apply(fit, logits) for fit, logits in fits]
        if name == "ensemble_probability":
            made = [mean_probability([of_seed.probabilities for of_seed in made])]
        control = found["none"].predictions if found else made
        figures = [evaluate(each, labels, groups, settings) for each in made]
        row = summary(figures, made, control, labels, groups, settings)
        found[name] = OptionEvaluation(made, figures, row, _status(fits, seeds))
    return found


def temperature_intervals(runs: Runs, level: float) -> list[TemperatureInterval]:
    """Of the temperature fitted on dev, one a seed, by its groups."""
    return [temperature_interval(z, runs.dev.labels, runs.dev.groups, level) for z in runs.dev.logits]


def better_than(
    evaluations: dict[str, OptionEvaluation], chosen: str, names: list[str], test: SplitLogits,
    alpha: float, seed: int,
) -> dict[str, MethodDifference]:  # fmt: skip
    """Those of `names` that test shows to have a lower NLL than the chosen method, corrected for all of them."""
    if not names:
        return {}
    base, *losses = [mean_nll(evaluations[name].predictions, test.labels) for name in (chosen, *names)]
    found, _ = method_differences(losses, base, test.groups, alpha, seed)
    return {
        name: each
        for name, each in zip(names, found, strict=True)
        if each.p is not None and each.p <= alpha and each.value < 0
    }


def groups_to_confirm(
    evaluations: dict[str, OptionEvaluation], chosen: str, test: SplitLogits, params: Compare
) -> int | None:
    """Test groups at which the chosen method would be told from the control with a chance of `POWER`, if they go on as
    they were seen."""
    loss, base = (mean_nll(evaluations[name].predictions, test.labels) for name in (chosen, "none"))
    size = differing_groups_at_power(loss - base, test.groups, params.level, POWER, params.seed)
    return None if size is None else max(size.n, len(np.unique(test.groups)))


def _fits(runs: Runs, pinned: list[SeedCalibration]) -> dict[str, Fits]:
    """By option, one a seed; of models put together, one, but for the mean of the calibrated probabilities."""

    def alone(method: Method, dev: Floats, test: Floats) -> Fits:
        return [(recalibrate(method, dev, runs.dev.labels), test)]

    found = {
        entry.method: [
            (_recalibration(of, number), z) for of, z in zip(pinned, runs.test.logits, strict=True)
        ]
        for number, entry in enumerate(pinned[0].methods)
    }
    if len(pinned) > 1:
        found["ensemble_logit"] = alone(
            "temperature", mean_logit(runs.dev.logits), mean_logit(runs.test.logits)
        )
        found["ensemble_probability"] = found["temperature"]
    if runs.baseline:
        found["baseline"] = alone("none", *runs.baseline)
        found["baseline_temperature"] = alone("temperature", *runs.baseline)
    return found


def _recalibration(pinned: SeedCalibration, number: int) -> Recalibration:
    fit = pinned.methods[number]
    parameters = {name: tuple(values) for name, values in fit.parameters.items()}
    return Recalibration(cast(Method, fit.method), fit.status, parameters)


def _status(fits: Fits, seeds: list[int]) -> str:
    """`fitted`, or what else a fit on dev was, with the seeds that it was so for."""
    if len(fits) == 1:
        return fits[0][0].status
    odd: dict[str, list[str]] = {}
    for seed, (fit, _) in zip(seeds, fits, strict=True):
        if fit.status != FITTED:
            odd.setdefault(fit.status, []).append(str(seed))
    return "; ".join(f"{name} (seed {', '.join(of)})" for name, of in odd.items()) or FITTED


def split_logits(logits: list[Path], seeds: list[int], split: str, labels: list[str]) -> SplitLogits:
    tables = [
        read_split_logits(folder, f"seed_{seed}", split, labels)
        for folder, seed in zip(logits, seeds, strict=True)
    ]
    first, of_clips = tables[0], ["clip", "group", "label"]
    for folder, table in zip(logits, tables, strict=True):
        if len(table) != len(first) or table[of_clips].ne(first[of_clips]).any(axis=None):
            raise InputError(
                folder, f"the {split} clips of the seeds differ; every seed has to answer the same clips"
            )
    return SplitLogits(
        first["clip"].tolist(),
        first["label"].to_numpy(np.int64),
        first["group"].to_numpy(str),
        [logit_array(table, labels) for table in tables],
    )
