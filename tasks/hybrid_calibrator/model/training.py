"""The experts of one variant: each is cross-fitted on the train images once, whichever options use it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.experts.blending import Expert, LogisticExpert, cross_fit, image_folds, log_losses
from methods.experts.boosting import BoostingExpert, BoostingSettings
from methods.experts.logistic_regression import LogisticSettings
from methods.experts.perceptron import PerceptronExpert, PerceptronSettings
from params.hybrid_calibrator import Fit
from storage.detections.matrices import read_matrix
from storage.files.documents import read_json
from storage.files.finished import Finished
from storage.files.inputs import InputError
from storage.files.tables import read_parquet
from tasks.hybrid_calibrator.model.columns import columns, distinct_sets, same_set

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CandidateRows:
    """Candidates as arrays; `train` numbers those that are fitted on."""

    image: NDArray[np.int64]
    train: NDArray[np.int64]
    label: NDArray[np.int64]
    positive: NDArray[np.bool_]
    has: NDArray[np.bool_]
    sources: list[str]
    dense: NDArray[Any]
    structured: NDArray[Any]
    dense_names: list[str]

    @classmethod
    def read(cls, candidates: Path, prepared: Path, features: Path) -> "CandidateRows":
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
        return cls(
            table["image"].to_numpy(np.int64), train, table["label"].to_numpy(np.int64), positive,
            table[[f"has:{source}" for source in sources]].to_numpy(bool), sources, dense, structured,
            read_json(features / "manifest.json")["dense"],
        )  # fmt: skip


@dataclass(frozen=True)
class ExpertResult:
    """An expert: the model that serves, per row its probability, out of fold on train rows, and the loss of those."""

    name: str
    model: Any
    probabilities: Floats
    loss: float


class ExpertTraining:
    def __init__(self, rows: CandidateRows, params: Fit, finished: Finished) -> None:
        self.rows, self.params, self.finished = rows, params, finished
        self.fold = image_folds(rows.image[rows.train], params.folds, params.seed)
        self.sees_crops = rows.dense.shape[1] > 0
        self.results: dict[str, ExpertResult] = {}
        self.facts: dict[str, Any] = {}

    def boosting(self, features: str) -> ExpertResult:
        """XGBoost on a set of columns."""
        rows = self.rows
        name = same_set(features, rows.dense_names)
        return self.trees(name, *columns(name, rows.dense_names, rows.dense, rows.structured))

    @cached_property
    def selected(self) -> ExpertResult:
        """XGBoost on the columns that it does best with, out of fold on the train images; fewer columns where equal."""
        tried = [self.boosting(features) for features in distinct_sets(self.rows.dense_names)]
        return min(tried, key=lambda each: each.loss)

    def trees(self, name: str, *features: NDArray[Any]) -> ExpertResult:
        """XGBoost with the best of the tree settings."""
        common = self.params.boosting.model_dump(exclude={"trees"})
        settings = [
            BoostingSettings(**common, **each.model_dump(), seed=self.params.seed)
            for each in self.params.boosting.trees
        ]
        return self._fit(name, [BoostingExpert(features, self.rows.positive, each) for each in settings])

    @property
    def logistic(self) -> ExpertResult:
        settings = LogisticSettings(**self.params.logistic.model_dump())
        expert = LogisticExpert(self.rows.dense, self.rows.positive, settings)
        return self._fit("logistic", [expert], self.sees_crops)

    @property
    def perceptron(self) -> ExpertResult:
        settings = PerceptronSettings(**self.params.perceptron.model_dump(), seed=self.params.seed)
        expert = PerceptronExpert(self.rows.dense, self.rows.positive, settings)
        return self._fit("perceptron", [expert], self.sees_crops)

    def _fit(self, name: str, experts: Sequence[Expert[Any]], sees: bool = True) -> ExpertResult:
        """An expert that sees no feature says the share of positives of its rows. Out of fold that share is lower
        where there are more positives, which a blender would take for a signal: it says the same for every row.
        """
        if name in self.results:
            return self.results[name]
        rows = self.rows
        found = cross_fit(
            experts, rows.positive, rows.train, self.fold, self.params.folds,
            lambda unit, compute: self.finished.unit(f"{name}_{unit}", compute),
        )  # fmt: skip
        probabilities = experts[found.chosen].probabilities(found.model, np.arange(len(rows.label)))
        if sees:
            probabilities[rows.train] = found.out_of_fold
        positive = rows.positive[rows.train]
        losses = [float(log_losses(each.probabilities, positive).mean()) for each in found.held_out]
        loss = losses[found.chosen]
        self.facts[name] = {
            "setting": found.chosen, "rounds": found.rounds, "out_of_fold_log_loss": loss, "of_settings": losses,
        }  # fmt: skip
        sys.stdout.write(f"{name}: setting {found.chosen + 1} of {len(losses)}, {found.rounds} rounds, ")
        sys.stdout.write(f"out-of-fold log-loss {loss:.4f}\n")
        self.results[name] = ExpertResult(name, found.model, probabilities, loss)
        return self.results[name]
