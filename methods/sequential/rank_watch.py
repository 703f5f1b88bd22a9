"""Have scores moved, where no row has a label? A conformal test martingale on the ranks of new scores among older ones.

Each score's randomised rank among all before it, those of calibration included, is uniform and independent of the
earlier ranks for as long as scores come from one source in any order (Vovk, Gammerman and Shafer 2005, theorem 8.2;
Vovk 2021, "Testing randomness online"). So its mean is a half, and so is that of its distance from the middle, and
bets on any of the four means show a move up, down, outwards or inwards. Ranks are counted in fixed bins of the logit:
which rank a score gets depends on nothing but the scores, so what is lost is sharpness, and not that the risk holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit, logsumexp

from methods.sequential.bets import Bets, Floats, extended, new_bets
from methods.sequential.mean_watch import Crossing
from methods.sequential.promises import Observations
from methods.statistics.streams import epoch_stream

EDGES = np.linspace(-14, 14, 225)
BINS = len(EDGES) + 1
CHUNK = 2000
DIRECTIONS = ("up", "down", "outwards", "inwards")
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class RankWatch:
    """counts: scores so far by bin, those of calibration included. bets: by direction, on a mean above a half."""

    counts: Counts
    bets: tuple[Bets, ...]
    moved: Crossing | None
    direction: str

    @property
    def n(self) -> int:
        return self.bets[0].n


def binned(scores: Floats) -> Counts:
    """Of scores in [0, 1]."""
    return np.asarray(np.searchsorted(EDGES, logit(scores), side="right"), np.int64)


def new_rank_watch(reference: Floats) -> RankWatch:
    counts = np.bincount(binned(reference), minlength=BINS)
    return RankWatch(counts, tuple(new_bets(0.5) for _ in DIRECTIONS), None, "")


def scored(watch: RankWatch, seen: Observations, batch: str, risk: float, seed: int) -> RankWatch:
    """After these scores, in their order. seed: of what breaks ties, one number for each observation."""
    scores = seen.values
    counts, ranks = _ranks(watch.counts, binned(scores), _uniforms(seed, watch.n, len(scores)))
    middle = np.abs(2 * ranks - 1)
    sides = zip(watch.bets, (ranks, 1 - ranks, middle, 1 - middle), strict=True)
    after, gained = [], np.empty((len(DIRECTIONS), len(scores)))
    for place, (bets, values) in enumerate(sides):
        grown, gained[place] = extended(bets, values)
        after.append(grown)
    evidence = logsumexp(gained, axis=0) - np.log(len(DIRECTIONS))
    moved, direction, reached = watch.moved, watch.direction, np.flatnonzero(evidence >= -np.log(risk))
    if moved is None and len(reached):
        at = int(reached[0])
        moved = Crossing(watch.n + at + 1, batch, int(seen.rows[at]))
        direction = DIRECTIONS[int(gained[:, at].argmax())]
    return replace(watch, counts=counts, bets=tuple(after), moved=moved, direction=direction)


def _ranks(counts: Counts, bins: Counts, uniforms: Floats) -> tuple[Counts, Floats]:
    """Of each among those before it and itself: the share below, and a random part of the share in its own bin."""
    ranks = np.empty(len(bins))
    for start in range(0, len(bins), CHUNK):
        part = bins[start : start + CHUNK]
        places = np.arange(len(part))
        hot = np.zeros((len(part) + 1, BINS), np.int64)
        hot[places + 1, part] = 1
        seen = counts + np.cumsum(hot, axis=0)
        below = np.cumsum(seen, axis=1)
        own = seen[places, part]
        share = below[places, part] - own + uniforms[start : start + CHUNK] * (own + 1)
        ranks[start : start + CHUNK] = share / (seen[0].sum() + places + 1)
        counts = seen[-1]
    return counts, ranks


def _uniforms(seed: int, first: int, count: int) -> Floats:
    """Those of observations first, first + 1, ...: the same whatever batches they come in."""
    blocks = range(first // CHUNK, (first + count) // CHUNK + 1)
    drawn = [epoch_stream(seed, "ties of ranks", block).random(CHUNK) for block in blocks]
    start = first - blocks.start * CHUNK
    return np.concatenate(drawn)[start : start + count]


def rank_record(watch: RankWatch) -> dict[str, Any]:
    """For JSON."""
    filled = np.flatnonzero(watch.counts)
    return {
        "n": watch.n,
        "bins": filled.tolist(),
        "counts": watch.counts[filled].tolist(),
        "bets": [
            {"first": each.first.tolist(), "later": each.later.tolist() if each.later[0] > -np.inf else None}
            for each in watch.bets
        ],
        "moved": vars(watch.moved) if watch.moved else None,
        "direction": watch.direction,
    }


def rank_watch_of(record: Mapping[str, Any]) -> RankWatch:
    """What `rank_record` wrote."""
    counts = np.zeros(BINS, np.int64)
    counts[record["bins"]] = record["counts"]
    bets = []
    for stored in record["bets"]:
        new = new_bets(0.5)
        later = new.later if stored["later"] is None else np.array(stored["later"])
        bets.append(replace(new, n=record["n"], first=np.array(stored["first"]), later=later))
    moved = Crossing(**record["moved"]) if record["moved"] else None
    return RankWatch(counts, tuple(bets), moved, record["direction"])
