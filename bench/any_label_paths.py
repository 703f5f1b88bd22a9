"""What does the path of an any-label threshold leave on the table? `python -m bench.any_label_paths [draws]`

Three labels, scores of clean rows correlated by .3, positives two standard deviations above; a budget of .02 on clean rows, at
delta .1. *Steps*: every second row makes the path and its scores are the steps, as `any_label` had it. *Smooth*: the same
rows, twenty steps from score to score, as it has it now. *Outside*: other rows make the path and all clean rows test it: rows like them;
`skewed`, of which one label scores a standard deviation higher and another lower; `trained on`, all of which score half as far
from certain.
"""

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from methods.budgets.any_label_paths import halved_any_label_threshold, outside_any_label_threshold
from methods.budgets.thresholds import AnyLabelThreshold, any_label_threshold
from methods.statistics.streams import stream
from storage.files.markdown import markdown_table

Floats = NDArray[np.float64]
Scores = NDArray[np.float32]

ALPHA, DELTA, SEED = 0.02, 0.1, 1412
LABELS, ALIKE, ABOVE = 3, 0.3, 2.0
MIX = np.linalg.cholesky(np.full((LABELS, LABELS), ALIKE) + (1 - ALIKE) * np.eye(LABELS))
OUTSIDE = {
    "like": ((0.0, 0.0, 0.0), 1.0),
    "skewed": ((1.0, 0.0, -1.0), 1.0),
    "trained on": ((0.0, 0.0, 0.0), 0.5),
}
SIZES = (230, 400, 900)


def clean_scores(
    n: int, rng: np.random.Generator, shift: tuple[float, ...] = (0.0,) * LABELS, scale: float = 1.0
) -> Scores:
    return np.asarray(expit(scale * (rng.normal(size=(n, LABELS)) @ MIX.T + np.array(shift))), np.float32)


def with_stricter_steps(path: Scores) -> Scores:
    """The path goes on above its highest scores, evenly up to 1 for all labels together, in 20 steps."""
    highest = path.max(axis=0)
    shares = np.linspace(1.0, 0.0, 20, endpoint=False, dtype=path.dtype)[:, np.newaxis]
    return np.concatenate([highest + (1 - highest) * shares, path])


def with_steps(clean: Scores) -> AnyLabelThreshold:
    return any_label_threshold(with_stricter_steps(clean[::2]), clean[1::2], ALPHA, DELTA)


def outside(kind: str, rng: np.random.Generator) -> Callable[[Scores], AnyLabelThreshold]:
    return lambda clean: outside_any_label_threshold(
        clean_scores(len(clean), rng, *OUTSIDE[kind]), clean, ALPHA, DELTA
    )


def row(size: int, name: str, rule: Callable[[Scores], AnyLabelThreshold], draws: int) -> dict[str, str]:
    rng, truth = stream(SEED, f"rows {size}"), stream(SEED, "truth")
    later, positive = clean_scores(50_000, truth), clean_scores(10_000, truth, (ABOVE,) * LABELS)
    rates, recalls, silent = np.zeros(draws), np.zeros(draws), np.zeros(draws)
    for number in range(draws):
        thresholds = rule(clean_scores(size, rng)).thresholds
        rates[number] = (later >= thresholds).any(axis=1).mean()
        recalls[number] = (positive >= thresholds).mean()
        silent[number] = np.isinf(thresholds).any()
    return {
        "clean rows": str(size), "path": name, "P(rate above the budget)": f"{(rates > ALPHA).mean():.3f}",
        "mean rate": f"{rates.mean():.4f}", "recall": f"{recalls.mean():.3f}", "no threshold": f"{silent.mean():.3f}",
    }  # fmt: skip


def main(draws: int) -> None:
    sys.stdout.write(
        f"{draws} draws a row: a risk of .1 is known to {np.sqrt(DELTA * (1 - DELTA) / draws):.3f}.\n\n"
    )
    rows = []
    for size in SIZES:
        rules: dict[str, Callable[[Scores], AnyLabelThreshold]] = {
            "steps": with_steps, "smooth": lambda clean: halved_any_label_threshold(clean, ALPHA, DELTA),
        }  # fmt: skip
        rules |= {f"outside, {kind}": outside(kind, stream(SEED, f"{kind} {size}")) for kind in OUTSIDE}
        rows += [row(size, name, rule, draws) for name, rule in rules.items()]
    sys.stdout.write(markdown_table(pd.DataFrame(rows)) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
