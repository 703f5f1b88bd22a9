"""Two experts and a blender: cross-fitting by fold, the choice among settings, and the meta features."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from methods.experts import logistic_regression
from methods.experts.logistic_regression import (
    Bools,
    Features,
    Floats,
    Index,
    Logistic,
    LogisticSettings,
    chunk,
    fit_logistic,
)
from methods.statistics.streams import seeded

Arrays = dict[str, NDArray[Any]]
Memo = Callable[[str, Callable[[], Arrays]], Arrays]

CLIP = 1e-6


# --- cross-fitting ----------------------------------------------------------------------------------------------

Model = TypeVar("Model")


class Expert(Protocol[Model]):
    """Something that can be fitted on rows, stopped by other rows, fitted again without a stop, and kept as arrays."""

    def fit(self, rows: Index, stop: Index) -> tuple[Model, int]:
        """A model of `rows` and how many rounds it took until `stop` no longer improved."""
        ...

    def refit(self, rows: Index, rounds: int) -> Model: ...

    def probabilities(self, model: Model, rows: Index) -> Floats: ...

    def arrays(self, model: Model) -> Arrays: ...

    def model(self, arrays: Arrays) -> Model: ...


@dataclass(frozen=True)
class OutOfFold:
    """probabilities: per row, by a model that saw neither its fold nor stopped on it; rounds: median over the folds."""

    probabilities: Floats
    rounds: int


@dataclass(frozen=True)
class CrossFit(Generic[Model]):
    """model: of all rows, for new ones. chosen: which of the experts it is."""

    model: Model
    chosen: int
    held_out: list[OutOfFold]

    @property
    def out_of_fold(self) -> Floats:
        return self.held_out[self.chosen].probabilities

    @property
    def rounds(self) -> int:
        return self.held_out[self.chosen].rounds


def cross_fit(
    experts: Sequence[Expert[Model]],
    positive: Bools,
    rows: Index,
    fold: Index,
    folds: int,
    memo: Memo | None = None,
) -> CrossFit[Model]:
    """Of experts that differ in their settings the one with the lowest out-of-fold log-loss, the earlier of equals.

    The model that serves new rows is fitted on all `rows`, for the median number of rounds. `fold` is given per
    row. `memo(name, compute)` may remember what is finished.
    """
    remembered = memo or _forgetful
    found = [
        hold_out(expert, rows, fold, folds, partial(_numbered, remembered, number))
        for number, expert in enumerate(experts)
    ]
    losses = [float(log_losses(each.probabilities, positive[rows]).mean()) for each in found]
    chosen = int(np.argmin(losses))
    best, rounds = experts[chosen], found[chosen].rounds
    kept = remembered(f"{chosen}_model", lambda: best.arrays(best.refit(rows, rounds)))
    return CrossFit(best.model(kept), chosen, found)


def _forgetful(_: str, compute: Callable[[], Arrays]) -> Arrays:
    return compute()


def _numbered(memo: Memo, number: int, unit: str, compute: Callable[[], Arrays]) -> Arrays:
    return memo(f"{number}_{unit}", compute)


def hold_out(expert: Expert[Model], rows: Index, fold: Index, folds: int, memo: Memo) -> OutOfFold:
    """For each fold k: fit on the others except the next one, stop on the next one, predict fold k."""
    out_of_fold, rounds = np.full(len(rows), np.nan), []
    for k in range(folds):
        held, stop = fold == k, fold == (k + 1) % folds

        def fold_predictions(held: Bools = held, stop: Bools = stop) -> Arrays:
            model, taken = expert.fit(rows[~held & ~stop], rows[stop])
            return {"p": expert.probabilities(model, rows[held]), "rounds": np.array(taken)}

        found = memo(f"fold_{k}", fold_predictions)
        out_of_fold[held] = found["p"]
        rounds.append(int(found["rounds"]))
    return OutOfFold(out_of_fold, int(np.median(rounds)))


def image_folds(image: Index, folds: int, seed: int) -> Index:
    """The fold of each row: whole images, as many in each fold as can be."""
    names, member = np.unique(image, return_inverse=True)
    shuffled = seeded(seed).permutation(len(names))
    return np.asarray(shuffled[member] % folds)


@dataclass(frozen=True)
class LogisticExpert:
    """It has no rounds: it is fitted to convergence, and its stop rows are fitted on as well."""

    features: Features
    positive: Bools
    settings: LogisticSettings

    def fit(self, rows: Index, stop: Index) -> tuple[Logistic, int]:
        return self.refit(np.sort(np.concatenate([rows, stop])), 0), 0

    def refit(self, rows: Index, rounds: int) -> Logistic:
        return fit_logistic(self.features, self.positive, rows, self.settings)

    def probabilities(self, model: Logistic, rows: Index) -> Floats:
        return model.probabilities(self.features, rows)

    def arrays(self, model: Logistic) -> Arrays:
        return {"coefficients": model.coefficients, "intercept": np.array(model.intercept)}

    def model(self, arrays: Arrays) -> Logistic:
        return Logistic(arrays["coefficients"], float(arrays["intercept"]))


def log_losses(probabilities: Floats, positive: Bools) -> Floats:
    """Per row."""
    right = np.where(positive, probabilities, 1 - probabilities)
    return np.asarray(-np.log(np.maximum(right, 1e-15)))


# --- the blender ------------------------------------------------------------------------------------------------


def meta_features(dense: Floats, structured: Floats, has: Bools) -> Floats:
    """(rows, 2 + sources): logits of both experts' probabilities and whether each source has the candidate."""
    logits = np.stack([clipped_logit(dense), clipped_logit(structured)], axis=1)
    return np.concatenate([logits, has.astype(np.float64)], axis=1)


def stacked_features(dense: Floats) -> Floats:
    """(rows, 1): what a stacked model sees of the dense expert."""
    return clipped_logit(dense)[:, None]


def clipped_logit(probabilities: Floats) -> Floats:
    return np.asarray(logit(np.clip(probabilities, CLIP, 1 - CLIP)))


@dataclass(frozen=True)
class Perceptron:
    """One hidden layer of rectified units on standardised features."""

    mean: Floats
    scale: Floats
    hidden: NDArray[np.float32]
    hidden_bias: NDArray[np.float32]
    output: NDArray[np.float32]
    output_bias: float

    def probabilities(self, features: Features, rows: Index) -> Floats:
        found = [np.empty(0)]
        for at in range(0, len(rows), logistic_regression.CHUNK):
            block = chunk(features, rows, at).astype(np.float64)
            block = ((block - self.mean) / self.scale).astype(np.float32)
            active = np.maximum(block @ self.hidden + self.hidden_bias, 0)
            found.append(expit((active @ self.output).astype(np.float64) + self.output_bias))
        return np.concatenate(found)
