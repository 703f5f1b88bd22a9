"""Do intervals of shares and of mean losses over few groups hold, and their tests? `python -m bench.group_intervals [draws]`"""

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr, stdtrit

from methods.statistics.beta_bounds import share_interval
from methods.statistics.group_intervals import mean_p
from methods.statistics.streams import stream
from storage.files.markdown import markdown_table

Floats = NDArray[np.float64]

LEVEL, SEED = 0.95, 1404
GROUPS = (4, 5, 6, 8, 12, 16, 24, 32, 64)
SHARES = ((0.7, 0.3), (0.9, 0.3), (0.97, 0.3), (0.7, 0.05), (0.9, 0.05), (0.97, 0.05), (0.5, 0.6), (0.9, 0.6))
LOSSES: dict[str, tuple[Callable[[np.random.Generator, tuple[int, int]], Floats], float]] = {
    "normal": (lambda rng, shape: rng.normal(size=shape), 0.0),
    "lognormal .5": (lambda rng, shape: np.exp(rng.normal(0, 0.5, shape)), float(np.exp(0.125))),
    "lognormal 1": (lambda rng, shape: np.exp(rng.normal(size=shape)), float(np.exp(0.5))),
    "lognormal less .6 of another": (
        lambda rng, shape: np.exp(rng.normal(size=shape)) - 0.6 * np.exp(rng.normal(size=shape)),
        float(0.4 * np.exp(0.5)),
    ),
    "lognormal less another": (
        lambda rng, shape: np.exp(rng.normal(size=shape)) - np.exp(rng.normal(size=shape)),
        0.0,
    ),
}


def wilson_ends(share: Floats, n: Floats, quantile: float) -> tuple[Floats, Floats]:
    centre = (share + quantile**2 / 2 / n) / (1 + quantile**2 / n)
    half = quantile * np.sqrt(share * (1 - share) / n + quantile**2 / 4 / n**2) / (1 + quantile**2 / n)
    return centre - half, centre + half


def shares(groups: int, draws: int) -> dict[str, str]:
    """Least coverage over SHARES (rate, correlation within groups) of 4 to 19 rows a group."""
    held: dict[str, list[float]] = {}
    widths: dict[str, list[float]] = {}
    for rate, alike in SHARES:
        rng = stream(SEED, f"{groups} {rate} {alike}")
        skill = rng.beta(rate * (1 / alike - 1), (1 - rate) * (1 / alike - 1), (draws, groups))
        sizes = rng.integers(4, 20, (draws, groups))
        correct, n = rng.binomial(sizes, skill), sizes.sum(axis=1)
        share = correct.sum(axis=1) / n
        residual = correct - share[:, None] * sizes
        variance = groups / (groups - 1) * np.square(residual).sum(axis=1) / n**2
        binomial = share * (1 - share)
        rows = np.where(variance > 0, binomial / np.maximum(variance, 1e-12), 0.0)
        rows = np.clip(rows, n**2 / np.square(sizes).sum(axis=1), n)  # as rate_interval has it
        for name, (low, high) in {
            "Wilson, z": wilson_ends(share, rows, float(ndtri((1 + LEVEL) / 2))),
            "Wilson, t": wilson_ends(share, rows, float(stdtrit(groups - 1, (1 + LEVEL) / 2))),
            "beta": share_interval(share, variance, groups, LEVEL),
        }.items():
            held.setdefault(name, []).append(float(((low <= rate) & (rate <= high)).mean()))
            widths.setdefault(name, []).append(float((high - low).mean()))
    least = {f"{name} least": f"{min(each):.3f}" for name, each in held.items()}
    return {"groups": str(groups), **least} | {f"{n} width": f"{np.mean(w):.3f}" for n, w in widths.items()}


def t_p(effects: Floats) -> Floats:
    g = effects.shape[1]
    t = effects.mean(axis=1) / effects.std(axis=1, ddof=1) * np.sqrt(g)
    return np.asarray(2 * stdtr(g - 1, -np.abs(t)))


def sign_flip_p(effects: Floats, rng: np.random.Generator) -> Floats:
    """Of 500 drawn patterns, for speed; below six groups it has no p below .05."""
    signs = rng.integers(0, 2, (500, effects.shape[1])) * 2.0 - 1
    flipped = np.abs(signs @ effects.T) >= np.abs(effects.sum(axis=1)) - 1e-12
    return np.asarray((flipped.sum(axis=0) + 1) / (len(signs) + 1))


def losses(name: str, groups: int, draws: int) -> dict[str, str]:
    rng, (draw, mean) = stream(SEED, f"{name} {groups}"), LOSSES[name]
    drawn = draw(rng, (draws, groups)) - mean
    moved = drawn + drawn.std()
    cells = {"losses by group": name, "groups": str(groups)}
    for what, effects in (("error", drawn), ("power", moved)):
        for method, p in (
            ("t", t_p(effects)),
            ("sign flip", sign_flip_p(effects, rng)),
            ("t and Hall", mean_p(effects)),
        ):
            cells[f"{what}, {method}"] = f"{np.mean(p < 1 - LEVEL):.3f}"
    return cells


def main(draws: int) -> None:
    error = np.sqrt(LEVEL * (1 - LEVEL) / draws)
    print(
        f"Shares: least coverage of intervals of {LEVEL:.0%} over {len(SHARES)} settings, {draws} draws each,"
    )
    print(f"simulation error {error:.3f}.\n")
    print(markdown_table(pd.DataFrame([shares(groups, draws) for groups in GROUPS])))
    print(
        "\nMean losses: error of p < .05 (one less the coverage of the interval), and power at one standard deviation.\n"
    )
    few = tuple(g for g in GROUPS if g not in (5, 12, 24))
    print(markdown_table(pd.DataFrame([losses(name, groups, draws) for name in LOSSES for groups in few])))


if __name__ == "__main__":
    main(*(int(each) for each in (*sys.argv[1:], *("4000",)[len(sys.argv) - 1 :])))
