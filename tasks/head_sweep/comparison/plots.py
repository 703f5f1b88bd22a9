"""Five pictures: profiles by cell, paired differences, F1 by class size, reliability, and cost against score."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from methods.calibration.calibration_error import equal_width_bins
from methods.heads.class_scores import class_f1_intervals
from methods.heads.comparisons import cell
from methods.heads.metrics import BINS
from methods.statistics.intervals import wilson
from tasks.head_sweep.comparison.choice import RecipeChoice
from tasks.head_sweep.comparison.decision import SweepComparison
from tasks.head_sweep.comparison.evaluation import SweepEvaluation
from tasks.head_sweep.comparison.tables import ece_interval
from tasks.report.plots import (
    CHOSEN,
    CONTROL,
    INK,
    KEY,
    OTHER,
    PLAIN,
    PointLabel,
    Roles,
    Style,
    blank,
    edge,
    labelled,
    panel,
    reach,
    rows,
    write,
)

TOLD = ("better", "helps", "worse", "hurts")  # verdicts that tell two apart
CLASSES = 40  # that a picture has room for: the rarest
BLOCKS = 4  # groups of profiles with cells of their own, of which each is drawn by itself


def plots(folder: Path, comparison: SweepComparison) -> None:
    sweep, choice, tables = comparison.first, comparison.choice, comparison.tables
    _heat_map(folder / "heat_map.png", sweep, choice)
    _forest(folder / "forest.png", comparison)
    _class_f1(folder / "class_f1.png", sweep, choice)
    _reliability(folder / "reliability.png", comparison)
    _cost(folder / "cost.png", tables["recipes"], comparison)


def _heat_map(path: Path, sweep: SweepEvaluation, choice: RecipeChoice) -> None:
    """Mean test macro F1 of each profile in each encoder, size and smoothing; profiles of the same cells stand together."""
    sizes = {cell(run.spec): run.size for run in sweep.runs}
    means = {
        profile: {
            each: float(sweep.test.scores[[i for i in own if cell(sweep.runs[i].spec) == each]].mean())
            for each in dict.fromkeys(cell(sweep.runs[i].spec) for i in own)
        }
        for profile in dict.fromkeys(sweep.profiles)
        for own in [[i for i, name in enumerate(sweep.profiles) if name == profile]]
    }
    blocks: dict[tuple[Any, ...], list[str]] = {}
    for profile, found in means.items():
        blocks.setdefault(tuple(found), []).append(profile)
    if len(blocks) > BLOCKS:
        blocks = {tuple(sizes): list(means)}
    most = max(map(len, blocks))
    heights = [len(own) for own in blocks.values()]
    figure = blank(
        max(1 + 0.21 * sum(heights), 1.2 + 0.75 * len(blocks)), "Macro F1 on test of every profile in every cell",
        "A cell is an encoder, the size of the head, and its label smoothing. Means over seeds; the darker the better. "
        "Framed in orange: the chosen recipe; in blue: the control.",
    )  # fmt: skip
    axes = figure.subplots(len(blocks), 1, squeeze=False, height_ratios=heights)[:, 0]
    every = [value for found in means.values() for value in found.values()]
    for ax, (columns, profiles) in zip(axes, blocks.items(), strict=True):
        values = np.array([[means[name].get(each, np.nan) for each in columns] for name in profiles])
        _block(ax, values, most, (float(np.quantile(every, 0.1)), max(every)))
        names = [f"{each[0]}\n{sizes[each]}\nsmoothing {each[3]:g}" for each in columns]
        ax.set_xticks(range(len(columns)), names, fontsize=7.5)
        ax.set_yticks(range(len(profiles)), profiles, fontsize=8)
        for own, colour in ((choice.control, CONTROL), (choice.chosen, CHOSEN)):
            run = sweep.runs[own[0]]
            if run.profile in profiles and cell(run.spec) in columns:
                corner = (columns.index(cell(run.spec)) - 0.5, profiles.index(run.profile) - 0.5)
                ax.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=colour, linewidth=2.5, zorder=5))
    write(path, figure)


def _block(ax: Axes, values: NDArray[np.float64], columns: int, ends: tuple[float, float]) -> None:
    """Dark on pale, so that every figure can be read."""
    pale = ListedColormap(colormaps["Greys"](np.linspace(0.02, 0.45, 256)))
    shade = pale.with_extremes(bad="white")
    ax.imshow(values, cmap=shade, aspect="auto", vmin=ends[0], vmax=ends[1])
    for row, column in np.ndindex(*values.shape):
        if np.isfinite(values[row, column]):
            text = f"{values[row, column]:.3f}".lstrip("0")
            ax.text(column, row, text, ha="center", va="center", fontsize=8, color=INK)
    ax.set_xlim(-0.5, columns - 0.5)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _forest(path: Path, comparison: SweepComparison) -> None:
    """Paired differences in points on test with their intervals over groups, the best first; validation beside them."""
    sweep, tables, params = comparison.first, comparison.tables, comparison.params
    chosen = sweep.runs[comparison.choice.chosen[0]].profile
    profiles = comparison.of_first("table").dropna(subset=["delta"])
    knobs = comparison.of_first("knobs")
    parts = [
        (profiles, "profile", f"Profiles against {sweep.control}, in the same cells with the same seeds")
    ]
    parts += [(knobs, "knob", "Single knobs, everything else alike")] if len(tables["knobs"]) else []
    heights = [max(len(table), 1) + 2.5 for table, _, _ in parts]
    figure = blank(
        1.2 + 0.2 * sum(heights), "What each change does to macro F1 on test, in points",
        f"Dots and bars: means on test, and {params.level:.0%} intervals for all at once. Hollow: the same on inner "
        "validation, which chooses. Pale bands: what the luck of seeds and the draw of test groups do by themselves. Dark: "
        "told apart from no change; grey: not. In brackets: pairs of runs.",
    )  # fmt: skip
    axes = figure.subplots(len(parts), 1, squeeze=False, height_ratios=heights, sharex=True)[:, 0]
    for ax, (table, name, title) in zip(axes, parts, strict=True):
        order = table.sort_values("delta", ascending=False, kind="stable").to_dict("records")
        styles = [Roles(chosen, None).style(row[name]) for row in order]
        rows(ax, [f"{row[name]} ({row['delta_pairs']})" for row in order], styles)
        for place, (row, style) in enumerate(zip(order, styles, strict=True)):
            _difference(ax, place, row, style)
        kept = f"{sweep.control}, the control{' (kept)' if chosen == sweep.control else ''}"
        edge(ax, 0, kept if name == "profile" else "no change")
        panel(ax, title, "points of macro F1: right is better" if ax is axes[-1] else "", edged=True)
    write(path, figure)


def _difference(ax: Axes, place: int, row: Mapping[Any, Any], style: Style) -> None:
    """One line of the forest."""
    floor = 100 * (row["delta_floor"] or 0)
    ax.barh(place, 2 * floor, left=-floor, height=0.8, color="0.93", zorder=0.5)
    told = row["verdict"] in TOLD
    own = style if style.said or not told else Style(INK, "o", 5, 1.6, 4)
    low, high = (100 * (row[f"delta_{end}"] or np.nan) for end in ("low", "high"))
    reach(ax, place, 100 * (row["delta"] or 0.0), (low, high), own)
    ax.plot(100 * (row["validation_delta"] or 0.0), place, "D", color=own.colour, markersize=3.5,
            markerfacecolor="white", zorder=own.order)  # fmt: skip
    if told:
        ax.annotate(row["verdict"], (1.0, place), (4, 0), ("axes fraction", "data"), "offset points", va="center",
                    fontsize=8, color=INK)  # fmt: skip


def _class_f1(path: Path, sweep: SweepEvaluation, choice: RecipeChoice) -> None:
    """Test F1 of each foreground class, the rarest first, of all seeds' answers, with intervals over test groups."""
    shown = choice.challenger or choice.control
    counts = np.array(sweep.train_counts[sweep.runs[shown[0]].spec.encoder][: sweep.foreground])
    order = np.argsort(counts, kind="stable")[:CLASSES]
    better = (
        Style(CHOSEN, "o", 6, 1.8, 5, "chosen")
        if choice.replaced
        else Style(INK, "o", 6, 1.8, 5, "first of the others")
    )
    series = [(shown, better, -0.14), (choice.against, Style(CONTROL, "s", 5, 1.8, 4, "control"), 0.14)]
    series = series if choice.against else [(shown, Roles("", "").style(""), 0.0)]
    figure = blank(
        1.3 + 0.32 * len(order), "How well each class is found on test, the rarest first",
        f"{sweep.level:.0%} intervals over test groups, answers of all seeds. "
        + (f"The {CLASSES} rarest of {sweep.foreground} classes." if len(order) < sweep.foreground else ""),
    )  # fmt: skip
    ax = figure.subplots()
    test = sweep.test.classes
    rows(
        ax,
        [f"{sweep.classes[each]}: {counts[each]:,} rows to train, {test[each]:,} in test" for each in order],
    )
    for line, (own, style, shift) in enumerate(reversed(series)):
        pooled = np.mean([sweep.runs[i].counts["test"] for i in own], axis=0)
        f1, low, high = class_f1_intervals(pooled, sweep.level)
        for place, each in enumerate(order):
            reach(ax, place + shift, float(f1[each]), (float(low[each]), float(high[each])), style)
        said = f" ({style.said})" if style.said else ""
        ax.annotate(f"{sweep.runs[own[0]].recipe}{said}", (0, 1), (0, 4 + 12 * line), "axes fraction",
                    "offset points", fontsize=8.5, fontweight="bold", color=style.colour)  # fmt: skip
    panel(ax, "", "F1 of the class")
    ax.set_xlim(-0.02, 1.02)
    write(path, figure)


