"""Judge every method on test, choose on the groups of dev alone, and write table, decision, report and plots."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from methods.calibration.confidence_report import Settings, figures, mean_confidence, mean_correct, summary
from methods.calibration.cross_fitting import (
    Choice,
    choose_method,
    cross_fitted_nll,
    group_folds,
    without_folds,
)
from methods.calibration.recalibration import (
    Method,
    Prediction,
    Recalibration,
    apply,
    mean_logit,
    mean_probability,
    recalibrate,
)
from params.speech_temperature import Compare
from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json, write_text
from storage.files.tables import read_parquet, write_csv
from storage.speech.temperatures import SeedTemperature, read_temperature
from tasks.speech_temperature.comparison import plots, report
from tasks.speech_temperature.comparison.evaluation import Floats, Runs, load_runs

CONDITIONS = ("kind", "snr_db", "event_ms")


def main(
    params: Compare,
    clips: Path,
    prepared: Path,
    logits: dict[str, Path],
    seed: dict[str, Path],
    results: Path,
) -> None:
    facts = read_json(prepared)
    pinned = [read_temperature(path) for path in seed.values()]
    runs = load_runs(list(logits.values()), [each.seed for each in pinned], facts["labels"])
    settings = Settings(params.level, params.alpha, params.bins, params.null_draws, params.seed)
    fitted = recalibrations(runs, pinned)
    rows = predictions(fitted)
    control = rows["none"]
    choice = _choose(runs, pinned, params)
    methods = [each.method for each in pinned[0].methods]
    table = _table(rows, runs, dict(zip(methods, choice.nll, strict=True)), settings)
    table["status"] = [statuses(name, fitted, [each.seed for each in pinned]) for name in table["option"]]
    described = read_parquet(clips)
    errors = _by(["group"], runs, control, described)
    conditions = [_by([name], runs, control, described) for name in CONDITIONS if name in described]
    decision = report.decision(methods, choice, table, pinned, facts, params)
    with complete_folder(results) as folder:
        write_csv(folder / "table.csv", table)
        write_csv(folder / "seeds.csv", _per_seed(rows, runs, pinned, settings))
        write_csv(folder / "errors.csv", errors)
        for found in conditions:
            write_csv(folder / f"by_{found.columns[0]}.csv", found)
        write_json(
            folder / "temperatures.json",
            [each.model_dump(mode="json", exclude={"methods"}) for each in pinned],
        )
        write_json(folder / "decision.json", decision)
        write_text(
            folder / "report.md", report.page(decision, table, pinned, facts, errors, conditions, params)
        )
        calibrated = rows["temperature"]
        plots.reliability(folder / "reliability.png", control, calibrated, runs.test, params)
        plots.temperature_curve(folder / "nll_temperature.png", runs, pinned)
        plots.confidence(folder / "confidence.png", control, calibrated, runs.test.labels)
        plots.conditions(folder / "conditions.png", conditions)
        plots.seeds(folder / "seeds.png", rows, runs.test.labels, [each.seed for each in pinned])


def recalibrations(
    runs: Runs, pinned: list[SeedTemperature]
) -> dict[str, list[tuple[Recalibration, Floats]]]:
    """Option -> what was fitted on dev and the test logits it is for, one a seed; of models put together, one."""
    made = {
        entry.method: [(_fitted(each, number), z) for each, z in zip(pinned, runs.test.logits, strict=True)]
        for number, entry in enumerate(pinned[0].methods)
    }
    dev, test = mean_logit(runs.dev.logits), mean_logit(runs.test.logits)
    made["ensemble_logit"] = [(recalibrate("temperature", dev, runs.dev.labels), test)]
    if runs.baseline is not None:
        dev, test = runs.baseline
        made["baseline"] = [(recalibrate("none", dev, runs.dev.labels), test)]
        made["baseline_temperature"] = [(recalibrate("temperature", dev, runs.dev.labels), test)]
    return made


def predictions(fitted: dict[str, list[tuple[Recalibration, Floats]]]) -> dict[str, list[Prediction]]:
    """Option -> its predictions on test, one a seed; ensembles and the baseline have one."""
    made: dict[str, list[Prediction]] = {}
    for name, each in fitted.items():
        made[name] = [apply(found, logits) for found, logits in each]
        if name == "ensemble_logit":
            calibrated = [of_seed.probabilities for of_seed in made["temperature"]]
            made["ensemble_probability"] = [mean_probability(calibrated)]
    return made


def statuses(option: str, fitted: dict[str, list[tuple[Recalibration, Floats]]], seeds: list[int]) -> str:
    """`fitted`, or what else a fit on dev was, with the seeds that it was so for."""
    found = fitted["temperature" if option == "ensemble_probability" else option]
    if len(found) == 1:
        return found[0][0].status
    odd: dict[str, list[int]] = {}
    for seed, (each, _) in zip(seeds, found, strict=True):
        if each.status != "fitted":
            odd.setdefault(each.status, []).append(seed)
    return "; ".join(f"{name} (seed {', '.join(map(str, of))})" for name, of in odd.items()) or "fitted"


def _fitted(pinned: SeedTemperature, number: int) -> Recalibration:
    found = pinned.methods[number]
    parameters = {name: tuple(values) for name, values in found.parameters.items()}
    return Recalibration(_method(found.method), found.status, parameters)


def _method(name: str) -> Method:
    return name  # type: ignore[return-value]


def _choose(runs: Runs, pinned: list[SeedTemperature], params: Compare) -> Choice:
    dev = runs.dev
    try:
        folds = group_folds(dev.groups, dev.labels)
    except ValueError as error:
        return without_folds(len(pinned[0].methods), dev.groups, str(error))
    losses = [
        np.mean([cross_fitted_nll(_method(entry.method), z, dev.labels, folds) for z in dev.logits], axis=0)
        for entry in pinned[0].methods
    ]
    return choose_method(np.array(losses), dev.groups, params.alpha, params.seed)


def _table(
    rows: dict[str, list[Prediction]], runs: Runs, dev_nll: dict[str, float], settings: Settings
) -> pd.DataFrame:
    """A row per option over its seeds; the first is the control."""
    test = runs.test
    return pd.DataFrame(
        [
            {
                "option": name,
                "dev_nll": dev_nll.get(name),
                **summary(made, rows["none"], test.labels, test.groups, settings),
            }
            for name, made in rows.items()
        ]
    )


def _per_seed(
    rows: dict[str, list[Prediction]], runs: Runs, pinned: list[SeedTemperature], settings: Settings
) -> pd.DataFrame:
    records: list[dict[str, Any]] = []
    for name, made in rows.items():
        seeds = [each.seed for each in pinned] if len(made) == len(pinned) else ["all"]
        for seed, prediction in zip(seeds, made, strict=True):
            records.append(
                {
                    "option": name,
                    "seed": seed,
                    **asdict(figures(prediction, runs.test.labels, runs.test.groups, settings)),
                }
            )
    return pd.DataFrame(records)


def _by(columns: list[str], runs: Runs, control: list[Prediction], described: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and confidence of the uncalibrated model per value of a column that describes clips, least accurate first."""
    rows = described.set_index("clip").loc[runs.test.clips].reset_index()
    rows = rows.assign(accuracy=mean_correct(control, runs.test.labels), confidence=mean_confidence(control))
    found = rows.groupby(columns, as_index=False).agg(
        label=("label", "first"), clips=("clip", "size"), groups=("group", "nunique"),
        accuracy=("accuracy", "mean"), confidence=("confidence", "mean"),
    )  # fmt: skip
    if columns != ["group"]:
        return found.drop(columns="label")
    names = np.array(["A", "B"])
    return found.assign(label=names[found["label"]]).sort_values(["accuracy", "group"], ignore_index=True)
