"""Exports of decisions made up for a test: through the experiments' own exporters, from artifacts as stages write them."""

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from methods.text.ngrams import NgramModel
from serving import load
from storage.files.arrays import write_arrays
from storage.files.documents import write_json
from storage.messages.thresholds import Adopted, AdoptedLabel, Shift, write_adopted
from storage.speech.temperatures import MethodFit, SeedCalibration, TemperatureEstimate, write_calibration
from tasks.report.export import Payload
from tasks.report.export_folder import contents, write

PROVENANCE = {
    "commit": "c" * 40, "dvc_lock": "d" * 64, "data": {"data": "e" * 32}, "params": "f" * 64, "requirements_lock": "0" * 64,
    "versions": {"numpy": "2"}, "serving": "0.1.0",
}  # fmt: skip
Parameters = Mapping[int, Mapping[str, list[float]]]


def decision(
    experiment: str, chosen: Any, evidence: Mapping[str, Any], action: str = "ship"
) -> dict[str, Any]:
    return {
        "format": 1, "experiment": experiment, "action": action, "grade": "holds", "chosen": chosen, "control": "control",
        "better_than_chosen": [], "would_change": [], "reasons": [{"kind": "choice", "text": "it was best"}],
        "evidence": evidence,
    }  # fmt: skip


def thresholds_export(
    folder: Path,
    thresholds: Mapping[str, float],
    clamp: float = 0.0,
    columns: Mapping[str, Any] | None = None,
) -> Path:
    """In `folder/exported`. columns: what the study's file calls them."""
    return _thresholds_export(
        folder, thresholds, {"kind": "scores", "clamp": clamp, "columns": columns}, {"kind": "given"}
    )


def texts_export(
    folder: Path, thresholds: Mapping[str, float], model: NgramModel, ngrams: Mapping[str, Any],
    columns: Mapping[str, Any] | None = None,
) -> Path:  # fmt: skip
    """In `folder/exported`. model: its rows in the reverse order of thresholds, as labels of a study need not be sorted."""
    trained = folder / "artifacts" / "fpr_thresholds" / "model"
    rows = {"coefficients": model.coefficients[::-1], "intercepts": model.intercepts[::-1]}
    write_json(trained / "model.json", {"labels": list(thresholds)[::-1]})
    write_arrays(trained / "ngrams.npz", rows)
    buckets = model.coefficients.shape[1] // 2
    stated = {"kind": "ngrams", "buckets": buckets, **ngrams}
    return _thresholds_export(folder, thresholds, {"kind": "messages", "columns": columns}, stated)


def _thresholds_export(
    folder: Path, thresholds: Mapping[str, float], prepare: Mapping[str, Any], model: Mapping[str, Any]
) -> Path:
    (folder / "params.yaml").write_text(
        json.dumps({"fpr_thresholds": {"prepare": prepare, "score": {"model": model}}})
    )
    labels = {name: _label(threshold) for name, threshold in thresholds.items()}
    artifacts = folder / "artifacts" / "fpr_thresholds"
    write_adopted(artifacts / "adopted.json", Adopted(labels=labels))
    held = {"recall": 0.5, "positives": 10, "false_positives": 1, "negatives": 100, "upper_bound": 0.05}
    decided = decision("fpr_thresholds", dict.fromkeys(thresholds, "N"), {"labels": {
        name: {"holdout": held} for name in thresholds
    }})  # fmt: skip
    return _export(folder, decided)


def _label(threshold: float) -> AdoptedLabel:
    infeasible = threshold == float("inf")
    return AdoptedLabel(
        threshold=threshold, status="infeasible" if infeasible else "feasible", certificate="needs 114 negatives, has 3",
        negatives=3, texts=3, fired_texts=0, positives=3, mined=0, pool_size=0, allowed=0, needed=114, upper_bound=None,
        low=None, high=None, selected_threshold=None, shift=Shift(gamma=1, threshold=threshold, status="feasible"),
        option="N", rule="guaranteed", alpha=0.02, delta=0.1,
    )  # fmt: skip


def recalibration_export(
    folder: Path, method: str, parameters: Parameters, classes: tuple[str, ...] = ("SPEECH", "NONSPEECH")
) -> Path:
    """parameters: seed -> name -> values."""
    artifacts = folder / "artifacts" / "speech_temperature"
    write_json(artifacts / "choice.json", {"chosen": 0})
    for seed, named in parameters.items():
        write_calibration(artifacts / f"seed_{seed}.json", _pinned(seed, method, named, classes))
    evidence = {"test_groups": 3, "test_nll": {"none": 1.0, method: 0.5}}
    action = "keep" if method == "none" else "ship"
    return _export(folder, decision("speech_temperature", method, evidence, action))


def _pinned(
    seed: int, method: str, parameters: Mapping[str, list[float]], classes: tuple[str, ...]
) -> SeedCalibration:
    fits = [
        MethodFit(method=name, status="fitted", parameters=values)
        for name, values in {"none": {}, method: dict(parameters)}.items()
    ]
    return SeedCalibration(
        seed=seed, method=method, temperature=None, status="fitted", rows=10, groups=4, nll_before=1.0, nll_after=0.5,
        labels=list(classes), methods=fits,
        estimate=TemperatureEstimate(temperature=1.0, status="fitted", nll_before=1.0, nll_after=0.5),
    )  # fmt: skip


def loaded(payload: Payload, experiment: str, folder: Path) -> Any:
    """What decides, of a folder that is written first."""
    decided = json.dumps(decision(experiment, "chosen", {})).encode()
    write(folder, contents(payload, decided, "Which?", None, _provenance(experiment), None))
    return load(folder)


def _export(folder: Path, decided: dict[str, Any]) -> Path:
    experiment = decided["experiment"]
    path = folder / "results" / experiment / "decision.json"
    write_json(path, decided)
    payload = import_module(f"tasks.{experiment}.use.export").payload(folder)
    exported = folder / "exported"
    write(exported, contents(payload, path.read_bytes(), "Which?", None, _provenance(experiment), None))
    return exported


def _provenance(experiment: str) -> dict[str, Any]:
    return PROVENANCE | {"data": {**PROVENANCE["data"], experiment: "1" * 32}}  # type: ignore[dict-item]
