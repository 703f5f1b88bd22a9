"""Five pictures: reliability before and after, NLL against T, confidence, accuracy by condition, and the seeds."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.calibration.calibration_error import width_bin
from methods.calibration.evaluation import nll_curve
from methods.calibration.recalibration import Prediction
from methods.statistics.group_intervals import FEWEST, group_share_interval
from params.speech_temperature import Compare
from storage.speech.temperatures import SeedCalibration
from tasks.report.plots import (
    INK,
    KEY,
    OTHER,
    SOFT,
    PointLabel,
    Roles,
    blank,
    edge,
    labelled,
    panel,
    rows,
    write,
)
from tasks.speech_temperature.comparison.evaluation import Floats, OptionEvaluation, Runs, SplitLogits

RIGHT = "#c9ced4"
CONDITIONS = {
    "kind": "kind of sound",
    "snr_db": "signal over noise, dB",
    "event_ms": "length of the event, ms",
}
Sides = dict[str, list[Prediction]]  # title -> predictions of the seeds


def write_all(
    folder: Path, evaluations: dict[str, OptionEvaluation], runs: Runs, pinned: list[SeedCalibration],
    conditions: dict[str, pd.DataFrame], params: Compare, roles: Roles,
) -> None:  # fmt: skip
    sides = {
        title: evaluations[name].predictions
        for title, name in (("As trained", "none"), ("With its temperature", "temperature"))
    }
    reliability(folder / "reliability.png", sides, runs.test, params)
    temperature_curve(folder / "nll_temperature.png", runs, pinned)
    confidence(folder / "confidence.png", sides, runs.test)
    accuracy_by_condition(folder / "conditions.png", conditions, runs.test)
    seeds(folder / "seeds.png", evaluations, [each.seed for each in pinned], runs.test, roles)


def reliability(path: Path, sides: Sides, test: SplitLogits, params: Compare) -> None:
    """Accuracy against confidence of all seeds, counts below; intervals by group, where a bin has groups enough."""
    sampled, chance = len(np.unique(test.groups)), 1 / test.classes
    bars = (
        f"No intervals: {sampled} groups, fewer than {FEWEST}, say nothing of others."
        if sampled < FEWEST
        else f"Bars: {params.level:.0%} intervals by group, in bins with answers of {FEWEST} groups or more."
    )
    figure = blank(
        4.4, "May the confidence be believed?",
        f"Test, all seeds together. On the line, an answer is right as often as it says; below it, less often. {bars}",
    )  # fmt: skip
    grid = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=[3, 1])
    for (ax, below), colour, (title, predictions) in zip(grid.T, (OTHER, INK), sides.items(), strict=True):
        sure, correct = _pooled(predictions, test)
        groups = np.tile(test.groups, len(predictions))  # the seeds answer the same clips: they add none
        ax.plot([chance - 0.1, 1], [chance - 0.1, 1], color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        bin_of = width_bin(sure, params.bins)
        inside = [bin_of == number for number in np.unique(bin_of)]
        at = np.array([sure[own].mean() for own in inside])
        count = np.array([own.sum() for own in inside])
        found = [group_share_interval(correct[own], groups[own], params.level) for own in inside]
        ax.plot(at, [each.value for each in found], "o-", color=colour, markersize=4.5, linewidth=1.4)
        for x, each in zip(at, found, strict=True):
            if each.low is not None and each.high is not None:
                ax.plot([x, x], [each.low, each.high], color=colour, linewidth=1.4)
        panel(ax, title, "", "share that is right" if ax is grid[0, 0] else "")
        ax.set(ylim=(-0.03, 1.03), xlim=(chance - 0.05, 1.01))
        below.bar(at, count, width=0.6 / params.bins, color=colour)
        panel(below, "", "confidence of the answer", "answers" if ax is grid[0, 0] else "")
    write(path, figure)


def temperature_curve(path: Path, runs: Runs, pinned: list[SeedCalibration]) -> None:
    """Mean NLL of dev (line) and test (dashes) against T, the fitted temperature marked."""
    finite = [each.estimate.temperature for each in pinned if np.isfinite(each.estimate.temperature)] or [1.0]
    low, high = min(0.3, *finite) / 1.5, max(5.0, *finite) * 1.5
    grid = np.geomspace(low, high, 120)
    figure = blank(
        4.0, "What a temperature does to the log loss: lower is better",
        "A line a seed. Lines: dev, on which the temperature is fitted (dots). Dashes: test. Left of 1 answers get surer, "
        "right of it less sure.",
    )  # fmt: skip
    ax = figure.subplots()
    dev, test = (nll_curve(split.logits, split.labels, grid) for split in (runs.dev, runs.test))
    for number, each in enumerate(pinned):
        ax.plot(grid, dev[number], color=INK, linewidth=1.2)
        ax.plot(grid, test[number], color=OTHER, linestyle="--", linewidth=1.2)
        if np.isfinite(each.estimate.temperature):
            ax.plot(each.estimate.temperature, each.estimate.nll_after, "o", color=INK, zorder=4)
    edge(ax, 1, "T = 1: as trained")
    chance = np.log(runs.test.classes)
    edge(ax, chance, f"{_by_chance(runs.test)}: {chance:.2f}", level=True)
    top = float(np.quantile(np.concatenate([dev, test]), 0.9))
    ax.set(xscale="log", ylim=(0, max(1.0, 1.1 * top)))
    panel(ax, "", "temperature T", "log loss (NLL)", edged=True)
    ticks = [t for t in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0) if low <= t <= high]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    at = int(np.searchsorted(grid, 1.4))
    labelled(ax, [PointLabel(grid[at], dev[0, at], "dev"), PointLabel(grid[at], test[0, at], "test")])
    write(path, figure)


def confidence(path: Path, sides: Sides, test: SplitLogits) -> None:
    """Confidence of right and wrong answers, all seeds."""
    figure = blank(
        3.4, "How sure the answers are, and which of them are wrong",
        "Test, all seeds together. Pale: right answers; dark: wrong ones, on top. Where confidence can be believed, the two "
        "dashed lines fall together.",
    )  # fmt: skip
    edges = np.linspace(1 / test.classes, 1.0, 16)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, (title, predictions) in zip(axes, sides.items(), strict=True):
        sure, correct = _pooled(predictions, test)
        ax.hist([sure[correct], sure[~correct]], edges, stacked=True, color=[RIGHT, INK])
        marks = sorted(
            [(correct.mean(), f"right {correct.mean():.0%}"), (sure.mean(), f"sure {sure.mean():.0%}")]
        )
        for at, text in marks:
            edge(ax, float(at), text)
        panel(ax, title, "confidence of the answer", "" if ax is axes[1] else "answers", edged=True)
    write(path, figure)


def accuracy_by_condition(path: Path, found: dict[str, pd.DataFrame], test: SplitLogits) -> None:
    """Accuracy and mean confidence by what is known of the clips, their group apart; an empty picture says that
    nothing is."""
    found = {name: table for name, table in found.items() if name != "group"}
    chance = 1 / test.classes
    heights = [len(table) + 1.6 for table in found.values()] or [2.0]
    figure = blank(
        1.1 + 0.3 * sum(heights), "Where the answers are right, and where they only say so",
        "Test, before calibration. Dot: the share that is right. Hollow: the mean confidence. The longer the line, the less "
        "it can be believed." if found else "The manifest describes no condition of the clips.",
    )  # fmt: skip
    axes = figure.subplots(len(heights), 1, squeeze=False, sharex=True, height_ratios=heights)[:, 0]
    for ax, (condition, table) in zip(axes, found.items(), strict=False):
        names = [f"{value:g}" if isinstance(value, float | int) else str(value) for value in table[condition]]
        rows(ax, [f"{name} (n = {clips})" for name, clips in zip(names, table["clips"], strict=True)])
        for at, (right, sure) in enumerate(zip(table["accuracy"], table["confidence"], strict=True)):
            ax.plot([right, sure], [at, at], color=OTHER, linewidth=1.6, zorder=2)
            ax.plot(right, at, "o", color=INK, markersize=6, zorder=3)
            ax.plot(sure, at, "o", color=INK, markersize=6, markerfacecolor="white", zorder=3)
        edge(ax, chance, f"{_by_chance(test)}: {chance:.2f}")
        panel(ax, CONDITIONS.get(condition, condition), edged=True)
        ax.set_xlim(-0.03, 1.03)
    if found:
        axes[-1].set_xlabel("share that is right, and mean confidence", fontsize=8.5, color=SOFT)
    else:
        axes[0].set_axis_off()
    write(path, figure)


def seeds(
    path: Path, evaluations: dict[str, OptionEvaluation], names: list[int], test: SplitLogits, roles: Roles
) -> None:
    """Accuracy and NLL of every method, a dot a seed."""
    figure = blank(
        1.3 + 0.3 * len(evaluations), "Every method and seed on test",
        f"{KEY} A dot a seed, in the order {', '.join(map(str, names))} from above; one dot: one model. Seeds differ by "
        "training on the same clips: that is not how far other clips would differ.",
    )  # fmt: skip
    axes = figure.subplots(1, 2, sharey=True)
    styles = [roles.style(name) for name in evaluations]
    for ax, title in zip(
        axes, ("share that is right: more is better", "log loss (NLL): less is better"), strict=True
    ):
        rows(ax, list(evaluations), styles)
        for at, (option, style) in enumerate(zip(evaluations.values(), styles, strict=True)):
            count = len(option.figures)
            for number, of_seed in enumerate(option.figures):
                height = at + 0.2 * (number - (count - 1) / 2)  # beside each other, so that none is hidden
                value = of_seed.accuracy if ax is axes[0] else of_seed.nll
                ax.plot(value, height, style.marker, color=style.colour, markersize=5, zorder=style.order)
        panel(ax, "", title, edged=True)
    chance = np.log(test.classes)
    edge(axes[1], chance, f"{_by_chance(test)}: {chance:.2f}")
    write(path, figure)


def _by_chance(test: SplitLogits) -> str:
    return "a coin" if test.classes == 2 else "chance"


def _pooled(runs: list[Prediction], test: SplitLogits) -> tuple[Floats, NDArray[np.bool_]]:
    """Confidence, and whether it was right, of the answers of all seeds."""
    return (
        np.concatenate([made.confidence for made in runs]),
        np.concatenate([made.predicted == test.labels for made in runs]),
    )
