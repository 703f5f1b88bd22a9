"""Many differences between runs at once: which are more than the luck of the rows, of the seeds, and of having tried many."""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

from methods.statistics.streams import stream

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

_NO_SPREAD = 1e-9  # of the largest standard deviation: below that, values were only rounded otherwise
_DOUBT = 1 / 3  # of a standard error
_FEWEST_SPREAD = 1e-3  # of the median variance: runs that agreed by accident


@dataclass(frozen=True)
class SimultaneousDifferences:
    """Each (contrasts,), in the units of the values.

    error: standard error, of rows and seeds; floor: the smallest difference that is named. low, high: delta less and plus
    floor, which hold all true differences at once with confidence `level`. p: two-sided, adjusted for all contrasts
    (step-down, so some p may be below 1 - level where the interval still holds 0). Without a repeated seed p is 1 and the
    floor infinite: the luck of a seed is not known.
    """

    delta: Floats
    error: Floats
    floor: Floats
    p: Floats

    @property
    def low(self) -> Floats:
        return self.delta - self.floor

    @property
    def high(self) -> Floats:
        return self.delta + self.floor

    def best(self, values: ArrayLike) -> int | None:
        """The contrast with the largest value of those shown to be above 0; values (contrasts,): of what is compared with
        its control. None where nothing is shown."""
        shown = np.flatnonzero(self.low > 0)
        return int(shown[np.asarray(values, np.float64)[shown].argmax()]) if shown.size else None


def simultaneous_differences(
    values: ArrayLike,
    draws: ArrayLike,
    recipes: ArrayLike,
    contrasts: ArrayLike,
    groups: int,
    level: float,
    seed: int,
    luck: ArrayLike | None = None,
) -> SimultaneousDifferences:
    """Max-T over the joint bootstrap of all runs (Westfall & Young 1993; Romano & Wolf 2005).

    values (runs,): the score of each run; draws (runs, resamples) of it, the same `groups` groups drawn for all. recipes
    (runs,): runs of one recipe differ in their seed alone; one of a single run has the luck of the mean of the others, and is
    better left out where it could be chosen. contrasts (contrasts, runs), rows that add up to 0. Runs that answer alike are
    one column. level is two-sided. Simulated in bench/head_choice.py.

    The variance of a contrast is that of its groups, plus that of its seeds, less what is in both, as a run's luck with
    single rows is (two-way clusters: Cameron, Gelbach & Miller 2011). The variance of few seeds is moderated by that of
    the other recipes (Smyth 2004). luck (runs,): runs of one number share some luck, None: no two do. How much is not known,
    so a contrast has the larger of the variances that luck of their own and luck in common would give it
    (bench/shared_luck.py).
    Memory: a few arrays (contrasts or runs, resamples).
    """
    value, weight = np.asarray(values, np.float64), np.asarray(contrasts, np.float64)
    _, recipe = np.unique(np.asarray(recipes), return_inverse=True)
    drawn = np.asarray(draws, np.float64)
    drawn = drawn - drawn.mean(axis=1, keepdims=True)
    _check(value, drawn, recipe, weight)
    delta, spread = weight @ value, weight @ drawn
    seed_variance, freedom, interaction = _seed_variances(value, drawn, recipe)
    if not freedom.size:
        unknown = np.full(delta.shape, np.inf)
        return SimultaneousDifferences(delta, unknown, unknown, np.ones(delta.shape))
    squares = weight**2
    _, unit = np.unique(np.arange(value.size) if luck is None else np.asarray(luck), return_inverse=True)
    lucky = np.maximum(seed_variance, interaction)[recipe]  # (runs,)
    of_groups, alone = spread.var(axis=1, ddof=1), squares @ lucky
    joined = np.square((weight * np.sqrt(lucky)) @ np.eye(unit.max() + 1)[unit]).sum(axis=1)
    of_seeds = np.maximum(alone, joined)
    shared = np.maximum(of_groups - squares @ interaction[recipe], 0.0)
    error = np.sqrt(shared + of_seeds)
    null = (
        _scaled_tails(spread, groups, seed)
        * np.sqrt(shared / np.where(of_groups > 0, of_groups, 1.0))[:, None]
    )
    own, common = (
        weight @ _luck(np.sqrt(lucky), freedom, recipe, each, drawn.shape[1], seed)
        for each in (np.arange(value.size), unit)
    )
    null += np.where((joined > alone)[:, None], common, own)
    real = error > _NO_SPREAD * max(float(error.max()), 1e-300)
    scale = np.where(real, error, 1.0)
    null = np.abs(null) / scale[:, None] * real[:, None]
    scaled = np.abs(delta) / scale * real
    resamples = null.shape[1]
    quantile = float(np.sort(null.max(axis=0))[min(ceil(level * (resamples + 1)), resamples) - 1])
    return SimultaneousDifferences(delta, error, quantile * error, _step_down(scaled, null))


