"""Five pictures: reliability before and after, NLL against T, confidence, accuracy by condition, and the seeds."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from methods.calibration.calibration_error import width_bin
from methods.calibration.evaluation import nll_curve
from methods.calibration.recalibration import Prediction
from methods.statistics.group_intervals import FEWEST, group_share_interval
from params.speech_temperature import Compare
from storage.speech.temperatures import SeedCalibration
from tasks.report.plots import blank, legend, write
from tasks.speech_temperature.comparison.evaluation import Floats, OptionEvaluation, Runs, SplitLogits

BEFORE, AFTER = "#4c72b0", "#dd8452"
Sides = dict[str, list[Prediction]]  # title -> predictions of the seeds


def write_all(
    folder: Path, evaluations: dict[str, OptionEvaluation], runs: Runs, pinned: list[SeedCalibration],
    conditions: dict[str, pd.DataFrame], params: Compare,
) -> None:  # fmt: skip
    sides = {
        title: evaluations[name].predictions
        for title, name in (("before", "none"), ("after temperature", "temperature"))
    }
    reliability(folder / "reliability.png", sides, runs.test, params)
    temperature_curve(folder / "nll_temperature.png", runs, pinned)
    confidence(folder / "confidence.png", sides, runs.test)
    accuracy_by_condition(folder / "conditions.png", conditions, runs.test)
    seeds(folder / "seeds.png", evaluations, [each.seed for each in pinned], runs.test)


def reliability(path: Path, sides: Sides, test: SplitLogits, params: Compare) -> None:
    """Accuracy against confidence of all seeds, counts below; intervals by group, where a bin has groups enough."""
    sampled, chance = len(np.unique(test.groups)), 1 / test.classes
    bars = (
        f"no intervals: {sampled} groups, fewer than {FEWEST}, say nothing of others"
        if sampled < FEWEST
        else f"{params.level:.0%} intervals by group, in bins with answers of {FEWEST} groups or more"
    )
    figure = blank(9, 5, f"Reliability on test, all seeds together\n{bars}", 10)
    grid = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=[3, 1])
    for (ax, below), colour, (title, runs) in zip(grid.T, (BEFORE, AFTER), sides.items(), strict=True):
        sure, correct = _pooled(runs, test)
        groups = np.tile(test.groups, len(runs))  # the seeds answer the same clips: they add none
        ax.plot([chance - 0.1, 1], [chance - 0.1, 1], color="0.75", linewidth=1, zorder=0)
        bin_of = width_bin(sure, params.bins)
        inside = [bin_of == number for number in np.unique(bin_of)]
        at = np.array([sure[rows].mean() for rows in inside])
        count = np.array([rows.sum() for rows in inside])
        found = [group_share_interval(correct[rows], groups[rows], params.level) for rows in inside]
        ax.plot(at, [each.value for each in found], "o-", color=colour, markersize=4, linewidth=1)
        for x, each in zip(at, found, strict=True):
            if each.low is not None and each.high is not None:
                ax.plot([x, x], [each.low, each.high], color=colour, linewidth=1)
        ax.set(title=title, ylim=(-0.03, 1.03), xlim=(chance - 0.05, 1.01))
        below.bar(at, count, width=0.6 / params.bins, color=colour)
        below.set(xlabel="confidence")
    grid[0, 0].set_ylabel("accuracy")
    grid[1, 0].set_ylabel("answers")
    write(path, figure)


def temperature_curve(path: Path, runs: Runs, pinned: list[SeedCalibration]) -> None:
    """Mean NLL of dev (line) and test (dashes) against T, the fitted temperature marked."""
    finite = [each.estimate.temperature for each in pinned if np.isfinite(each.estimate.temperature)] or [1.0]
    low, high = min(0.3, *finite) / 1.5, max(5.0, *finite) * 1.5
    grid = np.geomspace(low, high, 120)
    figure = blank(6.5, 4)
    ax = figure.subplots()
    dev, test = (nll_curve(split.logits, split.labels, grid) for split in (runs.dev, runs.test))
    for number, each in enumerate(pinned):
        colour = f"C{number}"
        ax.plot(grid, dev[number], color=colour, label=f"seed {each.seed}, dev")
        ax.plot(grid, test[number], color=colour, linestyle="--", linewidth=1)
        if np.isfinite(each.estimate.temperature):
            ax.plot(each.estimate.temperature, each.estimate.nll_after, "o", color=colour)
    ax.axvline(1, color="0.75", linewidth=1, zorder=0)
    ax.axhline(np.log(runs.test.classes), color="0.85", linewidth=1, zorder=0)
    top = float(np.quantile(np.concatenate([dev, test]), 0.9))
    ax.set(xscale="log", xlabel="temperature", ylabel="NLL", ylim=(0, max(1.0, 1.1 * top)))
    grey = f"grey: T = 1 and {_by_chance(runs.test)}"
    ax.set_title(f"NLL against temperature (dots: fitted; dashes: test; {grey})", fontsize=9)
    ticks = [t for t in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0) if low <= t <= high]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    ax.legend(frameon=False, fontsize=8)
    write(path, figure)


def confidence(path: Path, sides: Sides, test: SplitLogits) -> None:
    """Confidence of right and wrong answers, all seeds."""
    figure = blank(9, 3.4, "Confidence on test, all seeds together")
    edges, colours = np.linspace(1 / test.classes, 1.0, 16), [BEFORE, "#c44e52"]
    for ax, (title, runs) in zip(figure.subplots(1, 2, sharey=True), sides.items(), strict=True):
        sure, correct = _pooled(runs, test)
        ax.hist([sure[correct], sure[~correct]], edges, stacked=True, color=colours, label=["right", "wrong"])
        ax.axvline(sure.mean(), color="black", linewidth=1, linestyle=":", label="mean confidence")
        ax.axvline(correct.mean(), color="black", linewidth=1, label="accuracy")
        ax.set(title=title, xlabel="confidence")
    figure.axes[0].set_ylabel("answers")
    legend(figure)
    write(path, figure)


def accuracy_by_condition(path: Path, found: dict[str, pd.DataFrame], test: SplitLogits) -> None:
    """Accuracy and mean confidence by what is known of the clips, their group apart; an empty picture says that
    nothing is."""
    found = {name: table for name, table in found.items() if name != "group"}
    title = "Accuracy (bars) and mean confidence (dots) on test, before calibration"
    figure = blank(2 + 3.4 * max(len(found), 2), 3.6, title)
    if not found:
        figure.text(0.5, 0.4, "the manifest describes no condition", ha="center", color="0.4")
    for number, (condition, table) in enumerate(found.items()):
        ax = figure.add_subplot(1, len(found), number + 1)
        names = [f"{value:g}" if isinstance(value, float | int) else str(value) for value in table[condition]]
        ax.bar(names, table["accuracy"], color="#8fb0d8")
        ax.plot(names, table["confidence"], "o", color="black", markersize=4)
        for at, clips in enumerate(table["clips"]):
            ax.text(at, 0.02, f"n={clips}", ha="center", fontsize=7)
        ax.axhline(1 / test.classes, color="0.75", linewidth=1)
        ax.set(ylim=(0, 1.03), xlabel=condition)
        ax.tick_params(axis="x", labelsize=8, rotation=30 if max(map(len, names)) > 4 else 0)
    write(path, figure)


def seeds(path: Path, evaluations: dict[str, OptionEvaluation], names: list[int], test: SplitLogits) -> None:
    """Accuracy and NLL of every method, a dot a seed."""
    title = "Seeds side by side: training variation on one test set, not uncertainty"
    figure = blank(9, 1.4 + 0.32 * len(evaluations), title, 10)
    left, right = figure.subplots(1, 2, sharey=True)
    for at, option in enumerate(evaluations.values()):
        count = len(option.figures)
        for number, of_seed in enumerate(option.figures):
            colour = f"C{number}" if count == len(names) else "black"
            height = at + 0.18 * (number - (count - 1) / 2)  # beside each other, so that none is hidden
            left.plot(of_seed.accuracy, height, "o", color=colour, markersize=5)
            right.plot(of_seed.nll, height, "o", color=colour, markersize=5)
    left.set_yticks(range(len(evaluations)), list(evaluations), fontsize=8)
    left.invert_yaxis()
    left.set(xlabel="accuracy on test")
    right.set(xlabel="NLL on test")
    right.axvline(np.log(test.classes), color="0.75", linewidth=1, zorder=0)
    named = {**{f"C{n}": f"seed {seed}" for n, seed in enumerate(names)}, "black": "one model"}
    dots = [
        Line2D([], [], marker="o", linestyle="", color=colour, label=name) for colour, name in named.items()
    ]
    dots.append(Line2D([], [], color="0.75", linewidth=1, label=_by_chance(test)))
    legend(figure, handles=dots)
    write(path, figure)


def _by_chance(test: SplitLogits) -> str:
    return "a coin" if test.classes == 2 else "chance"


def _pooled(runs: list[Prediction], test: SplitLogits) -> tuple[Floats, NDArray[np.bool_]]:
    """Confidence, and whether it was right, of the answers of all seeds."""
    return (
        np.concatenate([made.confidence for made in runs]),
        np.concatenate([made.predicted == test.labels for made in runs]),
    )
