"""Do the intervals of an AUROC and of the difference of two hold what they promise? `python -m bench.auroc_intervals [draws]`

The truth is known: positives are shifted (normal scores), scaled (exponential scores, which leave a few positives deep among
the negatives), rounded to whole numbers (ties), or share their host's part with a negative (pairs) or with three more of a
speaker (speakers).
"""

import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr, ndtri, stdtrit
from scipy.stats import rankdata

from methods.statistics.auroc_intervals import mover, ranked_groups
from methods.statistics.beta_bounds import NO_SPREAD, share_interval
from methods.statistics.grouped_ranking import unvarying_difference
from methods.statistics.intervals import clopper_pearson
from methods.statistics.streams import stream
from storage.files.markdown import markdown_table

Floats = NDArray[np.float64]

LEVEL, SEED = 0.95, 1401
POSITIVES, TIMES, AREAS = (5, 10, 25, 100), (1, 10), (0.6, 0.8, 0.9, 0.97, 0.995)
DESIGNS = ("normal", "exponential", "ties", "pairs", "speakers")
DIFFERENCES = ((0.6, 0.6), (0.8, 0.8), (0.9, 0.8), (0.97, 0.97), (0.97, 0.9), (0.995, 0.97))
ROWS = 4  # of a speaker
BLOCK = 250  # draws at once

Interval = tuple[Floats, Floats]


@dataclass(frozen=True)
class Samples:
    """scores (draws, n) of the same rows."""

    scores: Floats
    positive: NDArray[np.bool_]
    groups: NDArray[np.int64]


@dataclass(frozen=True)
class Ranked:
    """`ranked_groups` of every draw: area (draws,), and what each group adds to its error (draws, groups)."""

    area: Floats
    sums: Floats

    def covariance(self, other: "Ranked") -> Floats:
        groups = self.sums.shape[1]
        return np.asarray((self.sums * other.sums).sum(axis=1) * groups / (groups - 1))


def ranked(samples: Samples) -> Ranked:
    above, below = samples.scores[:, samples.positive], samples.scores[:, ~samples.positive]
    overall = rankdata(samples.scores, axis=1)
    mine = (overall[:, samples.positive] - rankdata(above, axis=1)) / below.shape[1]
    theirs = 1 - (overall[:, ~samples.positive] - rankdata(below, axis=1)) / above.shape[1]
    area = mine.mean(axis=1)
    influence = np.empty(samples.scores.shape)
    influence[:, samples.positive] = (mine - area[:, None]) / above.shape[1]
    influence[:, ~samples.positive] = (theirs - area[:, None]) / below.shape[1]
    order = np.argsort(samples.groups, kind="stable")
    starts = np.flatnonzero(np.diff(samples.groups[order], prepend=-1))
    every = Ranked(area, np.add.reduceat(influence[:, order], starts, axis=1))
    one = ranked_groups(samples.scores[0], samples.positive, samples.groups)
    assert np.allclose((every.area[0], every.covariance(every)[0]), (one.area, one.variance))
    return every


def drawn(design: str, groups: int, times: int, area: float, draws: int, rng: np.random.Generator) -> Samples:
    """Scores of `groups` groups of positives and `times` as many of negatives; pairs have one of each in every group."""
    rows = ROWS if design == "speakers" else 1
    group = np.repeat(np.arange(groups * (1 + times)), rows)
    positive = group < groups
    if design == "exponential":
        scale = np.where(positive, area / (1 - area), 1.0)
        return Samples(rng.exponential(scale, (draws, len(group))), positive, group)
    if design == "pairs":
        group %= groups
    weight = {"pairs": 0.6, "speakers": 0.7}.get(design, 0.0)
    shared = rng.normal(size=(draws, group.max() + 1))[:, group]
    scores = np.sqrt(weight) * shared + np.sqrt(1 - weight) * rng.normal(size=(draws, len(group)))
    scores += np.where(positive, np.sqrt(2) * ndtri(area), 0.0)
    return Samples(np.round(scores) if design == "ties" else scores, positive, group)


def truth(design: str, area: float) -> float:
    """Rounding moves it."""
    if design != "ties":
        return area
    at, shift = np.arange(-10, 20), np.sqrt(2) * ndtri(area)
    positives, negatives = (ndtr(at + 0.5 - mean) - ndtr(at - 0.5 - mean) for mean in (shift, 0.0))
    return float(positives @ (np.cumsum(negatives) - negatives / 2))


def intervals(area: Floats, variance: Floats, pairs: int) -> dict[str, Interval]:
    """As they were (Wald), the logit-t of the audit, and the beta bounds; Clopper-Pearson where nothing varies."""
    half = float(ndtri((1 + LEVEL) / 2)) * np.sqrt(variance)
    still = (variance <= NO_SPREAD) | (area <= 0) | (area >= 1)
    exact = clopper_pearson(np.minimum(area, 1.0) * pairs, pairs, LEVEL)
    inner = np.where(still, 0.5, area)
    wide = stdtrit(pairs - 1, (1 + LEVEL) / 2) * np.sqrt(variance) / (inner * (1 - inner))
    logit_t = expit(logit(inner) - wide), expit(logit(inner) + wide)
    return {
        "Wald": (np.where(still, exact[0], area - half), np.where(still, exact[1], area + half)),
        "logit-t": (np.where(still, exact[0], logit_t[0]), np.where(still, exact[1], logit_t[1])),
        "beta": share_interval(area, variance, pairs, LEVEL),
    }


def held(interval: Interval, true: float) -> float:
    return float(((interval[0] <= true + 1e-12) & (true - 1e-12 <= interval[1])).mean())


