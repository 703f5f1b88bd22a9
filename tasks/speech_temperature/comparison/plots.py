"""Five pictures: reliability before and after, NLL against T, confidence, accuracy by condition, and the seeds."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from methods.calibration.calibration_error import width_bin
from methods.calibration.confidence_report import nll_curve
from methods.calibration.recalibration import Prediction
from methods.statistics.group_statistics import FEWEST_GROUPS, rate_interval
from params.speech_temperature import Compare
from storage.files.images import write_figure
from storage.speech.temperatures import SeedTemperature
from tasks.speech_temperature.comparison.evaluation import Runs, Split

BEFORE, AFTER = "#4c72b0", "#dd8452"
Index = NDArray[np.int64]


def reliability(
    path: Path, before: list[Prediction], after: list[Prediction], test: Split, params: Compare
) -> None:
    """Accuracy against confidence of all seeds, counts below; intervals by group, where a bin has groups enough."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    sampled = len(np.unique(test.groups))
    bars = (
        f"no intervals: {sampled} groups, fewer than {FEWEST_GROUPS}, say nothing of others"
        if sampled < FEWEST_GROUPS
        else f"{params.level:.0%} intervals by group, in bins with answers of {FEWEST_GROUPS} groups or more"
    )
    figure.suptitle(f"Reliability on test, all seeds together\n{bars}", fontsize=10)
    grid = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=[3, 1])
    for column, (title, runs, colour) in enumerate(
        (("before", before, BEFORE), ("after temperature", after, AFTER))
    ):
        confidence = np.concatenate([made.confidence for made in runs])
        correct = np.concatenate([made.predicted == test.labels for made in runs])
        groups, clip = np.tile(test.groups, len(runs)), np.tile(np.arange(len(test.labels)), len(runs))
        ax, below = grid[0, column], grid[1, column]
        ax.plot([0.4, 1], [0.4, 1], color="0.75", linewidth=1, zorder=0)
        bin_of = width_bin(confidence, params.bins)
        inside = [bin_of == number for number in np.unique(bin_of)]
        at = np.array([confidence[rows].mean() for rows in inside])
        count = np.array([rows.sum() for rows in inside])
        found = [  # the seeds answer the same clips: they add none
            rate_interval(correct[rows], groups[rows], params.level, len(np.unique(clip[rows])))
            for rows in inside
        ]
        ax.plot(at, [each.value for each in found], "o-", color=colour, markersize=4, linewidth=1)
        for x, each in zip(at, found, strict=True):
            if each.low is not None and each.high is not None:
                ax.plot([x, x], [each.low, each.high], color=colour, linewidth=1)
        ax.set(title=title, ylabel="accuracy" if column == 0 else "", ylim=(-0.03, 1.03), xlim=(0.45, 1.01))
        below.bar(at, count, width=0.6 / params.bins, color=colour)
        below.set(xlabel="confidence", ylabel="answers" if column == 0 else "")
        _bare(ax)
        _bare(below)
    write_figure(path, figure)


def temperature_curve(path: Path, runs: Runs, pinned: list[SeedTemperature]) -> None:
    """Mean NLL of dev (line) and test (dashes) against T, the pinned temperature marked."""
    finite = [each.temperature for each in pinned if np.isfinite(each.temperature)] or [1.0]
    low, high = min(0.3, *finite) / 1.5, max(5.0, *finite) * 1.5
    grid = np.geomspace(low, high, 120)
    figure = Figure(figsize=(6.5, 4), layout="constrained")
    ax = figure.subplots()
    curves = {
        name: nll_curve(split.logits, split.labels, grid)
        for name, split in (("dev", runs.dev), ("test", runs.test))
    }
    for number, each in enumerate(pinned):
        colour = f"C{number}"
        ax.plot(grid, curves["dev"][number], color=colour, label=f"seed {each.seed}, dev")
        ax.plot(grid, curves["test"][number], color=colour, linestyle="--", linewidth=1)
        if np.isfinite(each.temperature):
            ax.plot(each.temperature, each.nll_after, "o", color=colour)
    ax.axvline(1, color="0.75", linewidth=1, zorder=0)
    ax.axhline(np.log(2), color="0.85", linewidth=1, zorder=0)
    top = float(np.quantile(np.concatenate(list(curves.values())), 0.9))
    ax.set(xscale="log", xlabel="temperature", ylabel="NLL", ylim=(0, max(1.0, 1.1 * top)))
    ax.set_title("NLL against temperature (dots: pinned; dashes: test; grey: T = 1 and a coin)", fontsize=9)
    ticks = [t for t in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0) if low <= t <= high]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    ax.legend(frameon=False, fontsize=8)
    _bare(ax)
    write_figure(path, figure)


