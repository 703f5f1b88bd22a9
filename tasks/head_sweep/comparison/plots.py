"""Five pictures: profiles by encoder, paired differences, F1 by class size, reliability, and cost against score."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from methods.calibration.calibration_error import equal_width_bins
from methods.heads.class_scores import class_f1_intervals
from methods.heads.comparisons import cell
from methods.heads.metrics import BINS
from methods.statistics.intervals import wilson
from params.head_sweep import Compare
from tasks.head_sweep.comparison.choice import RecipeChoice
from tasks.head_sweep.comparison.decision import SweepComparison
from tasks.head_sweep.comparison.evaluation import SweepEvaluation
from tasks.head_sweep.comparison.tables import ece_interval
from tasks.report.plots import blank, write

COLOURS = {
    "better": "#4c72b0",
    "helps": "#4c72b0",
    "worse": "#c44e52",
    "hurts": "#c44e52",
}
PALE, BELOW = "0.62", "#f1e3cb"
CONTROL, CHOSEN = "#dd8452", "#4c72b0"


def plots(folder: Path, comparison: SweepComparison) -> None:
    sweep, choice, tables = comparison.first, comparison.choice, comparison.tables
    _heat_map(folder / "heat_map.png", sweep)
    _forest(folder / "forest.png", tables["table"], tables["knobs"], sweep, comparison.params)
    _class_f1(folder / "class_f1.png", sweep, choice)
    _reliability(folder / "reliability.png", comparison)
    _cost(folder / "cost.png", tables["recipes"], sweep, choice)


def _heat_map(path: Path, sweep: SweepEvaluation) -> None:
    """Mean test macro F1 of each profile in each encoder, size and smoothing."""
    columns = list(dict.fromkeys(cell(spec) for spec in sweep.specs))
    sizes = {cell(run.spec): run.size for run in sweep.runs}
    profiles = list(dict.fromkeys(sweep.profiles))
    values = np.full((len(profiles), len(columns)), np.nan)
    for row, profile in enumerate(profiles):
        for column, each in enumerate(columns):
            own = [i for i, run in enumerate(sweep.runs) if run.profile == profile and cell(run.spec) == each]
            if own:
                values[row, column] = sweep.test.scores[own].mean()
    figure = blank(3.6 + 0.78 * len(columns), 1.8 + 0.27 * len(profiles))
    ax = figure.subplots()
    # a few profiles far below would take all contrast from the others
    low, high = np.nanquantile(values, [0.1, 1])
    blues = colormaps["Blues"].with_extremes(under=BELOW, bad="white")
    image = ax.imshow(values, cmap=blues, aspect="auto", vmin=low, vmax=high)
    for row, column in np.ndindex(*values.shape):
        value = values[row, column]
        text = "–" if np.isnan(value) else f"{value:.3f}".lstrip("0")
        dark = value > (low + 2 * high) / 3
        colour = "0.7" if np.isnan(value) else "white" if dark else "black"
        size = 6 if np.isnan(value) else 7
        ax.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)
    names = [f"{each[0]}\n{sizes[each]}\nls {each[3]:g}" for each in columns]
    ax.set_xticks(range(len(columns)), names, fontsize=7)
    ax.xaxis.tick_top()
    ax.set_yticks(range(len(profiles)), profiles, fontsize=7)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title("Macro F1 of the foreground on test, mean over seeds (–: not in the sweep)", fontsize=9)
    below = bool(np.nanmin(values) < low)
    bar = figure.colorbar(image, ax=ax, shrink=0.5, extend="min" if below else "neither")
    bar.set_label(f"macro F1 (sand: below {low:.2f})" if below else "macro F1")
    write(path, figure)


def _forest(
    path: Path, profiles: pd.DataFrame, knobs: pd.DataFrame, sweep: SweepEvaluation, params: Compare
) -> None:
    """Paired differences in points with their intervals over groups, on test and on validation, and each one's floor."""
    left = profiles[(profiles["dataset"] == sweep.dataset) & profiles["delta"].notna()]
    right = knobs[knobs["dataset"] == sweep.dataset] if len(knobs) else knobs
    rows = max(len(left), len(right), 1)
    title = f"Paired differences in macro F1, means and {params.level:.0%} intervals for all at once"
    figure = blank(12, 2.2 + 0.3 * rows, title, 10)
    for ax, table, name, title in zip(
        figure.subplots(1, 2), (left, right), ("profile", "knob"),
        (f"profiles against {sweep.control}, same cells and seeds", "knobs, everything else alike"), strict=True,
    ):  # fmt: skip
        for place, row in enumerate(table.to_dict("records")):
            _difference(ax, place, row)
        ax.axvline(0, color="0.4", linewidth=0.8)
        names = [f"{row[name]} ({row['delta_pairs']})" for row in table.to_dict("records")]
        ax.set_yticks(range(len(table)), names, fontsize=7)
        ax.set_ylim(len(table) - 0.4, -0.6)
        ax.set_title(title, fontsize=9)
        ax.set_xlabel("points of macro F1 (in brackets: pairs of runs)", fontsize=8)
        ax.tick_params(labelsize=8)
    figure.legend(handles=_forest_legend(), loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    write(path, figure)


def _difference(ax: Axes, place: int, row: Mapping[Any, Any]) -> None:
    """One line of the forest: test above, validation below it."""
    floor = 100 * (row["delta_floor"] or 0)
    ax.barh(place, 2 * floor, left=-floor, height=0.86, color="0.94")
    for prefix, at, mark, size in (("", place - 0.16, "o", 4.5), ("validation_", place + 0.22, "D", 3.0)):
        colour = COLOURS.get(row[f"{prefix}verdict"], PALE)
        span = [100 * (row[f"{prefix}delta_{end}"] or np.nan) for end in ("low", "high")]
        face = "white" if prefix else colour
        ax.plot(span, [at, at], color=colour, linewidth=0.9 if prefix else 1.6)
        ax.plot(
            100 * (row[f"{prefix}delta"] or 0.0),
            at,
            mark,
            color=colour,
            markersize=size,
            markerfacecolor=face,
        )


def _forest_legend() -> list[Line2D | Patch]:
    def line(mark: str, colour: str, label: str, face: str) -> Line2D:
        return Line2D([], [], color=colour, marker=mark, markersize=4.5, markerfacecolor=face, label=label)

    return [
        line("o", "0.2", "test", "0.2"), line("D", "0.2", "inner validation, which chooses", "white"),
        Patch(color="0.88", label="floor of the test difference: test groups and the luck of seeds"),
        Patch(color=COLOURS["better"], label="above 0"), Patch(color=COLOURS["worse"], label="below 0"),
        Patch(color=PALE, label="within noise"),
    ]  # fmt: skip


def _class_f1(path: Path, sweep: SweepEvaluation, choice: RecipeChoice) -> None:
    """Test F1 of each foreground class against its train rows, of all seeds' answers, with intervals over test groups."""
    figure = blank(7.6, 4.6)
    ax = figure.subplots()
    shown = choice.challenger or choice.control
    counts = np.array(sweep.train_counts[sweep.runs[shown[0]].spec.encoder][: sweep.foreground])
    order = np.argsort(counts, kind="stable")
    series = [(shown, CHOSEN, "o", 0.985), (choice.against, CONTROL, "s", 1.015)]
    for own, colour, marker, shift in series if choice.against else series[:1]:
        pooled = np.mean([sweep.runs[i].counts["test"] for i in own], axis=0)
        f1, low, high = class_f1_intervals(pooled, sweep.level)
        error = np.maximum(np.stack([f1 - low, high - f1]), 0)[:, order]
        ax.errorbar(counts[order] * shift, f1[order], yerr=error, fmt=marker, color=colour, markersize=5, linewidth=0.8,
                    linestyle="-", elinewidth=0.8, capsize=2, alpha=0.9, label=sweep.runs[own[0]].recipe)  # fmt: skip
    top = 1.04
    test = sweep.test.classes
    for place, number in enumerate(order):
        height = top + 0.11 * (place % 2)  # neighbours of alike size would hide each other
        label = f"{sweep.classes[number]}\nn = {test[number]}"
        ax.annotate(label, (counts[number], height), fontsize=6, ha="center", color="0.35")
    ax.set(xscale="log", xlabel="train rows of the class", ylabel="F1 on test", ylim=(-0.02, top + 0.2))
    ax.set_yticks(np.arange(0, 1.1, 0.2))
    ax.set_title(
        f"F1 by class size, {sweep.level:.0%} intervals over test groups (above: class and its test rows)",
        fontsize=9,
    )
    ax.legend(frameon=False, fontsize=8, loc="lower right")
    ax.tick_params(labelsize=8)
    write(path, figure)


def _reliability(path: Path, comparison: SweepComparison) -> None:
    """Accuracy against confidence on test of the chosen recipe, before and after temperature."""
    sweep, own = comparison.first, comparison.choice.chosen
    figure = blank(
        9,
        4.6,
        f"Reliability on test of {sweep.runs[own[0]].recipe}, {len(own)} seed(s) "
        f"({sweep.test.rows:,} rows of {sweep.test.groups} groups)\n"
        f"bars: {sweep.level:.0%} Wilson intervals over rows; in brackets: the ECE's over test groups",
        9,
    )
    grid = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=[3, 1])
    correct = np.concatenate([sweep.runs[i].correct for i in own])
    for column, title in enumerate(("temperature 1", "temperature fitted on inner validation")):
        name = "ece_after_T" if column else "ece_before_T"
        confidence = np.concatenate([sweep.runs[i].confidence[name] for i in own])
        bins = equal_width_bins(confidence, correct, BINS)
        filled = bins.count > 0
        count, at = bins.count[filled], bins.confidence[filled] / bins.count[filled]
        seen = bins.correct[filled] / count
        rows = count / len(own)  # the seeds answer the same rows: they add none
        low, high = wilson(seen * rows, rows, sweep.level)
        ax, below = grid[0, column], grid[1, column]
        colour = CHOSEN if column else CONTROL
        ax.plot([0, 1], [0, 1], color="0.75", linewidth=1, zorder=0)
        ax.errorbar(
            at, seen, yerr=[seen - low, high - seen], fmt="o-", color=colour, markersize=4, linewidth=1
        )
        ece = ece_interval(sweep, own, name, comparison.params.resamples)
        ends = "" if ece.low is None else f" [{ece.low:.3f}, {ece.high:.3f}]"
        ax.set_title(f"{title}\nECE {ece.value:.3f}{ends}, read as {ece.reading:.3f}", fontsize=9)
        ax.set(ylabel="" if column else "accuracy", ylim=(-0.03, 1.03))
        below.bar(at, rows, width=0.8 / BINS, color=colour)
        below.set(xlabel="confidence", ylabel="" if column else "rows", xlim=(0, 1.02))
        for axes in (ax, below):
            axes.tick_params(labelsize=8)
    write(path, figure)


