"""Do the sample sizes decide as often as they say? `python -m bench.sample_sizes [draws]`

*As it was*: `negatives_to_decide`, at which the expected count would decide, and how often it does.
"""

import sys

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from methods.statistics.auroc_intervals import ranked_groups
from methods.statistics.beta_bounds import share_interval
from methods.statistics.group_intervals import group_mean_interval
from methods.statistics.intervals import lower_bound, upper_bound
from methods.statistics.sample_sizes import (
    auroc_pairs_at_power,
    differing_groups_at_power,
    groups_at_power,
    negatives_at_power,
)
from methods.statistics.streams import stream
from methods.statistics.weighted_rates import grouped_rate_bounds
from storage.files.markdown import markdown_table

Floats = NDArray[np.float64]

LEVEL, POWER, BUDGET, SEED = 0.95, 0.8, 0.02, 1405
MOST_ROWS = 10**9
RATES = (0.0, 0.002, 0.005, 0.01, 0.0125, 0.015, 0.03, 0.04, 0.06, 0.1)
SIZES = {
    "a fifth in threes": (1,) * 12 + (3,),
    "Zipf to 10": (1,) * 70 + (2,) * 15 + (3,) * 7 + (5,) * 5 + (10,) * 3,
}


def negatives_to_decide(rate: float, budget: float, level: float) -> int | None:
    """Negatives that are no copies of each other at which a false-positive rate that stays `rate` has its one-sided
    bound on one side of the budget; None where `rate` is the budget, or too close to it for MOST_ROWS."""

    def decides(n: int) -> bool:
        events = min(rate * n, float(n))
        if rate > budget:
            return float(lower_bound(events, n, level)) > budget
        return float(upper_bound(events, n, level)) <= budget

    if rate == budget:
        return None
    high = 1
    while not decides(high):
        high *= 2
        if high > MOST_ROWS:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high


def deciding(rate: float, n: int, draws: int, rng: np.random.Generator) -> float:
    fired = rng.binomial(n, rate, draws)
    if rate > BUDGET:
        return float((lower_bound(fired, n, LEVEL) > BUDGET).mean())
    return float((upper_bound(fired, n, LEVEL) <= BUDGET).mean())


def rates(draws: int) -> pd.DataFrame:
    rows, rng = [], stream(SEED, "rates")
    for rate in RATES:
        before, size = (
            negatives_to_decide(rate, BUDGET, LEVEL),
            negatives_at_power(rate, BUDGET, LEVEL, POWER),
        )
        assert before and size
        rows.append(
            {
                "true rate": f"{rate:g}", "as it was": str(before),
                "it decides": f"{deciding(rate, before, draws, rng):.3f}", "n": str(size.n),
                "says": f"{size.power:.3f}", "decides": f"{deciding(rate, size.n, draws, rng):.3f}",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def copies(draws: int) -> pd.DataFrame:
    rows = []
    for name, sizes in SIZES.items():
        for rate in (0.005, 0.01, 0.05):
            rng = stream(SEED, f"{name} {rate}")
            size = groups_at_power(rate, BUDGET, sizes, LEVEL, POWER, SEED)
            assert size
            hits = 0
            for _ in range(draws):
                held = rng.choice(sizes, size.n)
                group = np.repeat(np.arange(size.n), held)
                low, high = grouped_rate_bounds((rng.random(size.n) < rate)[group], group, LEVEL)
                hits += low > BUDGET if rate > BUDGET else high <= BUDGET
            rows.append(
                {
                    "copies": name, "true rate": f"{rate:g}", "groups": str(size.n),
                    "rows": f"{size.n * np.mean(sizes):.0f}", "says": f"{size.power:.3f}",
                    "decides": f"{hits / draws:.3f}",
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def differences(draws: int) -> pd.DataFrame:
    rows = []
    for name in ("normal", "lognormal"):
        for effect in (0.3, 0.6, 1.0):
            rng = stream(SEED, f"{name} {effect}")

            def drawn(
                n: int, name: str = name, effect: float = effect, rng: np.random.Generator = rng
            ) -> Floats:
                if name == "normal":
                    return rng.normal(effect, 1, n)
                skewed = np.exp(rng.normal(0, 0.5, n))
                spread = float(np.sqrt((np.exp(0.25) - 1) * np.exp(0.25)))
                return np.asarray((skewed - np.exp(0.125)) / spread + effect)

            pilot = drawn(4000)
            size = differing_groups_at_power(pilot, np.arange(len(pilot)), LEVEL, POWER, SEED)
            assert size
            found = (group_mean_interval(drawn(size.n), np.arange(size.n), LEVEL).low for _ in range(draws))
            share = np.mean([low is not None and low > 0 for low in found])
            rows.append(
                {
                    "differences": name, "mean in sd": f"{effect:g}", "groups": str(size.n),
                    "says": f"{size.power:.3f}", "decides": f"{share:.3f}",
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def areas(draws: int) -> pd.DataFrame:
    rows = []
    for area, edge, times in (
        (0.8, 0.7, 1),
        (0.8, 0.7, 10),
        (0.9, 0.8, 5),
        (0.65, 0.5, 5),
        (0.9, 0.95, 1),
        (0.97, 0.9, 5),
        (0.8, 0.9, 5),
    ):
        rng = stream(SEED, f"{area} {edge} {times}")

        def ranked(
            pairs: int, area: float = area, times: int = times, rng: np.random.Generator = rng
        ) -> tuple[float, float]:
            positive = np.arange(pairs * (1 + times)) < pairs
            scores = rng.normal(size=len(positive)) + positive * np.sqrt(2) * ndtri(area)
            found = ranked_groups(scores, positive, np.arange(len(positive)))
            return found.area, found.variance

        variance = float(np.mean([ranked(2000)[1] for _ in range(20)]))
        size = auroc_pairs_at_power(area, edge, variance, 2000, LEVEL, POWER)
        assert size
        found = np.array([ranked(size.n) for _ in range(draws)])
        low, high = share_interval(found[:, 0], found[:, 1], size.n, LEVEL)
        share = (low > edge).mean() if area > edge else (high < edge).mean()
        rows.append(
            {
                "AUROC": f"{area:g}", "edge": f"{edge:g}", "negatives a positive": str(times),
                "positives": str(size.n), "says": f"{size.power:.3f}", "decides": f"{share:.3f}",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def main(draws: int) -> None:
    error = np.sqrt(POWER * (1 - POWER) / draws)
    print(
        f"Wanted: {POWER:.0%}. {draws} draws, simulation error {error:.3f} (rates: {error / 20**0.5:.3f}).\n"
    )
    print(f"A false-positive rate against a budget of {BUDGET:g}, rows that are no copies\n")
    print(markdown_table(rates(20 * draws)))
    for title, table in (
        ("Rows in groups of copies", copies),
        ("The mean of paired differences by group, and 0", differences),
        ("An AUROC and an edge", areas),
    ):
        print(f"\n{title}\n")
        print(markdown_table(table(draws)))


if __name__ == "__main__":
    main(*(int(each) for each in (*sys.argv[1:], *("500",)[len(sys.argv) - 1 :])))
