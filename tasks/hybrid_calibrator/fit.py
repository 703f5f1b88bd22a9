"""Fit the control, the experts and the blenders on the train images; predict every candidate out of fold or anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.calibration.isotonic import fit_curves
from methods.experts.blending import meta_features, stacked_features
from methods.experts.logistic_regression import LogisticSettings, fit_logistic
from params.hybrid_calibrator import BlendOption, BoostingOption, Fit, StackOption
from storage.detections.experts import write_booster
from storage.files.arrays import write_arrays
from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json
from storage.files.finished import Finished
from storage.files.tensors import write_tensors
from tasks.hybrid_calibrator.model.status import STATUS, is_available, write_status
from tasks.hybrid_calibrator.model.training import CandidateRows, ExpertResult, ExpertTraining

Floats = NDArray[np.float64]


def main(
    params: Fit, option: str, candidates: Path, prepared: Path, features: Path,
    models: Path, predictions: Path, fitted: Path,
) -> None:  # fmt: skip
    if not is_available(prepared):
        write_status(models)
        write_arrays(predictions, {})
        write_json(fitted, STATUS)
        return
    inputs = (candidates, prepared, *sorted(features.iterdir()))
    finished = Finished(f"hybrid_calibrator_fit@{option}", inputs, params.model_dump())
    training = ExpertTraining(CandidateRows.read(candidates, prepared, features), params, finished)
    with complete_folder(models) as folder:
        fits = {name: _fit(name, training, folder) for name in params.options}
        write_json(folder / "models.json", _contents(fits, params, prepared, features))
    arrays = {
        "options": np.array(list(fits)),
        "probabilities": np.stack([each.probabilities for each in fits.values()]),
        **{f"expert:{name}": each.probabilities for name, each in training.results.items()},
    }
    write_arrays(predictions, arrays)
    options = {name: each.facts for name, each in fits.items()}
    write_json(fitted, {"experts": training.facts, "options": options})
    finished.forget()


@dataclass(frozen=True)
class OptionFit:
    """One option: per row a probability, on train rows out of fold."""

    probabilities: Floats
    facts: dict[str, Any]


def _fit(name: str, training: ExpertTraining, folder: Path) -> OptionFit:
    """Fit one option and leave its models in `folder`."""
    option, rows = training.params.options[name], training.rows
    if isinstance(option, BoostingOption):
        return _boosting(option, training, folder)
    if isinstance(option, BlendOption):
        return _blend(name, option, training, folder)
    if isinstance(option, StackOption):
        dense = _dense(option.dense, training, folder)
        stacked = training.trees(name, rows.structured, stacked_features(dense.probabilities))
        write_booster(folder / f"{name}.ubj", stacked.model)
        return OptionFit(stacked.probabilities, {})
    control = _boosting(training.params.control, training, folder).probabilities
    curves = fit_curves(control[rows.train], rows.positive[rows.train], rows.label[rows.train])
    knots = {"label": curves.label, "given": curves.given, "calibrated": curves.calibrated}
    write_arrays(folder / f"{name}.npz", knots)
    return OptionFit(curves.probabilities(control, rows.label), {})


def _boosting(option: BoostingOption, training: ExpertTraining, folder: Path) -> OptionFit:
    chosen = training.selected if option.features == "selected" else training.boosting(option.features)
    write_booster(folder / f"{chosen.name}.ubj", chosen.model)
    return OptionFit(chosen.probabilities, {"features": chosen.name})


def _blend(name: str, option: BlendOption, training: ExpertTraining, folder: Path) -> OptionFit:
    rows = training.rows
    dense, structured = _dense(option.dense, training, folder), training.boosting("structured")
    write_booster(folder / "structured.ubj", structured.model)
    meta = meta_features(dense.probabilities, structured.probabilities, rows.has)
    settings = LogisticSettings(**training.params.blender.model_dump())
    blender = fit_logistic(meta, rows.positive, rows.train, settings)
    write_arrays(folder / f"{name}.npz", vars(blender))
    names = ["dense", "structured", *(f"has_{source}" for source in rows.sources)]
    coefficients = dict(zip(names, blender.coefficients.tolist(), strict=True))
    facts = {"coefficients": coefficients, "intercept": blender.intercept}
    return OptionFit(blender.probabilities(meta, np.arange(len(meta))), facts)


def _dense(kind: str, training: ExpertTraining, folder: Path) -> ExpertResult:
    """The dense expert; its model is pinned."""
    if kind == "logistic":
        write_arrays(folder / "logistic.npz", vars(training.logistic.model))
        return training.logistic
    tensors = {key: np.asarray(value) for key, value in vars(training.perceptron.model).items()}
    write_tensors(folder / "perceptron.safetensors", tensors)
    return training.perceptron


def _contents(fits: Mapping[str, OptionFit], params: Fit, prepared: Path, features: Path) -> dict[str, Any]:
    """What scoring new candidates has to know: options (the control first, with the columns that it chose), classes,
    sources and the order of the features."""
    facts = read_json(prepared)
    options = {name: option.model_dump() for name, option in params.options.items()}
    for name, option in options.items():
        option |= {key: value for key, value in fits[name].facts.items() if key == "features"}
    return {
        "options": options,
        "classes": facts["classes"],
        "sources": [source["name"] for source in facts["sources"]],
        **{kind: read_json(features / "manifest.json")[kind] for kind in ("dense", "structured")},
    }