def _reliability(path: Path, comparison: SweepComparison) -> None:
    """Accuracy against confidence on test of the chosen recipe, before and after temperature."""
    sweep, own = comparison.first, comparison.choice.chosen
    figure = blank(
        4.4, f"May its confidence be believed? {sweep.runs[own[0]].recipe}",
        f"{len(own)} seed(s), {sweep.test.rows:,} rows of {sweep.test.groups} groups of test. On the line, an answer is "
        f"right as often as it says; above it, more often. Bars: {sweep.level:.0%} intervals over rows. ECE: the mean "
        "distance from the line, with its interval over groups. Below: how many rows.",
    )  # fmt: skip
    grid = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=[3, 1])
    correct = np.concatenate([sweep.runs[i].correct for i in own])
    for column, title in enumerate(("As trained", "With its temperature")):
        name = "ece_after_T" if column else "ece_before_T"
        confidence = np.concatenate([sweep.runs[i].confidence[name] for i in own])
        bins = equal_width_bins(confidence, correct, BINS)
        filled = bins.count > 0
        count, at = bins.count[filled], bins.confidence[filled] / bins.count[filled]
        seen = bins.correct[filled] / count
        answers = count / len(own)  # the seeds answer the same rows: they add none
        low, high = wilson(seen * answers, answers, sweep.level)
        ax, below = grid[0, column], grid[1, column]
        colour = CHOSEN if column else OTHER
        ax.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        ax.errorbar(
            at, seen, yerr=[seen - low, high - seen], fmt="o-", color=colour, markersize=4.5, linewidth=1.4
        )
        ece = ece_interval(sweep, own, name, comparison.params.resamples)
        ends = "" if ece.low is None else f" [{ece.low:.3f}, {ece.high:.3f}]"
        panel(ax, f"{title}: ECE {ece.value:.3f}{ends}", "", "" if column else "share that is right")
        ax.set(ylim=(-0.03, 1.03))
        below.bar(at, answers, width=0.8 / BINS, color=colour)
        panel(below, "", "confidence of the answer", "" if column else "rows")
        below.set(xlim=(0, 1.02))
    write(path, figure)


