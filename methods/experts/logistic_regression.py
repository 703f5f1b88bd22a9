"""L2-regularised logistic regression over chunks of a memory map: L-BFGS with a sampled Hessian as preconditioner."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.special import expit, logit

Floats = NDArray[np.float64]
Features = NDArray[np.floating[Any]]
Index = NDArray[np.int64]
Bools = NDArray[np.bool_]

LEAST_SHARE = 1e-6
CHUNK = 1 << 9  # rows held as floats at once: few enough for the cache of a core to help
RESIDENT = 2 << 30  # bytes of standardised features that are kept between passes; more is made anew in each
SAMPLED = 8  # rows per column that the preconditioner is made from


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
    """L2-regularised fit on `rows`; `features` may be a float16 memory map, read in chunks.

    Minimises mean log-loss + |w|^2 / (2 C n) over standardised features, to a largest gradient of `tolerance`.
    float64 features are computed in float64, others in float32. Constant features get no weight.
    """
    objective = _Objective(features, positive, rows, settings, resident)
    root = objective.hessian_root()

    def weights(steps: Floats) -> Floats:
        return np.append(solve_triangular(root, steps[:-1], check_finite=False), steps[-1])

    def loss(steps: Floats) -> tuple[float, Floats]:
        value, gradient = objective.at(weights(steps))
        scaled = solve_triangular(root, gradient[:-1], trans="T", check_finite=False)
        return value, np.append(scaled, gradient[-1])

    def stop_when_flat(_: Floats) -> None:
        if objective.largest_gradient <= settings.tolerance:  # of the point that the line search took last
            raise StopIteration

    found = minimize(
        loss, objective.start, jac=True, method="L-BFGS-B", callback=stop_when_flat,
        options={"maxiter": settings.iterations, "gtol": 0.0, "ftol": 64 * np.finfo(float).eps},
    )  # fmt: skip
    solution, blocks = weights(found.x), objective.blocks
    coefficients = solution[:-1] / blocks.scale.astype(np.float64)
    return Logistic(coefficients, float(solution[-1] - coefficients @ blocks.mean.astype(np.float64)))


class _Objective:
    """Mean log-loss plus penalty and its gradient, the intercept last."""

    def __init__(
        self, features: Features, positive: Bools, rows: Index, settings: LogisticSettings, resident: int
    ) -> None:
        self.target = positive[rows].astype(np.float64)
        self.blocks = _Blocks(features, rows, resident)
        self.penalty = 1 / (settings.inverse_regularisation * len(rows))
        self.largest_gradient = np.inf
        self.share = float(np.clip(self.target.mean(), LEAST_SHARE, 1 - LEAST_SHARE))
        self.start = np.zeros(features.shape[1] + 1)
        self.start[-1] = logit(self.share)

    def at(self, weights: Floats) -> tuple[float, Floats]:
        w, b = weights[:-1], weights[-1]
        total, gradient = 0.0, np.zeros_like(weights)
        narrow = w.astype(self.blocks.dtype)
        for start, block in self.blocks:
            y = self.target[start : start + len(block)]
            z = (block @ narrow).astype(np.float64) + b
            total += float((np.logaddexp(0, z) - y * z).sum())
            residual = expit(z) - y
            gradient[:-1] += residual.astype(block.dtype) @ block
            gradient[-1] += residual.sum()
        rows = len(self.target)
        gradient /= rows
        gradient[:-1] += self.penalty * w
        self.largest_gradient = float(np.abs(gradient).max())
        return total / rows + 0.5 * self.penalty * float(w @ w), gradient

    def hessian_root(self) -> Floats:
        """Upper triangular R with R'R = the Hessian of the weights at the start, estimated from evenly spaced rows."""
        sample = self.blocks.sampled(SAMPLED * (len(self.start) - 1))
        curvature = self.share * (1 - self.share) / len(sample)
        hessian = curvature * (sample.T @ sample).astype(np.float64)
        hessian[np.diag_indices_from(hessian)] += self.penalty
        return np.asarray(cholesky(hessian, check_finite=False))


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

    def sampled(self, rows: int) -> Features:
        """At least that many standardised rows, evenly spaced, or all there are."""
        step = max(len(self.rows) // max(rows, 1), 1)
        return self._standardise(self.features[self.rows[::step]].astype(self.dtype))

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