def covered(design: str, groups: int, draws: int) -> dict[str, str]:
    """Of all ratios of classes and all areas the least coverage, and where it is."""
    cells: dict[str, list[tuple[float, str, float]]] = {}
    for times in (1,) if design == "pairs" else TIMES:
        for area in AREAS:
            rng = stream(SEED, f"{design} {groups} {times} {area}")
            blocks = [
                ranked(drawn(design, groups, times, area, BLOCK, rng)) for _ in range(max(draws // BLOCK, 1))
            ]
            areas = np.concatenate([each.area for each in blocks])
            variances = np.concatenate([each.covariance(each) for each in blocks])
            for name, interval in intervals(areas, variances, groups).items():
                width = float((interval[1] - interval[0]).mean())
                share = held(interval, truth(design, area))
                cells.setdefault(name, []).append((share, f"{area:g}, x {times}", width))
    widths = {
        f"{name} width": f"{np.mean([cell[2] for cell in cells[name]]):.3f}" for name in ("Wald", "beta")
    }
    return _row(design, groups, cells, "beta") | widths


def two_scores(
    design: str, groups: int, areas: tuple[float, float], alike: float, rng: np.random.Generator
) -> tuple[Samples, Samples]:
    """Of the same rows, ten times as many negatives (pairs: as many); alike: how their errors correlate."""
    group = np.arange(groups * (2 if design == "pairs" else 11))
    positive = group < groups
    noise = rng.normal(size=(2, BLOCK, len(group)))
    if design == "pairs":
        group %= groups
        noise = np.sqrt(0.6) * rng.normal(size=(2, BLOCK, groups))[:, :, group] + np.sqrt(0.4) * noise
    both = noise[0], alike * noise[0] + np.sqrt(1 - alike**2) * noise[1]
    if design == "exponential":
        scores = [
            -np.log(ndtr(z)) * np.where(positive, a / (1 - a), 1) for z, a in zip(both, areas, strict=True)
        ]
    else:
        scores = [z + positive * np.sqrt(2) * ndtri(a) for z, a in zip(both, areas, strict=True)]
    return Samples(scores[0], positive, group), Samples(scores[1], positive, group)


def difference_intervals(one: Ranked, other: Ranked, pairs: int) -> dict[str, Interval]:
    """As they were (Wald), and MOVER, as `auroc_difference_interval` makes it; both where something varies."""
    mine, theirs, both = one.covariance(one), other.covariance(other), one.covariance(other)
    difference, between = one.area - other.area, np.maximum(mine + theirs - 2 * both, 0.0)
    unvarying = np.transpose([unvarying_difference(each, pairs, LEVEL) for each in difference])
    half, scale = float(ndtri((1 + LEVEL) / 2)) * np.sqrt(between), np.sqrt(mine * theirs)
    correlation = np.where(scale > NO_SPREAD, np.clip(both / np.maximum(scale, NO_SPREAD), -1, 1), 0.0)
    ends = (share_interval(a, v, pairs, LEVEL) for a, v in ((one.area, mine), (other.area, theirs)))
    (low, high), (lower, upper) = ends
    found = {
        "Wald": (difference - half, difference + half),
        "MOVER": mover((low, one.area, high), (lower, other.area, upper), correlation),
    }
    still = between <= NO_SPREAD
    return {
        name: (np.where(still, unvarying[0], each[0]), np.where(still, unvarying[1], each[1]))
        for name, each in found.items()
    }


def differences_covered(design: str, groups: int, draws: int) -> dict[str, str]:
    cells: dict[str, list[tuple[float, str, float]]] = {}
    for alike in (0.3, 0.9):
        for areas in DIFFERENCES:
            rng = stream(SEED, f"two {design} {groups} {areas} {alike}")
            hits: dict[str, list[float]] = {}
            for _ in range(max(draws // BLOCK, 1)):
                one, other = (ranked(each) for each in two_scores(design, groups, areas, alike, rng))
                for name, interval in difference_intervals(one, other, groups).items():
                    hits.setdefault(name, []).append(held(interval, areas[0] - areas[1]))
            for name, shares in hits.items():
                where = f"{areas[0]:g} - {areas[1]:g}, r {alike}"
                cells.setdefault(name, []).append((float(np.mean(shares)), where, 0.0))
    return _row(design, groups, cells, "MOVER")


def _row(
    design: str, groups: int, cells: dict[str, list[tuple[float, str, float]]], ours: str
) -> dict[str, str]:
    least = {f"{name} least": f"{min(each)[0]:.3f}" for name, each in cells.items()}
    mean = f"{np.mean([cell[0] for cell in cells[ours]]):.3f}"
    return {
        "scores": design,
        "positives": str(groups),
        **least,
        f"{ours} mean": mean,
        "at": min(cells[ours])[1],
    }


def main(draws: int) -> None:
    error = np.sqrt(LEVEL * (1 - LEVEL) / draws)
    print(
        f"Intervals of {LEVEL:.0%}; the least coverage over AUROC {', '.join(map(str, AREAS))} and as many or"
    )
    print(f"ten times the negatives; {draws} draws a cell, simulation error {error:.3f}.\n")
    print(markdown_table(pd.DataFrame([covered(d, groups, draws) for d in DESIGNS for groups in POSITIVES])))
    few = draws // 2
    print(f"\nDifferences of two scores of the same rows, {few} draws a cell, error {error * 2**0.5:.3f}.\n")
    designs = ("normal", "exponential", "pairs")
    rows = [differences_covered(design, groups, few) for design in designs for groups in POSITIVES]
    print(markdown_table(pd.DataFrame(rows)))


if __name__ == "__main__":
    main(*(int(each) for each in (*sys.argv[1:], *("2000",)[len(sys.argv) - 1 :])))
