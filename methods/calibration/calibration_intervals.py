"""How sure a calibration error and a temperature are, where groups (images, speakers) are what was sampled.

Simulated in bench/calibration_intervals.py.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from methods.calibration.temperature import Logits, checked_logits, fit_temperature
from methods.statistics.beta_bounds import NO_SPREAD
from methods.statistics.group_intervals import FEWEST, mean_p
from methods.statistics.intervals import upper_bound
from methods.statistics.streams import stream

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

_CLOSE = 1e-4  # relative error of an end
_STEPS = 60  # doublings of the inverse temperature that are tried on either side of the fit


@dataclass(frozen=True)
class CalibrationErrorInterval:
    """value: the true error that reads as much as was read half of the time; 0 where chance alone reads more. reading: the
    binned error as it is, which chance raises and which may lie above high. low and high are None below `FEWEST` groups.
    """

    value: float
    low: float | None
    high: float | None
    reading: float
    groups: int


@dataclass(frozen=True)
class TemperatureInterval:
    """low is 0 and high infinite where the rows do not say otherwise; both None below `FEWEST` groups."""

    value: float
    low: float | None
    high: float | None
    groups: int


def calibration_error_interval(
    confidence: ArrayLike, correct: ArrayLike, groups: ArrayLike, bin_of: ArrayLike, level: float,
    resamples: int, seed: int,
) -> CalibrationErrorInterval:  # fmt: skip
    """Of the mean |accuracy - confidence| over bins, weighted by rows. confidence, correct, groups, bin_of (n,): the bin of
    each row (`width_bin`).

    Chance adds to a sum of absolute gaps, most where they are 0, and so does resampling. So the gaps that were seen are
    scaled down and up, chance is added (gaps of groups times normal numbers, Student's t for few groups; a bin's variance is
    no less than its confidences ask for), and the interval is of those scales at which the reading is not in a tail.
    Its upper end is that of CLs (Read 2002), which does not shrink where chance alone would have read more.
    """
    gap = np.asarray(correct, np.float64) - np.asarray(confidence, np.float64)
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    _, bins = np.unique(np.asarray(bin_of), return_inverse=True)
    if gap.ndim != 1 or not gap.size or member.shape != gap.shape or bins.shape != gap.shape:
        raise ValueError(
            f"expected a confidence, an outcome, a group and a bin per row, got {gap.shape}, {member.shape}, {bins.shape}"
        )
    sums = np.zeros((member.max() + 1, bins.max() + 1))
    np.add.at(sums, (member, bins), gap / gap.size)
    gaps, count = sums.sum(axis=0), len(sums)
    reading = float(np.abs(gaps).sum())
    if count < FEWEST:
        return CalibrationErrorInterval(reading, None, None, reading, count)
    probability = np.asarray(confidence, np.float64)
    binomial = np.bincount(bins, probability * (1 - probability)) / gap.size**2
    residual = sums - np.bincount(member)[:, None] / gap.size * gaps
    chance = _chance(residual, binomial, resamples, seed)
    if reading <= NO_SPREAD or not chance.any():
        return CalibrationErrorInterval(
            reading, 0.0, float(upper_bound(0, count, (1 + level) / 2)), reading, count
        )

    def below(scale: float) -> float:
        return float((np.abs(scale * gaps + chance).sum(axis=1) <= reading).mean())

    tail, nothing = (1 - level) / 2, max(below(0.0), 1 / resamples)
    low, value, high = (reading * _scale(below, share) for share in (1 - tail, 0.5, tail * nothing))
    return CalibrationErrorInterval(value, min(low, value), max(high, value), reading, count)


def temperature_interval(
    logits: ArrayLike, labels: ArrayLike, groups: ArrayLike, level: float
) -> TemperatureInterval:
    """All temperatures at which the slope of the NLL, summed over each group, has a mean that is not told from 0
    (`mean_p`: the slopes are skewed). It needs no fit of its own and has an end at infinity where none can be excluded.

    logits (n, k), labels (n,) in 0..k-1, groups (n,). Steeper rows cost more than they give on the other side, so the
    interval is not symmetric on any scale. ValueError as `fit_temperature`.
    """
    z, y = checked_logits(logits, labels)
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    if member.shape != y.shape:
        raise ValueError(f"expected a group per row, got {member.shape} for {y.shape}")
    fit, count = fit_temperature(z, y), int(member.max()) + 1
    if count < FEWEST:
        return TemperatureInterval(fit.temperature, None, None, count)

    def certainty(beta: float) -> float:
        """Rises from -1, where the slopes of the groups are surely below 0, to 1."""
        slopes = np.bincount(member, _slopes(z, y, beta)).astype(np.float64)
        return float(np.copysign(1 - mean_p(slopes), slopes.mean()))

    start = 1 / fit.temperature if np.isfinite(fit.temperature) else 0.0
    least = _root(certainty, -level, start, 0.5) if certainty(0.0) < -level else 0.0
    most = _root(certainty, level, max(start, 1 / float(np.ptp(z, axis=1).max() or 1.0)), 2.0)
    return TemperatureInterval(fit.temperature, 1 / most, 1 / least if least > 0 else np.inf, count)


def _chance(residual: Floats, binomial: Floats, resamples: int, seed: int) -> Floats:
    """(resamples, bins) of what drawing other groups adds to the gaps; residual (groups, bins), binomial (bins,)."""
    rng, groups = stream(seed, "calibration error"), len(residual)
    own = residual * np.sqrt(groups / (groups - 1))
    tails = np.sqrt((groups - 1) / rng.chisquare(groups - 1, (resamples, 1)))
    rest = np.sqrt(np.maximum(binomial - np.square(own).sum(axis=0), 0.0))
    root = np.linalg.qr(own, mode="r")  # as many columns as bins: groups may be as many as rows
    drawn = rng.standard_normal((resamples, len(root))) @ root * tails
    return np.asarray(drawn + rng.standard_normal((resamples, len(rest))) * rest)


def _scale(below: Callable[[float], float], share: float) -> float:
    """The scale at which `below`, which falls, is `share`; 0 where it is no more than that from the start."""
    if below(0.0) <= share:
        return 0.0
    top = 1.0
    while below(top) > share:
        top *= 2
    return float(brentq(lambda scale: below(scale) - share, 0.0, top, xtol=_CLOSE))


def _root(certainty: Callable[[float], float], target: float, start: float, factor: float) -> float:
    """Where `certainty`, which rises, is `target`, looked for from `start` by steps of `factor`; infinite (or 0) where it is
    not within reach."""
    near = far = start
    for _ in range(_STEPS):
        if (certainty(far) - target) * (1 if factor > 1 else -1) >= 0:
            break
        near, far = far, far * factor
    else:
        return np.inf if factor > 1 else 0.0
    if near == far:
        return start
    return float(brentq(lambda beta: certainty(beta) - target, *sorted((near, far)), rtol=_CLOSE))


def _slopes(z: Logits, y: Index, beta: float) -> Floats:
    """(n,) d NLL / d beta: the mean logit under the softmax less the true one."""
    shifted = z - z.max(axis=1, keepdims=True)
    weight = np.exp(beta * shifted)
    return np.asarray(
        (weight * shifted).sum(axis=1) / weight.sum(axis=1) - shifted[np.arange(len(y)), y], np.float64
    )
