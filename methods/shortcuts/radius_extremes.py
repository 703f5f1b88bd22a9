"""The worst bin of Einstein radii and the spread between best and worst: picked from the same rows, and honest about it.

The least of several estimates is low because it was picked, and best minus worst is above 0 where all bins are alike.
The end of an interval that has to hold whatever was picked holds for all bins, or all pairs of bins, at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from methods.shortcuts.claims import Claim
from methods.shortcuts.evaluation import Bin, Estimate, Part, in_bin, undefined
from methods.shortcuts.gate_results import family_level
from methods.statistics.auroc_intervals import mover, ranked_groups
from methods.statistics.beta_bounds import share_interval
from methods.statistics.sample_sizes import SampleSize, fewest_that_decide
from methods.statistics.streams import seeded

Floats = NDArray[np.float64]

_DRAWS, _SEED = 1000, 0  # of estimates, for a sample size


@dataclass(frozen=True)
class _Bins:
    """AUROC of each full bin against all negatives (bins,), the covariance of their errors by group (bins, bins), groups of
    the rarer class, and positives."""

    areas: Floats
    covariance: Floats
    pairs: Floats
    positives: NDArray[np.int64]

    def ends(self, level: float) -> tuple[Floats, Floats]:
        return share_interval(self.areas, self.covariance.diagonal(), self.pairs, level)


def least_bin(
    part: Part, edges: Sequence[float], bins: Sequence[Bin], least_count: int, level: float
) -> Estimate:
    """AUROC of the worst bin with enough positives, and an interval for the least of the bins' true AUROCs.

    Upper ends that hold for all K bins together (Bonferroni) leave it no more than the least of them. The least of the
    lower ends needs no such care: it is not above that of the bin which is truly the worst. n: positives of the bin
    that looks worst.
    """
    found = _full_bins(part, edges, bins, least_count)
    if not len(found.areas):
        return undefined(Claim("no_full_bin", {"positives": least_count}))
    low, high = found.ends(level)[0].min(), found.ends(family_level(level, len(found.areas)))[1].min()
    worst = int(found.areas.argmin())
    return Estimate(
        float(found.areas[worst]), float(low), float(high), int(found.positives[worst]),
        variance=float(found.covariance[worst, worst]), pairs=int(found.pairs[worst]),
    )  # fmt: skip


def radius_spread(
    part: Part, edges: Sequence[float], bins: Sequence[Bin], least_count: int, level: float
) -> Estimate:
    """Best minus worst bin, and an interval for the spread of the bins' true AUROCs.

    Lower ends that hold for the differences of all ordered pairs of bins together (Bonferroni) leave it no less than
    the greatest of them, nor less than 0. The greatest of the upper ends needs no such care: it is not below that of the
    pair which is truly the farthest apart. All bins are ranked against the same negatives: each difference takes the
    covariance of its two AUROCs by group (host) into MOVER (Zou and Donner 2008, Statistics in Medicine 27:1693), which
    makes it from the two bins' own intervals and so keeps their skew near 1. n: positives of the best and the worst bin.
    """
    found = _full_bins(part, edges, bins, least_count)
    if len(found.areas) < 2:
        return undefined(Claim("one_full_bin", {"positives": least_count}))
    best, worst = int(found.areas.argmax()), int(found.areas.argmin())
    low, high = _spread_ends(found.areas, found.covariance, found.pairs, level)
    value = float(found.areas[best] - found.areas[worst])
    return Estimate(
        value, max(0.0, float(low)), float(high), int(found.positives[best] + found.positives[worst])
    )


def spread_positives_at_power(
    part: Part, edges: Sequence[float], bins: Sequence[Bin], least_count: int, fails: float, level: float, power: float
) -> SampleSize | None:  # fmt: skip
    """Positives of all bins at which `radius_spread` leaves `fails` out, if the bins' true AUROCs and their errors are
    those that were seen. Simulated: estimates are drawn with the errors' covariance, which falls as groups grow.

    What was seen is picked, so the true spread is rather less. None where the spread is `fails`, or nothing decides.
    """
    found = _full_bins(part, edges, bins, least_count)
    if len(found.areas) < 2 or float(np.ptp(found.areas)) == fails:
        return None
    present, wide = int(part.positive.sum()), float(np.ptp(found.areas)) > fails
    errors = seeded(_SEED).normal(size=(_DRAWS, len(found.areas))) @ _root(found.covariance)

    def deciding(positives: int) -> float:
        times = positives / present
        drawn = np.clip(found.areas + errors / np.sqrt(times), 0, 1)
        low, high = _spread_ends(drawn, found.covariance / times, found.pairs * times, level)
        return float((low > fails if wide else high < fails).mean())

    return fewest_that_decide(deciding, power, least_count * len(found.areas))


def _full_bins(part: Part, edges: Sequence[float], bins: Sequence[Bin], least_count: int) -> _Bins:
    full = [
        number
        for number, each in enumerate(bins)
        if each.auroc.value is not None and each.auroc.n >= least_count
    ]
    _, member = np.unique(part.groups, return_inverse=True)
    areas, pairs, sums = [], [], np.zeros((len(full), int(member.max()) + 1))
    for place, number in enumerate(full):
        rows = ~part.positive | in_bin(part, edges, number)
        ranked = ranked_groups(part.logits[..., rows, 0], part.positive[rows], part.groups[rows])
        sums[place] = np.bincount(member[rows], ranked.influence, sums.shape[1])
        areas.append(ranked.area)
        pairs.append(ranked.pairs)
    scale = sums.shape[1] / max(sums.shape[1] - 1, 1)
    counts = np.array([bins[number].auroc.n for number in full], np.int64)
    return _Bins(np.array(areas), sums @ sums.T * scale, np.array(pairs, np.float64), counts)


def _spread_ends(areas: Floats, covariance: Floats, pairs: Floats, level: float) -> tuple[Floats, Floats]:
    """(low, high) of the spread; areas (..., bins)."""
    variance = covariance.diagonal()
    one, other = np.array(list(permutations(range(len(variance)), 2))).T
    scale = np.sqrt(variance[one] * variance[other])
    correlation = np.clip(covariance[one, other] / np.where(scale > 0, scale, 1), -1, 1)
    ends = []
    for each in (family_level(level, len(one)), level):
        low, high = share_interval(areas, variance, pairs, each)
        of = [(low[..., places], areas[..., places], high[..., places]) for places in (one, other)]
        ends.append(mover(of[0], of[1], correlation))
    return ends[0][0].max(axis=-1), ends[1][1].max(axis=-1)


def _root(covariance: Floats) -> Floats:
    """Whose square is the covariance, which may lack full rank."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)
