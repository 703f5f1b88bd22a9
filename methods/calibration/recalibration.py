"""What may be done to logits after training, fitted on one split and applied to any: temperature and its rivals.

Two classes: d = logit 1 - logit 0. Only temperature (and no recalibration) can never change a prediction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit, log_softmax

from methods.calibration.temperature import Status, fit_temperature
from serving.rules.recalibration import recalibrated

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Method = Literal["none", "temperature", "platt", "bias", "threshold", "isotonic", "vector"]
METHODS: tuple[Method, ...] = ("none", "temperature", "bias", "platt", "threshold", "isotonic", "vector")

STEPS = 100


@dataclass(frozen=True)
class Recalibration:
    """A fitted method: parameters (a few named numbers each) and, as for temperature, whether the fit was regular."""

    method: Method
    status: Status
    parameters: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Prediction:
    """probabilities (n, k) and the class predicted (n,); with a threshold it need not be the likeliest."""

    probabilities: Floats
    predicted: Index

    @property
    def confidence(self) -> Floats:
        """Of the predicted class."""
        return np.asarray(self.probabilities[np.arange(len(self.predicted)), self.predicted])


def suits(method: Method, classes: int) -> bool:
    """Whether the method is for so many classes: some are of the margin between two."""
    return classes == 2 or method in ("none", "temperature", "vector")


def recalibrate(method: Method, logits: Floats, labels: Index) -> Recalibration:
    """Fit on logits (n, k) and labels (n,). ValueError where the method needs two classes and there are more."""
    if not suits(method, logits.shape[1]):
        raise ValueError(f"{method} is for two classes, got {logits.shape[1]}")
    return _FITS[method](logits, labels)


def apply(fitted: Recalibration, logits: Floats) -> Prediction:
    return Prediction(*recalibrated(fitted.method, fitted.parameters, logits))


def mean_logit(logits: list[Floats]) -> Floats:
    """Ensemble of models of the same rows; logits of two models may be of unlike size, their mean favours the larger."""
    return np.asarray(np.mean(logits, axis=0))


def mean_probability(probabilities: list[Floats]) -> Prediction:
    mean = np.asarray(np.mean(probabilities, axis=0))
    return Prediction(mean, mean.argmax(axis=1))


def _none(logits: Floats, labels: Index) -> Recalibration:
    return Recalibration("none", "fitted", {})


def _temperature(logits: Floats, labels: Index) -> Recalibration:
    fit = fit_temperature(logits, labels)
    return Recalibration("temperature", fit.status, {"temperature": (fit.temperature,)})


def _threshold(logits: Floats, labels: Index) -> Recalibration:
    """Where balanced accuracy is best, midway between two margins; of equal ones the nearest to 0, the argmax."""
    fit = fit_temperature(logits, labels)
    margin, positive = logits[:, 1] - logits[:, 0], labels == 1
    ranked = np.unique(margin)
    cuts = np.concatenate([[ranked[0] - 1], (ranked[1:] + ranked[:-1]) / 2, [ranked[-1] + 1], [0.0]])
    balanced = (positive.sum() - _below(cuts, margin[positive])) / max(int(positive.sum()), 1)
    balanced = balanced + _below(cuts, margin[~positive]) / max(int((~positive).sum()), 1)
    best = cuts[balanced >= balanced.max() - 1e-12]
    cut = float(best[np.abs(best).argmin()])
    return Recalibration("threshold", fit.status, {"temperature": (fit.temperature,), "threshold": (cut,)})


def _below(cuts: Floats, margin: Floats) -> Index:
    """How many margins lie below each cut."""
    return np.searchsorted(np.sort(margin), cuts)


def _platt(logits: Floats, labels: Index) -> Recalibration:
    return _logistic("platt", logits, labels)


def _bias(logits: Floats, labels: Index) -> Recalibration:
    return _logistic("bias", logits, labels)


def _logistic(method: Literal["platt", "bias"], logits: Floats, labels: Index) -> Recalibration:
    """expit(a d + b), with a = 1 for bias: Newton on the convex NLL with Platt's smoothed targets (1999), so that
    separable margins and a missing class have a finite optimum too."""
    margin, positive = logits[:, 1] - logits[:, 0], labels == 1
    ups = int(positive.sum())
    downs = len(labels) - ups
    target = np.where(positive, (ups + 1) / (ups + 2), 1 / (downs + 2))
    scale = float(np.abs(margin).max()) or 1.0
    columns = np.stack([margin / scale, np.ones_like(margin)], axis=1)
    free = np.array([method == "platt", True])
    at = np.array([scale if method == "bias" else 0.0, 0.0])
    for _ in range(STEPS):
        chance = expit(columns @ at)
        gradient = (columns.T @ (chance - target))[free]
        hessian = ((columns.T * (chance * (1 - chance))) @ columns)[np.ix_(free, free)]
        step = np.zeros(2)
        step[free] = -np.linalg.lstsq(hessian, gradient, rcond=1e-12)[0]
        at = at + _shortened(step, at, columns, target)
        if np.abs(step).max() <= 1e-12 * (1 + np.abs(at).max()):
            break
    slope, intercept = float(at[0] / scale), float(at[1])
    status: Status = "fitted" if slope > 0 else "anti-informative"
    return Recalibration(method, status, {"slope": (slope,), "intercept": (intercept,)})


def _shortened(step: Floats, at: Floats, columns: Floats, target: Floats) -> Floats:
    """The step, halved until the NLL does not rise."""

    def nll(place: Floats) -> float:
        score = columns @ place
        return float((np.logaddexp(0, score) - target * score).sum())

    start = nll(at)
    for _ in range(60):
        if nll(at + step) <= start + 1e-12 * abs(start):
            return step
        step = step / 2
    return np.zeros_like(step)


def _isotonic(logits: Floats, labels: Index) -> Recalibration:
    """Pool adjacent violators of d, straight lines between the blocks; no share beyond 1 / (n + 2) and its mirror."""
    margin, inverse, count = np.unique(logits[:, 1] - logits[:, 0], return_inverse=True, return_counts=True)
    found = isotonic_regression(np.bincount(inverse, labels == 1) / count, weights=count)
    starts, ends = found.blocks[:-1], found.blocks[1:]
    least = 1 / (len(labels) + 2)
    level = np.clip(found.x[starts], least, 1 - least)
    at = np.stack([margin[starts], margin[ends - 1]], axis=1).ravel()
    parameters = {"at": tuple(at.tolist()), "probability": tuple(np.repeat(level, 2).tolist())}
    return Recalibration("isotonic", "fitted" if len(level) > 1 else "anti-informative", parameters)


def _vector(logits: Floats, labels: Index) -> Recalibration:
    """A scale and a bias per class (Guo et al. 2017), with a weak pull towards scale 1 and bias 0: one row's worth."""
    n, k = logits.shape
    size = float(np.abs(logits).max()) or 1.0
    truth = np.zeros((n, k))
    truth[np.arange(n), labels] = 1.0

    def objective(at: Floats) -> tuple[float, Floats]:
        scale, bias = at[:k], at[k:]
        log_p = log_softmax(logits / size * scale + bias, axis=1)
        error = (np.exp(log_p) - truth) / n
        pull = np.concatenate([(scale - size) / size, bias])
        gradient = np.concatenate([(error * logits / size).sum(axis=0), error.sum(axis=0)])
        gradient += np.concatenate([pull[:k] / size, pull[k:]]) / n
        return float(-(truth * log_p).sum() / n + (pull @ pull) / (2 * n)), gradient

    start = np.concatenate([np.full(k, size), np.zeros(k)])
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 500, "gtol": 1e-8})
    scale, bias = found.x[:k] / size, found.x[k:] - found.x[k:].mean()
    parameters = {"scale": tuple(scale.tolist()), "bias": tuple(bias.tolist())}
    return Recalibration("vector", "fitted" if (scale > 0).all() else "anti-informative", parameters)


_FITS: Mapping[Method, Callable[[Floats, Index], Recalibration]] = {
    "none": _none,
    "temperature": _temperature,
    "platt": _platt,
    "bias": _bias,
    "threshold": _threshold,
    "isotonic": _isotonic,
    "vector": _vector,
}
