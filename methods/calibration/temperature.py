"""The temperature that makes confidence honest: minimise the mean NLL of softmax(beta z) in beta = 1/T, where it
is convex (Guo et al. 2017)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Logits = NDArray[np.floating[Any]]
Status = Literal["fitted", "separable", "anti-informative", "at_bound"]

BOUND = 1e6  # the inverse temperature is looked for in [1/BOUND, BOUND] per largest spread of a row
CLOSE = 1e-8  # relative error of the inverse temperature at which to stop
MOST_STEPS = 200
WARM_ROWS = 10_000
WARM = 1e-4  # relative error of the inverse temperature of few rows, from which one pass over all of them is enough
_WIDEST = 1e8  # logits that far apart have fourth powers that a float32 holds
_BLOCK_CELLS = 1 << 15  # logits of a block, at most 256 KiB: they stay in the cache while they are used


@dataclass(frozen=True)
class TemperatureFit:
    """status, and what temperature then is:

    fitted: the minimum of the NLL. separable: every true logit is the largest of its row, so no finite temperature
    is best; it is that of Laplace-smoothed targets, (n + 1) / (n + k) for the true class and 1 / (n + k) for each
    other. anti-informative: no temperature beats uniform probabilities; it is infinite. at_bound: the minimum lies
    beyond BOUND; it is the bound. nll_after is of the labels as they are.
    """

    temperature: float
    status: Status
    nll_after: float


@dataclass(frozen=True)
class _Edges:
    """What decides the edges. The NLL is mean log sum exp(beta (z - max z)) - beta linear; its linear term is `true`,
    with smoothed targets `smoothed`; slope is that at beta = 0."""

    slope: float
    true: float
    smoothed: float
    separable: bool
    spread: float


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> TemperatureFit:
    """logits (n, k) as the model gave them, labels (n,) in 0..k-1. ValueError for anything else."""
    z, y = checked_logits(logits, labels)
    start, every = 0.0, len(z) // WARM_ROWS
    for step in (10 * every, every) if every > 1 else ():
        warm = _fit(z[::step], y[::step], start, WARM)
        start = 1 / warm.temperature if warm.status == "fitted" else 0.0
    return _fit(z, y, start, CLOSE)


def mean_nll(logits: ArrayLike, labels: ArrayLike) -> float:
    """Of softmax(z), as it is before a fit; logits and labels as `fit_temperature`."""
    z, y = checked_logits(logits, labels)
    partition = true = 0.0
    for start, shifted in _blocks(z):
        true += float(_own(shifted, y, start).sum())
        partition += float(np.log(np.exp(shifted).sum(axis=0)).sum())
    return (partition - true) / len(z)


def checked_logits(logits: ArrayLike, labels: ArrayLike) -> tuple[Logits, NDArray[np.int64]]:
    z, y = np.asarray(logits), np.asarray(labels)
    if not np.issubdtype(z.dtype, np.floating):
        z = z.astype(np.float64)
    if z.ndim != 2 or z.shape[0] == 0 or z.shape[1] < 2 or y.shape != z.shape[:1]:
        raise ValueError(f"expected logits (n, k >= 2) and a label per row, got {z.shape} and {y.shape}")
    if y.dtype.kind not in "iub":
        raise ValueError(f"expected whole-number labels, got {y.dtype}")
    if y.min() < 0 or y.max() >= z.shape[1]:
        raise ValueError(f"expected labels in 0..{z.shape[1] - 1}, got {y.min()}..{y.max()}")
    return z, y.astype(np.int64)


def _fit(z: Logits, y: NDArray[np.int64], start: float, close: float) -> TemperatureFit:
    """From a guess of the inverse temperature, or from 0."""
    edges, derivatives = _first_pass(z, y, start)
    if edges.slope >= 0:
        return TemperatureFit(np.inf, "anti-informative", float(np.log(z.shape[1])))
    linear = edges.smoothed if edges.separable else edges.true
    bounds = (1 / (BOUND * edges.spread), BOUND / edges.spread)
    beta, partition, at_bound = _minimise(z, linear, start, close, derivatives, *bounds)
    status: Status = "at_bound" if at_bound else "separable" if edges.separable else "fitted"
    return TemperatureFit(1 / beta, status, partition - beta * edges.true)


def _first_pass(z: Logits, y: NDArray[np.int64], beta: float) -> tuple[_Edges, Floats]:
    """The edges and the derivatives at `beta`. ValueError where a logit is not finite."""
    n, k = z.shape
    true = mean = spread = 0.0
    separable, derivatives = True, np.zeros(5)
    for start, shifted in _blocks(z, _precision(z, beta)):
        rows = shifted.shape[1]
        smallest = float(shifted.min())
        if not np.isfinite(smallest):  # a largest logit that is infinite leaves inf - inf, which is nan
            raise ValueError(f"expected finite logits, found others in rows {start}..{start + rows - 1}")
        own = _own(shifted, y, start)
        true, mean = true + float(own.sum()), mean + float(shifted.sum()) / k
        separable &= not own.any()
        spread = max(spread, -smallest)
        derivatives += _block_derivatives(shifted, beta)
    smoothed = (n * true + k * mean) / (n + k)
    edges = _Edges((mean - true) / n, true / n, smoothed / n, separable, spread)
    return edges, derivatives / n


def _minimise(
    z: Logits, linear: float, start: float, close: float, derivatives: Floats, low: float, high: float
) -> tuple[float, float, bool]:
    """(beta, mean log partition there, whether it is a bound): Householder steps in a bracket that shrinks."""
    bottom, top = 0.0, np.inf  # slopes known to point inwards
    beta = start
    for _ in range(MOST_STEPS):
        slope = derivatives[1] - linear
        bottom, top = (beta, top) if slope < 0 else (bottom, beta)
        if (beta == low and slope >= 0) or (beta == high and slope <= 0):
            return beta, float(derivatives[0]), True
        step, error = _step(float(slope), *derivatives[2:].tolist())
        if low < beta + step < high and error <= close * beta:
            return beta + step, float(derivatives @ (step ** np.arange(5) / [1, 1, 2, 6, 24])), False
        beta = min(max(beta + step, low), high)
        if not bottom < beta < top:
            beta = float(np.sqrt(bottom * top))
        derivatives = sum((_block_derivatives(block, beta) for _, block in _blocks(z)), np.zeros(5)) / len(z)
    raise ArithmeticError(f"no minimum of the NLL after {MOST_STEPS} steps")  # each halves a bracket of 1e12


def _step(slope: float, second: float, third: float, fourth: float) -> tuple[float, float]:
    """Householder's step of order three to where the slope is zero, and how wrong it is about: orders one (Newton),
    two (Halley) and three move it less and less, and the next would by the same factor less again."""
    if not second > 0:
        return float(np.copysign(np.inf, -slope)), np.inf
    newton = -slope / second
    if newton == 0:
        return 0.0, 0.0
    curved = newton * third / second
    bottom = 1 + curved + newton**2 * fourth / (6 * second)
    if abs(curved) > 1 or abs(bottom - 1) > 1:
        return newton, np.inf
    halley, step = newton / (1 + curved / 2), newton * (1 + curved / 2) / bottom
    shrinking = abs(step / newton - 1)
    return (step, abs(step - halley) * shrinking) if shrinking < 0.25 else (newton, np.inf)


def _precision(z: Logits, beta: float) -> type[np.floating[Any]]:
    """Of a pass at beta: single where logits are, from a guess on, since then rows are many and their rounding averages
    out."""
    if beta > 0 and z.dtype.itemsize <= 4 and float(z.max()) - float(z.min()) < min(_WIDEST, _WIDEST / beta):
        return np.float32
    return np.float64


def _own(shifted: Logits, y: NDArray[np.int64], start: int) -> Floats:
    """(rows,) of a block that begins with row `start`: the true class's."""
    rows = shifted.shape[1]
    return shifted[y[start : start + rows], np.arange(rows)].astype(np.float64)


