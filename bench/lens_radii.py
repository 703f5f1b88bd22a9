"""Do the intervals of the worst bin of Einstein radii and of the spread hold what they promise?

    python -m bench.lens_radii [draws] > table.md

Scores are drawn so that each bin's true AUROC is known: negatives standard normal, positives of a bin shifted, the two rows
of a pair alike as far as `pairs` says. *Picked* is the interval of the two bins that look best and worst, and of the one
that looks worst, as if they had been named beforehand, by Wald's intervals.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from bench.wald import wald_interval
from methods.shortcuts.evaluation import Part, in_bin, radius_bins
from methods.shortcuts.radius_extremes import least_bin, radius_spread
from methods.statistics.grouped_ranking import group_variance, placement_influence
from methods.statistics.streams import epoch_stream
from storage.files.markdown import markdown_table

LEVEL = 0.95
EDGES = (0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0)
SHARES = (0.1, 0.1, 0.2, 0.2, 0.2, 0.2)
SEED = 1


@dataclass(frozen=True)
class Truth:
    """auroc of each bin; pairs: correlation of the scores of a positive and its negative."""

    name: str
    rows: int
    auroc: Sequence[float]
    pairs: float = 0.0


TRUTHS = (
    Truth("no spread, AUROC .75", 300, [0.75] * 6),
    Truth("no spread, AUROC .93", 300, [0.93] * 6),
    Truth("no spread, AUROC .93, pairs", 300, [0.93] * 6, 0.6),
    Truth("no spread, AUROC .985", 300, [0.985] * 6),
    Truth("one bad bin", 300, [0.80, *[0.95] * 5]),
    Truth("rising", 300, [0.82, 0.87, 0.89, 0.95, 0.975, 0.99]),
    Truth("no spread, AUROC .93", 2000, [0.93] * 6),
    Truth("rising", 2000, [0.82, 0.87, 0.89, 0.95, 0.975, 0.99]),
)


def drawn(truth: Truth, draw: int) -> Part:
    random = epoch_stream(SEED, f"{truth.name} {truth.rows}", draw)
    pairs = truth.rows // 2
    number = np.repeat(np.arange(len(SHARES)), np.round(np.array(SHARES) * pairs).astype(int))
    theta = np.array(EDGES)[number] + 0.01
    shift = np.sqrt(2) * ndtri(np.array(truth.auroc))[number]
    common = random.normal(size=pairs) * np.sqrt(truth.pairs)
    own = random.normal(size=(2, pairs)) * np.sqrt(1 - truth.pairs)
    logits = np.concatenate([common + own[0] + shift, common + own[1]])[:, None]
    groups = np.tile(np.arange(pairs), 2)
    positive = np.arange(2 * pairs) < pairs
    return Part(logits, positive, np.append(theta, np.full(pairs, np.nan)), groups, groups)


def picked(part: Part) -> tuple[tuple[float, float], tuple[float, float]]:
    """(low, high) of the spread and of the worst bin, as if nothing had been picked."""
    bins = radius_bins(part, EDGES, LEVEL)
    order = np.argsort([each.auroc.value or 0.0 for each in bins])
    influence = np.zeros(len(part.positive))
    areas = []
    for sign, place in ((1.0, int(order[-1])), (-1.0, int(order[0]))):
        rows = ~part.positive | in_bin(part, EDGES, place)
        area, each = placement_influence(part.logits[rows, 0], part.positive[rows])
        influence[rows] += sign * each
        areas.append(area)
    rows = ~part.positive | in_bin(part, EDGES, int(order[0]))
    worst = wald_interval(part.logits[rows, 0], part.positive[rows], part.groups[rows], LEVEL)
    half = float(ndtri((1 + LEVEL) / 2)) * group_variance(influence, part.groups) ** 0.5
    spread = areas[0] - areas[1]
    return (spread - half, spread + half), (worst.low, worst.high)


def held(truth: Truth, draws: int) -> dict[str, str]:
    spread, least = max(truth.auroc) - min(truth.auroc), min(truth.auroc)
    true = np.array([spread, least, spread, least])
    hits, found = np.zeros(4), []
    for draw in range(draws):
        part = drawn(truth, draw)
        bins = radius_bins(part, EDGES, LEVEL)
        ours = radius_spread(part, EDGES, bins, 1, LEVEL), least_bin(part, EDGES, bins, 1, LEVEL)
        ends = [np.array([each.low, each.high], np.float64) for each in ours]
        intervals = np.array([*picked(part), *ends])
        hits += (intervals[:, 0] <= true) & (true <= intervals[:, 1])
        found.append((ours[0].value, ends[0][1], ours[1].value, ends[1][0]))
    mean = np.mean(np.array(found, np.float64), axis=0)
    return {
        "truth": truth.name, "rows": str(truth.rows), "spread": f"{spread:.3f}", "mean estimate": f"{mean[0]:.3f}",
        "mean upper end": f"{mean[1]:.3f}", "holds it": _share(hits[2], draws), "picked holds it": _share(hits[0], draws),
        "worst bin": f"{least:.3f}", "mean of the worst": f"{mean[2]:.3f}", "mean lower end": f"{mean[3]:.3f}",
        "holds": _share(hits[3], draws), "picked holds": _share(hits[1], draws),
    }  # fmt: skip


def _share(hits: float, draws: int) -> str:
    return f"{hits / draws:.3f}"


def main(draws: int) -> None:
    print(f"Half of the rows are positives, six bins, {draws} draws, intervals of {LEVEL:.0%}\n")
    print(markdown_table(pd.DataFrame([held(truth, draws) for truth in TRUTHS])))


if __name__ == "__main__":
    main(*(int(each) for each in (*sys.argv[1:], *("2000",)[len(sys.argv) - 1 :])))
