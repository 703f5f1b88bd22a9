"""How sure a rate is: binomial intervals, bootstraps of counts and ranks, and the exact paired test."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, betaincinv, ndtri

from methods.statistics.streams import seeded

Floats = NDArray[np.float64]

DEPTH = 40  # a resample of n rows misses the highest d with probability (1 - d/n)^n <= exp(-d): never more than 40

_BLOCK_CELLS = 1 << 20  # groups times resamples held at once: a few arrays of 8 MiB


def wilson(successes: ArrayLike, n: ArrayLike, level: float) -> tuple[Floats, Floats]:
    """Score interval (Wilson 1927); n may be fractional (an effective sample size); n = 0 gives (0, 1)."""
    k, size = _counts(successes, n)
    z2 = ndtri((1 + level) / 2) ** 2
    n_safe = np.where(size > 0, size, 1.0)
    centre = (k + z2 / 2) / (n_safe + z2)
    half = np.sqrt(z2 * (k * (n_safe - k) / n_safe + z2 / 4)) / (n_safe + z2)
    low = np.where((size > 0) & (k > 0), np.maximum(centre - half, 0.0), 0.0)
    high = np.where((size > 0) & (k < size), np.minimum(centre + half, 1.0), 1.0)
    return low, high


def clopper_pearson(successes: ArrayLike, n: ArrayLike, level: float) -> tuple[Floats, Floats]:
    """Exact two-sided interval (Clopper & Pearson 1934): both one-sided bounds at (1 + level) / 2."""
    return lower_bound(successes, n, (1 + level) / 2), upper_bound(successes, n, (1 + level) / 2)


def upper_bound(successes: ArrayLike, n: ArrayLike, level: float) -> Floats:
    """One-sided Clopper-Pearson bound: the rate is below it with confidence `level`; 1 where n = 0."""
    k, size = _counts(successes, n)
    open_ended = k >= size
    return np.where(open_ended, 1.0, betaincinv(k + 1, np.where(open_ended, 1.0, size - k), level))


def lower_bound(successes: ArrayLike, n: ArrayLike, level: float) -> Floats:
    """One-sided Clopper-Pearson bound: the rate is above it with confidence `level`; 0 where n = 0."""
    k, size = _counts(successes, n)
    return np.where(k <= 0, 0.0, betaincinv(np.where(k <= 0, 1.0, k), size - k + 1, 1 - level))


def effective_n(groups: ArrayLike) -> float:
    """Kish's (sum m)^2 / sum m^2 over the sizes m of the groups named per row: a duplicate tells nothing new."""
    sizes = np.unique_counts(np.asarray(groups)).counts.astype(np.float64)
    return float(sizes.sum() ** 2 / (sizes**2).sum()) if sizes.size else 0.0


def multinomial_rates(tp: int, fn: int, fp: int, tn: int, resamples: int, seed: int) -> tuple[Floats, Floats]:
    """Bootstrap of (recall, false-positive rate) at a fixed threshold, where resampled rows are four counts.

    A resample without positives counts as recall 0, one without negatives as rate 1: the absence of evidence
    must never read as a pass. Data without positives or without negatives are a ValueError.
    """
    cells = np.array([tp, fn, fp, tn], dtype=np.int64)
    if cells.min() < 0 or tp + fn == 0 or fp + tn == 0:
        raise ValueError(f"expected positive and negative rows, got tp={tp}, fn={fn}, fp={fp}, tn={tn}")
    draws = seeded(seed).multinomial(cells.sum(), cells / cells.sum(), size=resamples)
    positives, negatives = draws[:, 0] + draws[:, 1], draws[:, 2] + draws[:, 3]
    recall = draws[:, 0] / np.maximum(positives, 1)
    false_positive_rate = np.where(negatives > 0, draws[:, 2] / np.maximum(negatives, 1), 1.0)
    return recall, false_positive_rate


def cluster_bootstrap(counts: ArrayLike, groups: ArrayLike, resamples: int, seed: int) -> Floats:
    """Column sums (resamples, m) of the rows of `counts` (n_rows, m), whole groups drawn with replacement.

    Groups with equal sums are interchangeable, so a resample is how often it holds each distinct sum.
    """
    rows = np.asarray(counts, dtype=np.float64)
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    if rows.ndim != 2 or group.shape != rows.shape[:1] or not group.size:
        raise ValueError(
            f"expected counts (n_rows, m) and a group per row, got {rows.shape} and {group.shape}"
        )
    sums = np.stack([np.bincount(group, column) for column in rows.T], axis=1)
    distinct, kind = np.unique(sums, axis=0, return_inverse=True)
    return np.concatenate([weights @ distinct for weights in _weights(kind, resamples, seeded(seed))])


def percentile_interval(draws: ArrayLike, level: float) -> tuple[Floats, Floats]:
    """Equal-tailed percentiles over the first axis."""
    low, high = np.quantile(np.asarray(draws, dtype=np.float64), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def resampled_rank(n: int, k: int) -> tuple[int, Floats]:
    """Rank among the originals (0 = top) of the (k+1)-th largest of a bootstrap resample of n: first rank, masses.

    Exact: it lies beyond the top r with probability P(Bin(n, r/n) <= k). Masses below 1e-15 are left out.
    """
    mass = -np.diff(bdtr(k, n, np.arange(n + 1) / n))
    ranks = np.flatnonzero(mass > 1e-15)
    return int(ranks[0]), mass[ranks[0] : ranks[-1] + 1]


def resampled_top_and_rank(n: int, k: int, low: int, high: int) -> Floats:
    """P(the largest of the resample has rank s, the (k+1)-th largest rank r), for s up to DEPTH, low <= r < high.

    From P(beyond s, beyond r) = (1 - s/n)^n P(Bin(n, (r-s)/(n-s)) <= k) for s <= r.
    """
    s = np.arange(min(n - 1, DEPTH) + 1)[:, None]
    r = np.arange(low, high + 1)[None, :]
    beyond = (1 - s / n) ** n * bdtr(k, n, np.clip((r - s) / (n - s), 0, 1))
    return np.diff(np.diff(beyond, axis=0), axis=1)


def mcnemar_exact(b: ArrayLike, c: ArrayLike) -> Floats:
    """Two-sided exact p of the discordant pairs b and c (binomial with probability 1/2); 1 where b + c = 0."""
    first, second = np.asarray(b, dtype=np.int64), np.asarray(c, dtype=np.int64)
    return np.asarray(np.minimum(1.0, 2 * bdtr(np.minimum(first, second), first + second, 0.5)))


def _weights(kind: NDArray[np.intp], resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Blocks (rows, kinds) of how often a resample of the groups holds each kind; `kind` is given per group."""
    alike = np.bincount(kind)
    groups, kinds = kind.size, alike.size
    block = max(1, _BLOCK_CELLS // groups)
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        if kinds * 8 < groups:  # a multinomial cell costs as much as some ten drawn indices
            yield rng.multinomial(groups, alike / groups, size=rows).astype(np.float64)
        else:
            drawn = kind[rng.integers(0, groups, size=(rows, groups))] + np.arange(rows)[:, None] * kinds
            yield np.bincount(drawn.ravel(), minlength=rows * kinds).reshape(rows, kinds).astype(np.float64)


def _counts(successes: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    k, size = np.broadcast_arrays(np.asarray(successes, dtype=np.float64), np.asarray(n, dtype=np.float64))
    if not np.all((k >= 0) & (k <= size)):
        raise ValueError(f"expected 0 <= successes <= n, got successes={k.tolist()}, n={size.tolist()}")
    return k, size
