"""Gradient-boosted trees as expert: XGBoost over chunks of one or two feature matrices, stopped by other images."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from methods.experts.blending import Arrays
from methods.experts.logistic_regression import Bools, Features, Floats, Index

CHUNK = 1 << 15


@dataclass(frozen=True)
class BoostingSettings:
    """`patience` rounds without a better log-loss on the stop rows end the training, `rounds` end it anyway."""

    depth: int
    learning_rate: float
    rounds: int
    row_share: float
    column_share: float
    patience: int
    bins: int
    least_hessian: float
    least_gain: float
    seed: int


@dataclass(frozen=True)
class BoostingExpert:
    """Trees on the columns of all `features` side by side; NaN is a missing value."""

    features: tuple[Features, ...]
    positive: Bools
    settings: BoostingSettings

    def fit(self, rows: Index, stop: Index) -> tuple[xgboost.Booster, int]:
        """The model of the best round, and its number."""
        train = self._quantised(rows, None)
        booster = xgboost.train(
            self._parameters(),
            train,
            self.settings.rounds,
            evals=[(self._quantised(stop, train), "stop")],
            early_stopping_rounds=self.settings.patience,
            verbose_eval=False,
        )
        best = booster.best_iteration + 1
        return booster[:best], best

    def refit(self, rows: Index, rounds: int) -> xgboost.Booster:
        return xgboost.train(self._parameters(), self._quantised(rows, None), rounds)

    def probabilities(self, model: xgboost.Booster, rows: Index) -> Floats:
        return boosting_probabilities(model, self.features, rows)

    def arrays(self, model: xgboost.Booster) -> Arrays:
        return {"ubj": np.frombuffer(bytes(model.save_raw("ubj")), np.uint8)}

    def model(self, arrays: Arrays) -> xgboost.Booster:
        booster = xgboost.Booster()
        booster.load_model(bytearray(arrays["ubj"].tobytes()))
        return booster

    def _parameters(self) -> dict[str, Any]:
        return {
            "objective": "binary:logistic",
            "eval_metric": "logloss",
            "tree_method": "hist",
            "max_depth": self.settings.depth,
            "eta": self.settings.learning_rate,
            "subsample": self.settings.row_share,
            "colsample_bytree": self.settings.column_share,
            "max_bin": self.settings.bins,
            "min_child_weight": self.settings.least_hessian,
            "gamma": self.settings.least_gain,
            "seed": self.settings.seed,
        }

    def _quantised(self, rows: Index, like: xgboost.QuantileDMatrix | None) -> xgboost.QuantileDMatrix:
        chunks = _Chunks(self.features, self.positive, rows)
        return xgboost.QuantileDMatrix(chunks, ref=like, max_bin=self.settings.bins)


def boosting_probabilities(booster: xgboost.Booster, features: tuple[Features, ...], rows: Index) -> Floats:
    found = [
        booster.inplace_predict(side_by_side(features, rows[at : at + CHUNK]))
        for at in range(0, len(rows), CHUNK)
    ]
    return np.concatenate([np.empty(0), *found]).astype(np.float64)


def side_by_side(features: tuple[Features, ...], rows: Index) -> NDArray[np.float32]:
    return np.concatenate([each[rows].astype(np.float32) for each in features], axis=1)


class _Chunks(xgboost.DataIter):
    """Chunks of rows, so that only the quantised features are ever held whole."""

    def __init__(self, features: tuple[Features, ...], positive: Bools, rows: Index) -> None:
        super().__init__()
        self.features, self.positive, self.rows, self.at = features, positive, rows, 0

    def next(self, input_data: Callable[..., Any]) -> bool:
        if self.at >= len(self.rows):
            return False
        rows = self.rows[self.at : self.at + CHUNK]
        input_data(data=side_by_side(self.features, rows), label=self.positive[rows].astype(np.float32))
        self.at += CHUNK
        return True

    def reset(self) -> None:
        self.at = 0