def moderated_variances(variances: ArrayLike, freedom: ArrayLike) -> tuple[Floats, Floats]:
    """Variances (n,), each known with few degrees of freedom, drawn to what they have in common, and their degrees of
    freedom then (Smyth 2004: empirical Bayes, by the moments of the logarithms). They are taken to differ a
    third of a standard error more than they were seen to, which few spreads of few seeds do not show."""
    variance, own = np.asarray(variances, np.float64), np.asarray(freedom, np.float64)
    pooled, total = float(variance @ own / own.sum()), float(own.sum())
    if pooled == 0 or len(variance) == 1:
        return variance, own
    log = np.log(np.maximum(variance, _FEWEST_SPREAD * float(np.median(variance[variance > 0]))))
    centred = log - digamma(own / 2) + np.log(own / 2)
    of_chance = float(polygamma(1, own / 2).mean())
    doubt = np.sqrt(float((polygamma(3, own / 2) + 2 * polygamma(1, own / 2) ** 2).mean()) / len(variance))
    prior = 2 * _inverse_trigamma(max(float(centred.var(ddof=1)) - of_chance, 0.0) + _DOUBT * doubt)
    if prior > total:
        return np.full(variance.shape, pooled), np.full(variance.shape, total)
    common = float(np.exp(centred.mean() + digamma(prior / 2) - np.log(prior / 2)))
    return (prior * common + own * variance) / (prior + own), np.minimum(prior + own, total)


def _check(value: Floats, drawn: Floats, recipe: Index, weight: Floats) -> None:
    runs = value.size
    if drawn.shape[:1] != (runs,) or recipe.shape != (runs,) or weight.ndim != 2 or weight.shape[1] != runs:
        raise ValueError(
            f"expected draws (runs, resamples), recipes (runs,) and contrasts (contrasts, runs) of {runs} runs, "
            f"got {drawn.shape}, {recipe.shape} and {weight.shape}"
        )
    if not np.allclose(weight.sum(axis=1), 0, atol=1e-9):
        raise ValueError("expected contrasts that add up to 0")


def _seed_variances(value: Floats, drawn: Floats, recipe: Index) -> tuple[Floats, Floats, Floats]:
    """Per recipe the variance of a run about its recipe's mean, its degrees of freedom, and how much of it comes with the
    groups that were drawn. A recipe of one run takes the mean of the others; no degrees of freedom where all are so."""
    runs = np.bincount(recipe)
    freedom = (runs - 1).astype(np.float64)
    repeated = freedom > 0
    if not repeated.any():
        return np.zeros(len(runs)), np.empty(0), np.zeros(len(runs))
    one = np.eye(len(runs))[recipe]  # (runs, recipes)
    residual = value - (one / runs @ (value @ one))
    luck = drawn - one @ ((one / runs).T @ drawn)
    variance = (residual**2 @ one)[repeated] / freedom[repeated]
    interaction = (luck.var(axis=1, ddof=1) @ one)[repeated] / freedom[repeated]
    moderated, known = moderated_variances(variance, freedom[repeated])
    return (
        _filled(moderated, repeated, float(moderated.mean())),
        _filled(known, repeated, float(known.min())),
        _filled(interaction, repeated, float(interaction.mean())),
    )


def _filled(some: Floats, known: NDArray[np.bool_], otherwise: float) -> Floats:
    every = np.full(known.shape, otherwise)
    every[known] = some
    return every


def _scaled_tails(spread: Floats, groups: int, seed: int) -> Floats:
    """Heavier in their tails, by the few groups that their spread is known from."""
    rng = stream(seed, "spread of groups")
    return np.asarray(spread * np.sqrt((groups - 1) / rng.chisquare(groups - 1, spread.shape[1])))


def _luck(scale: Floats, freedom: Floats, recipe: Index, unit: Index, resamples: int, seed: int) -> Floats:
    """(runs, resamples) of what a seed does to a run, the same to those of one unit: Student's t, runs of a recipe sharing
    what its spread is not known by."""
    rng = stream(seed, "luck of seeds")
    unknown = np.sqrt(freedom[:, None] / rng.chisquare(freedom[:, None], (len(freedom), resamples)))
    normal = rng.standard_normal((unit.max() + 1, resamples))[unit]
    return np.asarray(normal * scale[:, None] * unknown[recipe])


def _step_down(scaled: Floats, null: Floats) -> Floats:
    """Adjusted p (contrasts,): each against the largest of those that are not larger than itself."""
    order = np.argsort(scaled)
    largest = np.maximum.accumulate(null[order], axis=0)
    hits = 1 + (largest >= scaled[order][:, None] - 1e-12).sum(axis=1)
    adjusted = np.empty(scaled.shape)
    adjusted[order] = np.maximum.accumulate(hits[::-1])[::-1] / (1 + null.shape[1])
    return adjusted


def _inverse_trigamma(value: float) -> float:
    """Of a value above 0."""
    return float(np.exp(brentq(lambda x: np.log(float(polygamma(1, np.exp(x))) / value), -30.0, 30.0)))
