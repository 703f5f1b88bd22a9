"""Do the bounds of a rate over rows in groups of copies hold, and what do they decide? `python -m bench.weighted_rates [draws]`

*Error*: the share of *holds* (*violates*) where the true rate is the budget, the larger of where all groups fire alike, where
copied texts fire five times as often as single ones, and where a fifth as often. *Power*: of *holds* at a quarter of the
budget, of *violates* at two and a half times it, the least of the three. *Kish*: Clopper-Pearson at Kish's effective n of all rows, as it was. *Betting*: Waudby-Smith and Ramdas (2024, JRSS B
86:1), groups in random order. *Beta*: `grouped_rate_bounds`. *Capped*: the same of the rate in which a text counts as often as `most_that_can_hold` says.
"""

import sys

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.statistics.beta_bounds import beta_lower, beta_upper
from methods.statistics.intervals import lower_bound, upper_bound
from methods.statistics.streams import stream
from methods.statistics.weighted_rates import most_that_can_hold
from storage.files.markdown import markdown_table

Floats = NDArray[np.float64]
Shares = tuple[float, float]

LEVEL, SEED = 0.95, 1403
BUDGETS, ROWS = (0.02, 0.05), (300, 1000, 5000)
KINDS = ("single", "pairs", "a tenth in fives", "half in tens", "a tenth in forties", "Zipf to 40")
COPIES = {"alike": 1.0, "more": 5.0, "less": 0.2}
METHODS = ("Kish", "beta", "betting", "capped")
BET_DRAWS = 400  # betting goes through all groups one by one


def sizes(kind: str, rows: int, rng: np.random.Generator) -> Floats:
    """(groups,)"""
    copies = {"pairs": (1.0, 2), "a tenth in fives": (0.1, 5), "half in tens": (0.5, 10)}
    copies |= {"a tenth in forties": (0.1, 40), "single": (0.0, 1)}
    if kind in copies:
        share, size = copies[kind]
        many = max(round(share * rows / size), int(share > 0))
        return np.concatenate([np.ones(round((1 - share) * rows)), np.full(many, float(size))])
    drawn = np.minimum(rng.zipf(2.2, rows), 40).astype(np.float64)
    return drawn[: int(np.searchsorted(np.cumsum(drawn), rows)) + 1]


def fired(
    size: Floats, weight: Floats, rate: float, factor: float, draws: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """(draws, groups); groups of copies fire `factor` times as often, and the rate by weight is `rate`."""
    each = np.where(size > 1, factor, 1.0)
    each *= rate * weight.sum() / (each @ weight)
    return rng.random((draws, len(size))) < np.minimum(each, 1.0)


def verdicts(hits: NDArray[np.bool_], weight: Floats, budget: float) -> dict[str, Shares]:
    """Share of draws in which each method says holds, and violates."""
    share = weight / weight.sum()
    total, squares, kish = hits @ share, hits @ share**2, 1 / float(share @ share)
    upper = upper_bound(total * kish, kish, LEVEL), beta_upper(total, squares, share.max(), LEVEL)
    lower = lower_bound(total * kish, kish, LEVEL), beta_lower(total, squares, LEVEL)
    holds, violates = [each <= budget for each in upper], [each > budget for each in lower]
    pairs = zip(("Kish", "beta"), holds, violates, strict=True)
    return {name: (float(one.mean()), float(other.mean())) for name, one, other in pairs}


def capped(size: Floats, budget: float) -> Floats:
    rows = np.repeat(np.arange(len(size)), size.astype(int))
    return np.minimum(size, most_that_can_hold(rows, budget, LEVEL) or 1)


def betting(hits: NDArray[np.bool_], size: Floats, budget: float, rng: np.random.Generator) -> Shares:
    """Wealth against "the rate is at least (at most) the budget", bets by what was seen before (aGRAPA)."""
    order = rng.permuted(np.tile(np.arange(len(size)), (len(hits), 1)), axis=1)
    gain = (size[order] / size.max()) * (budget - np.take_along_axis(hits, order, axis=1))
    shares = []
    for each, most in ((gain, 0.95 / (1 - budget)), (-gain, 0.95 / budget)):
        before = np.arange(each.shape[1])
        mean = (np.cumsum(each, axis=1) - each + 2.5 * budget * (size.mean() / size.max())) / (before + 5)
        square = (np.cumsum(each**2, axis=1) - each**2 + 5 * budget) / (before + 5)
        bet = np.clip(mean / square, 0.0, most)
        shares.append(float((np.log1p(bet * each).sum(axis=1) >= -np.log(1 - LEVEL)).mean()))
    return shares[0], shares[1]


def row(kind: str, rows: int, budget: float, draws: int) -> dict[str, str]:
    rng = stream(SEED, f"{kind} {rows} {budget}")
    error = {name: np.zeros(2) for name in METHODS}
    power = {name: np.ones(2) for name in METHODS}
    for factor in COPIES.values() if kind not in ("single", "pairs") else (1.0,):
        size = sizes(kind, rows, rng)
        said = []
        for rate in (budget, budget / 4, 2.5 * budget):
            hits, least = fired(size, size, rate, factor, draws, rng), capped(size, budget)
            bets = betting(hits[:BET_DRAWS], size, budget, rng) if rows < ROWS[-1] else (np.nan, np.nan)
            less = verdicts(fired(size, least, rate, factor, draws, rng), least, budget)["beta"]
            said.append(verdicts(hits, size, budget) | {"betting": bets, "capped": less})
        for name in METHODS:
            error[name] = np.maximum(error[name], said[0][name])
            power[name] = np.minimum(power[name], (said[1][name][0], said[2][name][1]))
    cells = {"groups": kind, "rows": str(rows), "budget": f"{budget:g}"}
    for what, table, digits in (("error", error, 3), ("power", power, 2)):
        for name in METHODS:
            holds, violates = (f"{each:.{digits}f}" for each in table[name])
            cells[f"{what}, {name}"] = "" if holds == "nan" else f"{holds} / {violates}"
    return cells


def main(draws: int) -> None:
    spread = np.sqrt(LEVEL * (1 - LEVEL) / draws)
    print(
        f"holds / violates, at {LEVEL:.0%} one-sided; {draws} draws a cell, simulation error of an error of .05"
    )
    print(f"{spread:.3f} (betting: {BET_DRAWS} draws, {np.sqrt(LEVEL * (1 - LEVEL) / BET_DRAWS):.3f}).\n")
    cells = [(kind, rows, budget) for budget in BUDGETS for kind in KINDS for rows in ROWS]
    print(markdown_table(pd.DataFrame([row(*cell, draws) for cell in cells])))


if __name__ == "__main__":
    main(*(int(each) for each in (*sys.argv[1:], *("1500",)[len(sys.argv) - 1 :])))