def _block_derivatives(shifted: Logits, beta: float) -> Floats:
    """Sums over rows of log sum exp(beta shifted) and its derivatives 1 to 4, the cumulants of `shifted`."""
    weight = beta * shifted
    np.exp(weight, out=weight)
    sums = np.empty((5, shifted.shape[1]), shifted.dtype)
    weight.sum(axis=0, out=sums[0])
    for moment in sums[1:]:
        weight *= shifted
        weight.sum(axis=0, out=moment)
    total, *moments = sums.astype(np.float64)
    m1, m2, m3, m4 = moments / total
    square = m1 * m1
    variance = m2 - square
    third = m3 - m1 * (3 * m2 - 2 * square)
    fourth = m4 - 4 * m3 * m1 - 3 * m2 * m2 + square * (12 * m2 - 6 * square)
    return np.array([np.log(total).sum(), m1.sum(), variance.sum(), third.sum(), fourth.sum()])


def _blocks(z: Logits, precision: type[np.floating[Any]] = np.float64) -> Iterator[tuple[int, Logits]]:
    """(first row, block of rows less their largest logit), class by class: sums over classes are then sums of whole
    rows of memory."""
    rows = max(_BLOCK_CELLS // z.shape[1], 1)
    for start in range(0, len(z), rows):
        block = np.array(z[start : start + rows].T, dtype=precision, order="C")
        block -= block.max(axis=0)
        yield start, block