def confidence(path: Path, before: list[Prediction], after: list[Prediction], labels: Index) -> None:
    """Confidence of right and wrong answers, all seeds."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    figure.suptitle("Confidence on test, all seeds together", fontsize=11)
    edges = np.linspace(0.5, 1.0, 16)
    for ax, (title, runs) in zip(
        figure.subplots(1, 2, sharey=True), (("before", before), ("after temperature", after)), strict=True
    ):
        found = np.concatenate([made.confidence for made in runs])
        correct = np.concatenate([made.predicted == labels for made in runs])
        ax.hist(
            [found[correct], found[~correct]],
            edges,
            stacked=True,
            color=[BEFORE, "#c44e52"],
            label=["right", "wrong"],
        )
        ax.axvline(found.mean(), color="black", linewidth=1, linestyle=":", label="mean confidence")
        ax.axvline(correct.mean(), color="black", linewidth=1, label="accuracy")
        ax.set(title=title, xlabel="confidence")
        _bare(ax)
    figure.axes[0].set_ylabel("answers")
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, frameon=False, fontsize=8, loc="outside right upper")
    write_figure(path, figure)


def conditions(path: Path, found: list[pd.DataFrame]) -> None:
    """Accuracy and mean confidence by what is known of the clips; an empty picture says that nothing is."""
    figure = Figure(figsize=(2 + 3.4 * max(len(found), 1), 3.6), layout="constrained")
    figure.suptitle("Accuracy (bars) and mean confidence (dots) on test, before calibration", fontsize=11)
    if not found:
        figure.text(0.5, 0.4, "the manifest describes no condition", ha="center", color="0.4")
    for number, table in enumerate(found):
        ax = figure.add_subplot(1, len(found), number + 1)
        names = [f"{value:g}" if isinstance(value, float | int) else str(value) for value in table.iloc[:, 0]]
        ax.bar(names, table["accuracy"], color="#8fb0d8")
        ax.plot(names, table["confidence"], "o", color="black", markersize=4)
        for at, clips in enumerate(table["clips"]):
            ax.text(at, 0.02, f"n={clips}", ha="center", fontsize=7)
        ax.axhline(0.5, color="0.75", linewidth=1)
        ax.set(ylim=(0, 1.03), xlabel=str(table.columns[0]))
        ax.tick_params(axis="x", labelsize=8, rotation=30 if max(map(len, names)) > 4 else 0)
        _bare(ax)
    write_figure(path, figure)


def seeds(path: Path, rows: dict[str, list[Prediction]], labels: Index, names: list[int]) -> None:
    """Accuracy and NLL of every method, a dot a seed."""
    figure = Figure(figsize=(9, 1.4 + 0.32 * len(rows)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for at, made in enumerate(rows.values()):
        for number, each in enumerate(made):
            each_seed = len(made) == len(names)
            colour = f"C{number}" if each_seed else "black"
            height = at + 0.18 * (number - (len(made) - 1) / 2)  # beside each other, so that none is hidden
            right_share = float((each.predicted == labels).mean())
            own = each.probabilities[np.arange(len(labels)), labels]
            loss = float(-np.log(np.maximum(own, 1e-300)).mean())
            for ax, figure_of_it in ((left, right_share), (right, loss)):
                ax.plot(figure_of_it, height, "o", color=colour, markersize=5)
    left.set_yticks(range(len(rows)), list(rows), fontsize=8)
    left.invert_yaxis()
    left.set(xlabel="accuracy on test")
    right.set(xlabel="NLL on test")
    right.axvline(np.log(2), color="0.75", linewidth=1, zorder=0)
    dots = [
        Line2D([], [], marker="o", linestyle="", color=colour, label=label)
        for colour, label in [
            *((f"C{n}", f"seed {seed}") for n, seed in enumerate(names)),
            ("black", "one model"),
        ]
    ]
    dots.append(Line2D([], [], color="0.75", linewidth=1, label="a coin"))
    figure.legend(handles=dots, frameon=False, fontsize=8, loc="outside right upper")
    figure.suptitle("Seeds side by side: training variation on one test set, not uncertainty", fontsize=10)
    for ax in (left, right):
        _bare(ax)
    write_figure(path, figure)


def _bare(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)