def _cost(path: Path, recipes: pd.DataFrame, comparison: SweepComparison) -> None:
    """Test macro F1 of each recipe against what its training multiplied and added; named: those that nothing cheaper
    beats, the chosen one and the control."""
    choice = comparison.choice
    roles = Roles(comparison.name(choice.chosen), comparison.name(choice.control))
    figure = blank(
        4.2, "What training costs, and what it brings",
        f"{KEY} The line: no cheaper recipe scores more. To pick the highest dot here would be to pick noise: validation "
        "chooses.",
    )  # fmt: skip
    ax = figure.subplots()
    order = recipes.sort_values(["flops", "macro_f1_fg"], ascending=[True, False], kind="stable")
    first = order[order["macro_f1_fg"] > order["macro_f1_fg"].cummax().shift(fill_value=-1.0)]
    ax.step(first["flops"] / 1e9, first["macro_f1_fg"], where="post", color=OTHER, linewidth=1, zorder=1)
    labels = []
    for row in order.to_dict("records"):
        style, at = roles.style(row["recipe"]), (row["flops"] / 1e9, row["macro_f1_fg"])
        ax.plot(*at, style.marker, color=style.colour, markersize=style.size, zorder=style.order)
        if style.said:
            labels.append(PointLabel(*at, roles.label(row["recipe"]), style))
    labels += _named(first.tail(1).to_dict("records"), roles)
    ax.set_xscale("log")
    ax.margins(y=0.12)
    ax.xaxis.set_major_formatter("{x:g}")
    panel(ax, "", "cost of training: GFLOP of matrix products", "macro F1 on test")
    labelled(ax, labels)
    write(path, figure)


def _named(records: Sequence[Mapping[Any, Any]], roles: Roles) -> list[PointLabel]:
    return [
        PointLabel(row["flops"] / 1e9, row["macro_f1_fg"], row["recipe"], PLAIN)
        for row in records
        if not roles.style(row["recipe"]).said
    ]
