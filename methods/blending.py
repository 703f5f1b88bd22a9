"""Two experts and a blender: logistic regression over chunks, cross-fitting by fold, and the meta features."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

Floats = NDArray[np.float64]
Features = NDArray[np.floating[Any]]
Index = NDArray[np.int64]
Bools = NDArray[np.bool_]
Memo = Callable[[str, Callable[[], dict[str, NDArray[Any]]]], dict[str, NDArray[Any]]]

CLIP = 1e-6
CHUNK = 1 << 11  # rows held as floats at once: few enough for the cache of a core to help
RESIDENT = 2 << 30  # bytes of standardised features that are kept between passes; more is made anew in each


# --- logistic regression ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Logistic:
    """P = 1 / (1 + exp(-(features @ coefficients + intercept))), on features as they come."""

    coefficients: Floats
    intercept: float

    def probabilities(self, features: Features, rows: Index) -> Floats:
        scores = [
            chunk(features, rows, at).astype(np.float64) @ self.coefficients + self.intercept
            for at in range(0, len(rows), CHUNK)
        ]
        return np.asarray(expit(np.concatenate(scores))) if scores else np.empty(0)


@dataclass(frozen=True)
class LogisticSettings:
    """inverse_regularisation: scikit-learn's C, on standardised features; the intercept is free."""

    inverse_regularisation: float
    tolerance: float
    iterations: int


def fit_logistic(
    features: Features, positive: Bools, rows: Index, settings: LogisticSettings, resident: int = RESIDENT
) -> Logistic:
    """L2-regularised fit on `rows` by L-BFGS; `features` may be a float16 memory map, read in chunks.

    Minimises mean log-loss + |w|^2 / (2 C n) over standardised features, to a largest gradient of `tolerance`.
    float64 features are computed in float64, others in float32. Constant features get no weight.
    """
    target = positive[rows].astype(np.float64)
    blocks = _Blocks(features, rows, resident)
    penalty = 1 / (settings.inverse_regularisation * len(rows))

    def loss(weights: Floats) -> tuple[float, Floats]:
        w, b = weights[:-1], weights[-1]
        total, gradient = 0.0, np.zeros_like(weights)
        for start, block in blocks:
            y = target[start : start + len(block)]
            z = (block @ w.astype(block.dtype)).astype(np.float64) + b
            total += float((np.logaddexp(0, z) - y * z).sum())
            residual = expit(z) - y
            gradient[:-1] += block.T @ residual.astype(block.dtype)
            gradient[-1] += residual.sum()
        gradient /= len(rows)
        gradient[:-1] += penalty * w
        return total / len(rows) + 0.5 * penalty * float(w @ w), gradient

    start = np.zeros(features.shape[1] + 1)
    start[-1] = logit(np.clip(target.mean(), CLIP, 1 - CLIP))
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        options={
            "maxiter": settings.iterations,
            "gtol": settings.tolerance,
            "ftol": 64 * np.finfo(float).eps,
        },
    )
    coefficients = found.x[:-1] / blocks.scale.astype(np.float64)
    return Logistic(coefficients, float(found.x[-1] - coefficients @ blocks.mean.astype(np.float64)))


class _Blocks:
    """(first row, standardised chunk), kept in memory where all of it fits into `resident` bytes."""

    def __init__(self, features: Features, rows: Index, resident: int) -> None:
        self.features, self.rows = features, rows
        self.dtype = np.dtype(np.float64 if features.dtype == np.float64 else np.float32)
        fits = len(rows) * features.shape[1] * self.dtype.itemsize <= resident
        self.kept = list(self._converted()) if fits else None
        mean, scale = _moments(self.kept if self.kept is not None else self._converted(), features.shape[1])
        self.mean, self.scale = mean.astype(self.dtype), scale.astype(self.dtype)
        for _, block in self.kept or ():
            self._standardise(block)

    def __iter__(self) -> Iterator[tuple[int, Features]]:
        if self.kept is not None:
            yield from self.kept
            return
        for at, block in self._converted():
            yield at, self._standardise(block)

    def _converted(self) -> Iterator[tuple[int, Features]]:
        for at in range(0, len(self.rows), CHUNK):
            yield at, chunk(self.features, self.rows, at).astype(self.dtype)

    def _standardise(self, block: Features) -> Features:
        block -= self.mean
        block /= self.scale
        return block


