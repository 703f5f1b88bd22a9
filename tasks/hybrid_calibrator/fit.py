"""Fit the control, the experts and the blenders on the train images; predict every candidate out of fold or anew."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods import blending, boosting, isotonic, perceptron
from methods.blending import (
    CrossFitted,
    Expert,
    Logistic,
    LogisticExpert,
    LogisticSettings,
    Perceptron,
    cross_fit,
    fit_logistic,
    image_folds,
    log_losses,
    meta_features,
    stacked_features,
)
from methods.boosting import BoostedExpert, BoostingSettings
from methods.isotonic import fit_curves
from methods.perceptron import PerceptronExpert, PerceptronSettings
from params.hybrid_calibrator import Blended, Boosted, Fit, LogisticRegression, Stacked
from storage.arrays import write_arrays
from storage.atomic import complete_folder
from storage.documents import read_json, write_json
from storage.finished import Finished
from storage.inputs import InputError
from storage.matrices import read_matrix
from storage.models import write_booster, write_tensors
from storage.tables import read_parquet

Floats = NDArray[np.float64]
CODE = tuple(
    Path(module.__file__) for module in (blending, boosting, isotonic, perceptron) if module.__file__
)


def main(
    params: Fit, option: str, candidates: Path, prepared: Path, features: Path,
    models: Path, predictions: Path, fitted: Path,
) -> None:  # fmt: skip
    inputs = (candidates, prepared, *sorted(features.iterdir()), *CODE, *_lock())
    finished = Finished(f"hybrid_calibrator_fit@{option}", inputs, params.model_dump())
    training = Training(_rows(candidates, prepared, features), params, finished)
    with complete_folder(models) as folder:
        found = {name: _fit(name, training, folder) for name in params.options}
        write_json(folder / "models.json", _contents(params, prepared, features))
    write_arrays(
        predictions,
        {
            "options": np.array(list(found)),
            "probabilities": np.stack([each.probabilities for each in found.values()]),
            **{f"expert:{name}": p for name, p in training.expert_probabilities.items()},
        },
    )
    write_json(
        fitted, {"experts": training.facts, "options": {name: each.facts for name, each in found.items()}}
    )
    finished.forget()


@dataclass(frozen=True)
class Rows:
    """Candidates as arrays; `train` numbers those that are fitted on."""

    image: NDArray[np.int64]
    train: NDArray[np.int64]
    label: NDArray[np.int64]
    positive: NDArray[np.bool_]
    has: NDArray[np.bool_]
    sources: list[str]
    dense: NDArray[Any]
    structured: NDArray[Any]


@dataclass(frozen=True)
class Fitted:
    """One option: per row a probability, on train rows out of fold."""

    probabilities: Floats
    facts: dict[str, Any]


class Training:
    """Each expert is fitted once, whichever options use it."""

    def __init__(self, rows: Rows, params: Fit, finished: Finished) -> None:
        self.rows, self.params, self.finished = rows, params, finished
        self.fold = image_folds(rows.image[rows.train], params.folds, params.seed)
        self.sees_crops = rows.dense.shape[1] > 0
        self.facts: dict[str, Any] = {}
        self.expert_probabilities: dict[str, Floats] = {}

    def fit(self, name: str, expert: Expert[Any], sees: bool = True) -> tuple[Any, Floats]:
        """The model that serves, and per row its probability, out of fold on train rows.

        An expert that sees no feature says the share of positives of its rows. Out of fold that share is lower
        where there are more positives, which a blender would take for a signal: it says the same for every row.
        """
        rows = self.rows
        found: CrossFitted[Any] = cross_fit(
            expert, rows.train, self.fold, self.params.folds,
            lambda unit, compute: self.finished.unit(f"{name}_{unit}", compute),
        )  # fmt: skip
        probabilities = expert.probabilities(found.model, np.arange(len(rows.label)))
        if sees:
            probabilities[rows.train] = found.out_of_fold
        loss = float(log_losses(found.out_of_fold, rows.positive[rows.train]).mean())
        self.facts[name] = {"rounds": found.rounds, "out_of_fold_log_loss": loss}
        self.expert_probabilities[name] = probabilities
        sys.stdout.write(f"{name}: {found.rounds} rounds, out-of-fold log-loss {loss:.4f}\n")
        return found.model, probabilities

    @cached_property
    def control(self) -> tuple[Any, Floats]:
        return self.fit("control", self.boosted(self.rows.dense, self.rows.structured))

    @cached_property
    def structured(self) -> tuple[Any, Floats]:
        return self.fit("structured", self.boosted(self.rows.structured))

    @cached_property
    def logistic(self) -> tuple[Logistic, Floats]:
        settings = logistic_settings(self.params.logistic)
        return self.fit(
            "logistic", LogisticExpert(self.rows.dense, self.rows.positive, settings), self.sees_crops
        )

    @cached_property
    def perceptron(self) -> tuple[Perceptron, Floats]:
        settings = PerceptronSettings(**self.params.perceptron.model_dump(), seed=self.params.seed)
        return self.fit(
            "perceptron", PerceptronExpert(self.rows.dense, self.rows.positive, settings), self.sees_crops
        )

    def boosted(self, *features: NDArray[Any]) -> BoostedExpert:
        settings = BoostingSettings(**self.params.boosting.model_dump(), seed=self.params.seed)
        return BoostedExpert(features, self.rows.positive, settings)


def logistic_settings(params: LogisticRegression) -> LogisticSettings:
    return LogisticSettings(**params.model_dump())


def _fit(name: str, training: Training, folder: Path) -> Fitted:
    """Fit one option and leave its models in `folder`."""
    option, rows = training.params.options[name], training.rows
    if isinstance(option, Boosted):
        everything = option.features == "all"
        model, probabilities = training.control if everything else training.structured
        write_booster(folder / ("control.ubj" if everything else "structured.ubj"), model)
        return Fitted(probabilities, {})
    if isinstance(option, Blended):
        return _blended(name, option, training, folder)
    if isinstance(option, Stacked):
        dense = _dense(option.dense, training, folder)
        model, probabilities = training.fit(name, training.boosted(rows.structured, stacked_features(dense)))
        write_booster(folder / f"{name}.ubj", model)
        return Fitted(probabilities, {})
    control = training.control[1]
    curves = fit_curves(control[rows.train], rows.positive[rows.train], rows.label[rows.train])
    write_arrays(
        folder / f"{name}.npz",
        {"label": curves.label, "given": curves.given, "calibrated": curves.calibrated},
    )
    return Fitted(curves.probabilities(control, rows.label), {})


def _blended(name: str, option: Blended, training: Training, folder: Path) -> Fitted:
    rows = training.rows
    dense = _dense(option.dense, training, folder)
    model, structured = training.structured
    write_booster(folder / "structured.ubj", model)
    meta = meta_features(dense, structured, rows.has)
    blender = fit_logistic(meta, rows.positive, rows.train, logistic_settings(training.params.blender))
    write_arrays(folder / f"{name}.npz", _coefficients(blender))
    names = ["dense", "structured", *(f"has_{source}" for source in rows.sources)]
    facts = {
        "coefficients": dict(zip(names, blender.coefficients.tolist(), strict=True)),
        "intercept": blender.intercept,
    }
    return Fitted(blender.probabilities(meta, np.arange(len(meta))), facts)


def _dense(kind: str, training: Training, folder: Path) -> Floats:
    """Per row the dense expert's probability; its model is pinned."""
    if kind == "logistic":
        logistic, probabilities = training.logistic
        write_arrays(folder / "logistic.npz", _coefficients(logistic))
        return probabilities
    perceptron, probabilities = training.perceptron
    tensors = {key: np.asarray(value) for key, value in vars(perceptron).items()}
    write_tensors(folder / "perceptron.safetensors", tensors)
    return probabilities


