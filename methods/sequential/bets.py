"""Bets on a mean above a limit: evidence that may be looked at after every observation, for as long as one likes.

Values x in [0, 1] of which each has, given those before, a mean of at most `limit` m: then every product of
1 + b (x - m), 0 <= b <= 1 / m, is a non-negative supermartingale that starts at 1, and so is a weighted mean of such
products, over several b and over several first observations. By Ville's inequality it ever reaches 1 / risk with a
probability of at most `risk` (Waudby-Smith and Ramdas 2024, JRSS-B 86, section 4; weighted starts as in Shin, Ramdas
and Rinaldo 2023, "E-detectors", spent so that all starts together cost the one risk).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, zeta

BETS = 12
BLOCK = 50  # observations from one start of bets to the next
DECAY = (
    1.1  # of the weights of later starts: a change after n observations costs about 1.1 log(n / BLOCK) more
)
CHUNK = 20_000
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bets:
    """Log wealth by bet. first: of what was put down at the start. later: of what is put down every BLOCK observations;
    -inf before the first
    of these."""

    limit: float
    n: int
    first: Floats
    later: Floats

    @property
    def sizes(self) -> Floats:
        """From one that suits a mean 5% above the limit to one that all but empties the purse at a value of 0."""
        return np.geomspace(0.05 * self.limit, 0.9, BETS) / self.limit


def new_bets(limit: float) -> Bets:
    if not 0 < limit < 1:
        raise ValueError(f"expected a limit within (0, 1), got {limit}")
    return Bets(limit, 0, np.zeros(BETS), np.full(BETS, -np.inf))


def extended(bets: Bets, values: Floats) -> tuple[Bets, Floats]:
    """The bets after these values, and the log evidence of first and later ones after each of them.

    In one go or in pieces: the same, but for rounding. ValueError for a value outside of [0, 1].
    """
    if not ((values >= 0) & (values <= 1)).all():  # NaN is outside, too
        raise ValueError("expected values within [0, 1]")
    path = np.empty(len(values))
    for start in range(0, len(values), CHUNK):
        part = slice(start, start + CHUNK)
        bets, path[part] = _chunk(bets, values[part])
    return bets, path


def _chunk(bets: Bets, values: Floats) -> tuple[Bets, Floats]:
    grown = np.cumsum(np.log1p(np.outer(bets.sizes, values - bets.limit)), axis=1)  # (bets, values)
    place = bets.n + np.arange(len(values))
    starts = np.flatnonzero((place % BLOCK == 0) & (place > 0))
    before = np.hstack([np.zeros((BETS, 1)), grown[:, :-1]])[:, starts]
    put_down = log_weight(place[starts] // BLOCK) - before
    held = np.logaddexp.accumulate(np.hstack([bets.later[:, None], put_down]), axis=1)
    later = grown + held[:, np.searchsorted(starts, np.arange(len(values)), side="right")]
    first = bets.first[:, None] + grown
    after = replace(bets, n=bets.n + len(values), first=first[:, -1], later=later[:, -1])
    return after, _log_sum(np.vstack([first, later])) - np.log(2 * BETS)


def _log_sum(logs: Floats) -> Floats:
    """Over rows; scipy's takes four times as long."""
    top = logs.max(axis=0)
    summed: Floats = top + np.log(np.exp(logs - top).sum(axis=0))
    return summed


def log_weight(start: NDArray[np.int64]) -> Floats:
    """Of the later starts 1, 2, ...: together they have what the first has."""
    return -DECAY * np.log(start) - float(np.log(zeta(DECAY)))


def evidence(bets: Bets, with_later: bool) -> float:
    """The log of it, now."""
    if with_later:
        return float(logsumexp(np.concatenate([bets.first, bets.later])) - np.log(2 * BETS))
    return float(logsumexp(bets.first) - np.log(BETS))


def observations_to_go(bets: Bets, log_target: float, with_later: bool) -> float:
    """How many more observations like those so far would bring the evidence to the target; inf where it does not grow.

    The wealth of each bet grows on by what it has gained for each observation so far; the quickest one counts.
    """
    if not bets.n:
        return float("inf")
    growth = bets.first / bets.n
    now = np.logaddexp(bets.first, bets.later) if with_later else bets.first
    missing = log_target + np.log(2 * BETS if with_later else BETS) - now
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.where(growth > 0, np.maximum(missing, 0) / growth, np.inf)
    return float(needed.min())
