"""Do intervals of a calibration error and of a temperature hold? `python -m bench.calibration_intervals [draws]`

Rows of groups that differ in how well a model does on them; the true error is that of a million rows in the same 15 bins.
*Percentile*: of the plain error over draws of groups. *Scaled*: `calibration_error_interval`. Temperatures: two or ten classes, 12
clips a speaker, one label in ten at random; *jackknife*: T +- t standard errors over groups left out; *slope*: `temperature_interval`. *Low*, *high*:
how often the truth is below and above.
"""

import sys
from collections import defaultdict

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, stdtrit

from bench.row_draws import figure_draws
from methods.calibration.calibration_error import expected_calibration_error, width_bin
from methods.calibration.calibration_intervals import calibration_error_interval, temperature_interval
from methods.calibration.temperature import fit_temperature
from methods.heads.noise import group_weights
from methods.statistics.streams import stream
from storage.files.markdown import markdown_table

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

LEVEL, SEED, RESAMPLES, BINS = 0.95, 1416, 400, 15
MODELS = {"calibrated": (1.0, 0.0), "a little": (0.8, 0.3), "much": (0.5, 0.3), "by groups": (1.0, 1.0)}
SIZES = ((1188, 96), (300, 30), (128, 8), (64, 4))
SPREADS = (0.0, 0.7)
SPEAKERS = (4, 8, 16, 64)


def outcomes(
    rows: int, groups: int, model: tuple[float, float], rng: np.random.Generator
) -> tuple[Floats, NDArray[np.bool_], Index]:
    """Confidence, whether it was right, and group, of rows whose true logits are model[0] times as large."""
    group = rng.permutation(np.arange(rows) % groups)
    logit = np.abs(rng.normal(2.0, 1.5, rows))
    right = rng.random(rows) < expit(model[0] * logit + rng.normal(0, model[1], groups)[group])
    return expit(logit), right, group


def error_row(name: str, rows: int, groups: int, draws: int) -> dict[str, str]:
    rng = stream(SEED, f"{name} {rows}")
    true = expected_calibration_error(*outcomes(1_000_000, 200_000, MODELS[name], rng)[:2], BINS)
    ends: dict[str, list[tuple[float, float]]] = defaultdict(list)
    points: list[tuple[float, float]] = []
    for number in range(draws):
        confidence, right, group = outcomes(rows, groups, MODELS[name], rng)
        shares = np.stack([confidence, 1 - confidence], axis=1)
        drawn = figure_draws(
            shares, (~right).astype(np.int64), group, group_weights(groups, RESAMPLES, number)
        )["ece"]
        ends["percentile"].append(tuple(np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])))
        found = calibration_error_interval(
            confidence, right, group, width_bin(confidence, BINS), LEVEL, RESAMPLES, number
        )
        assert found.low is not None
        assert found.high is not None
        ends["scaled"].append((found.low, found.high))
        points.append((found.reading, found.value))
    reading, value = np.mean(points, axis=0)
    shown = {"rows": str(rows), "groups": str(groups), "model": name, "true error": f"{true:.4f}",
             "plain": f"{reading:.3f}", "debiased": f"{value:.3f}"}  # fmt: skip
    return shown | _coverage(ends, true)


def speaker_logits(
    groups: int, classes: int, spread: float, rng: np.random.Generator
) -> tuple[Floats, Index, Index]:
    """12 clips a speaker; a speaker's clips are all more or less clear."""
    group = np.repeat(np.arange(groups), 12)
    true = rng.integers(0, classes, len(group))
    clear = 1.5 * np.exp(rng.normal(0, spread, groups))[group]
    z = rng.normal(size=(len(group), classes))
    z[np.arange(len(group)), true] += clear
    heard = np.where(rng.random(len(group)) < 0.1, rng.integers(0, classes, len(group)), true)
    return 3 * z, heard, group


def temperature_row(groups: int, classes: int, spread: float, draws: int) -> dict[str, str]:
    rng = stream(SEED, f"temperature {groups} {classes} {spread}")
    true = fit_temperature(*speaker_logits(20_000, classes, spread, rng)[:2]).temperature
    ends: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for _ in range(draws):
        z, y, group = speaker_logits(groups, classes, spread, rng)
        found = temperature_interval(z, y, group, LEVEL)
        assert found.low is not None
        assert found.high is not None
        ends["slope"].append((found.low, found.high))
        without = [fit_temperature(z[group != g], y[group != g]).temperature for g in range(groups)]
        error = np.sqrt(groups - 1) * np.std(without) if np.isfinite(without).all() else np.inf
        half = float(stdtrit(groups - 1, (1 + LEVEL) / 2)) * error
        ends["jackknife"].append((found.value - half, found.value + half))
    shown = {"groups": str(groups), "classes": str(classes), "spread": f"{spread:g}", "true T": f"{true:.2f}"}
    return shown | _coverage(ends, true)


def _coverage(ends: dict[str, list[tuple[float, float]]], true: float) -> dict[str, str]:
    shown = {}
    for rule, each in ends.items():
        low, high = np.array(each).T
        shown[rule] = f"{((low <= true) & (true <= high)).mean():.3f}"
        shown[f"low / high, {rule}"] = f"{(true < low).mean():.2f} / {(true > high).mean():.2f}"
        shown[f"width, {rule}"] = f"{np.median(high - low):.3g}"
    return shown


def main(draws: int) -> None:
    sys.stdout.write(
        f"Coverage at {LEVEL:.0%}, {draws} draws a row: .95 is known to {np.sqrt(0.0475 / draws):.3f}.\n\n"
    )
    errors = [error_row(name, rows, groups, draws) for rows, groups in SIZES for name in MODELS]
    sys.stdout.write(markdown_table(pd.DataFrame(errors)) + "\n\n")
    speakers = [(groups, classes, spread) for classes in (2, 10) for spread in SPREADS for groups in SPEAKERS]
    sys.stdout.write(
        markdown_table(pd.DataFrame([temperature_row(*each, draws) for each in speakers])) + "\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
