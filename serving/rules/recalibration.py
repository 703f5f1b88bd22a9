"""What a fitted recalibration does to logits. Two classes: d = logit 1 - logit 0."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


def recalibrated(
    method: str, parameters: Mapping[str, Sequence[float]], logits: NDArray[np.floating[Any]]
) -> tuple[Floats, Index]:
    """Probabilities (n, k) and the class predicted (n,), which with a threshold need not be the likeliest."""
    given = np.asarray(logits, np.float64)
    likeliest = given.argmax(axis=1)  # of what the model gave: dividing by a temperature cannot change it
    match method:
        case "none":
            return softmax(given), likeliest
        case "temperature":
            return softmax(given / parameters["temperature"][0]), likeliest
        case "threshold":
            above = given[:, 1] - given[:, 0] >= parameters["threshold"][0]
            return softmax(given / parameters["temperature"][0]), above.astype(np.int64)
        case "platt" | "bias":
            margin = given[:, 1] - given[:, 0]
            return _two(expit(parameters["slope"][0] * margin + parameters["intercept"][0]))
        case "isotonic":
            margin = given[:, 1] - given[:, 0]
            return _two(np.interp(margin, parameters["at"], parameters["probability"]))
        case "vector":
            probabilities = softmax(given * parameters["scale"] + np.asarray(parameters["bias"]))
            return probabilities, probabilities.argmax(axis=1)
    raise ValueError(f"no recalibration is called {method!r}")


def softmax(logits: Floats) -> Floats:
    """By row."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def expit(values: Floats) -> Floats:
    with np.errstate(
        over="ignore"
    ):  # exp of a large number is infinite, and 1 / (1 + it) is the 0 it should be
        return np.asarray(1 / (1 + np.exp(-values)))


def _two(probability: Floats) -> tuple[Floats, Index]:
    probabilities = np.stack([1 - probability, probability], axis=1)
    return probabilities, probabilities.argmax(axis=1)