def chunk(features: Features, rows: Index, at: int) -> Features:
    """The features of CHUNK rows from place `at` of `rows`; neighbours are not gathered one by one."""
    here = rows[at : at + CHUNK]
    neighbours = here[-1] - here[0] + 1 == len(here) and bool((np.diff(here) == 1).all())
    return features[here[0] : here[-1] + 1] if neighbours else features[here]


def moments(features: Features, rows: Index) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each feature; 1 for one that does not vary."""
    blocks = (
        (at, chunk(features, rows, at).astype(np.float32)) for at in range(0, len(rows), CHUNK)
    )  # fmt: skip
    return _moments(blocks, features.shape[1])


def _moments(blocks: Iterable[tuple[int, Features]], columns: int) -> tuple[Floats, Floats]:
    """Chan's update over chunks: each chunk around its own mean, so that large means cost no digits."""
    count, mean, squares = 0, np.zeros(columns), np.zeros(columns)
    for _, block in blocks:
        ones = np.ones(len(block), block.dtype)
        own = (ones @ block).astype(np.float64) / len(block)
        centred = block - own.astype(block.dtype)
        rest = (ones @ centred).astype(np.float64) / len(block)  # what rounding left of the mean
        np.square(centred, out=centred)
        spread = (ones @ centred).astype(np.float64) - len(block) * rest**2
        shift, total = own + rest - mean, count + len(block)
        squares += spread + shift**2 * count * len(block) / total
        mean += shift * len(block) / total
        count = total
    deviation = np.sqrt(np.maximum(squares / max(count, 1), 0.0))
    return mean, np.where(deviation > 1e-6 * np.maximum(np.abs(mean), 1e-3), deviation, 1.0)


# --- cross-fitting ----------------------------------------------------------------------------------------------

Model = TypeVar("Model")


class Expert(Protocol[Model]):
    """Something that can be fitted on rows, stopped by other rows, and fitted again without a stop."""

    def fit(self, rows: Index, stop: Index) -> tuple[Model, int]:
        """A model of `rows` and how many rounds it took until `stop` no longer improved."""
        ...

    def refit(self, rows: Index, rounds: int) -> Model: ...

    def probabilities(self, model: Model, rows: Index) -> Floats: ...


@dataclass(frozen=True)
class CrossFitted(Generic[Model]):
    """out_of_fold: per row the probability by a model that saw neither its fold nor stopped on it."""

    model: Model
    rounds: int
    out_of_fold: Floats


def cross_fit(
    expert: Expert[Model], rows: Index, fold: Index, folds: int, memo: Memo | None = None
) -> CrossFitted[Model]:
    """For each fold k: fit on the others except the next one, stop on the next one, predict fold k.

    The model that serves new rows is then fitted on all `rows`, for the median number of rounds. `fold` is given
    per row. `memo(name, compute)` may remember a finished fold.
    """
    out_of_fold, rounds = np.full(len(rows), np.nan), []
    for k in range(folds):
        held, stop = fold == k, fold == (k + 1) % folds

        def fold_predictions(held: Bools = held, stop: Bools = stop) -> dict[str, NDArray[Any]]:
            model, taken = expert.fit(rows[~held & ~stop], rows[stop])
            return {"p": expert.probabilities(model, rows[held]), "rounds": np.array(taken)}

        found = memo(f"fold_{k}", fold_predictions) if memo else fold_predictions()
        out_of_fold[held] = found["p"]
        rounds.append(int(found["rounds"]))
    median = int(np.median(rounds))
    return CrossFitted(expert.refit(rows, median), median, out_of_fold)


def image_folds(image: Index, folds: int, seed: int) -> Index:
    """The fold of each row: whole images, as many in each fold as can be."""
    names, member = np.unique(image, return_inverse=True)
    shuffled = np.random.Generator(np.random.Philox(seed)).permutation(len(names))
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
        for at in range(0, len(rows), CHUNK):
            block = chunk(features, rows, at).astype(np.float64)
            block = ((block - self.mean) / self.scale).astype(np.float32)
            active = np.maximum(block @ self.hidden + self.hidden_bias, 0)
            found.append(expit((active @ self.output).astype(np.float64) + self.output_bias))
        return np.concatenate(found)