def _cost(path: Path, recipes: pd.DataFrame, sweep: SweepEvaluation, choice: RecipeChoice) -> None:
    """Test macro F1 of each recipe against what its training multiplied and added."""
    figure = blank(7.6, 4.4)
    ax = figure.subplots()
    places = list(dict.fromkeys(zip(recipes["encoder"], recipes["size"], strict=True)))
    places.sort()
    for number, (encoder, size) in enumerate(places):
        own = recipes[(recipes["encoder"] == encoder) & (recipes["size"] == size)]
        ax.plot(own["flops"] / 1e9, own["macro_f1_fg"], "o", color=f"C{number}", markersize=5, alpha=0.75,
                markeredgewidth=0, label=f"{encoder}, {size}")  # fmt: skip
    best = recipes[recipes["recipe"] == sweep.runs[choice.chosen[0]].recipe].iloc[0]
    ax.plot(best["flops"] / 1e9, best["macro_f1_fg"], "o", color="black", markersize=10, fillstyle="none",
            label=f"chosen:\n{best['recipe']}")  # fmt: skip
    ax.set(
        xscale="log",
        xlabel="GFLOP of training (matrix products, early stopping included)",
        ylabel="macro F1 on test",
    )
    ax.set_title(f"Cost against score, mean over seeds ({sweep.dataset})", fontsize=9)
    ax.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    ax.tick_params(labelsize=8)
    write(path, figure)