def _coefficients(model: Logistic) -> Mapping[str, NDArray[Any]]:
    return {"coefficients": model.coefficients, "intercept": np.array(model.intercept)}


def _contents(params: Fit, prepared: Path, features: Path) -> dict[str, Any]:
    """What scoring new candidates has to know: options, classes, sources and the order of the features."""
    facts = read_json(prepared)
    return {
        "options": {name: option.model_dump() for name, option in params.options.items()},
        "classes": facts["classes"],
        "sources": [source["name"] for source in facts["sources"]],
        **{kind: read_json(features / "manifest.json")[kind] for kind in ("dense", "structured")},
    }


def _rows(candidates: Path, prepared: Path, features: Path) -> Rows:
    table, facts = read_parquet(candidates), read_json(prepared)
    dense, structured = (read_matrix(features / f"{kind}.npy") for kind in ("dense", "structured"))
    for kind, matrix in (("dense", dense), ("structured", structured)):
        if len(matrix) != len(table):
            raise InputError(
                features / f"{kind}.npy",
                f"{len(matrix)} rows for {len(table)} candidates; run the features stage again",
            )
    known = ~table["ignored"].to_numpy(bool)  # what lies in a crowd is neither positive nor negative
    train = np.flatnonzero((table["split"].to_numpy(str) == "train") & known)
    positive = table["positive"].to_numpy(bool)
    if not 0 < positive[train].sum() < len(train):
        raise InputError(
            candidates,
            f"{int(positive[train].sum())} of {len(train)} train candidates are positive; fitting needs both kinds",
        )
    sources = [source["name"] for source in facts["sources"]]
    return Rows(
        table["image"].to_numpy(np.int64),
        train,
        table["label"].to_numpy(np.int64),
        positive,
        table[[f"has:{source}" for source in sources]].to_numpy(bool),
        sources,
        dense,
        structured,
    )


def _lock() -> list[Path]:
    return [path for path in (Path("requirements.lock"),) if path.exists()]
