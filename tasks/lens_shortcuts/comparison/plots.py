"""The pictures: sensitivity curves, AUROC by Einstein radius, data gates, learning curves, and sheets of stamps."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from methods.lenses.colour import colour_picture, residual_picture
from methods.lenses.preprocessing import residual
from methods.shortcuts.evaluation import Estimate
from methods.shortcuts.gate_results import CORE, FINAL, NETWORK, RADIAL
from methods.shortcuts.grades import GradeEdges, GradeRules
from storage.lenses.stamps import ARCS, LEAK, PLACEBO
from tasks.lens_shortcuts.comparison.choice import TreeChoice
from tasks.lens_shortcuts.comparison.evaluation import TEST, VariantRun
from tasks.lens_shortcuts.model.labelled_stamps import StampSet
from tasks.report.plots import (
    INK,
    KEY,
    OTHER,
    PLAIN,
    SOFT,
    PointLabel,
    Roles,
    Style,
    blank,
    edge,
    ends,
    panel,
    reach,
    rows,
    write,
)

# its name, rows of the split, scores to print
SheetRow = tuple[str, NDArray[np.int64], NDArray[np.float64] | None]

WARN_COLOUR = "#ece8e0"
GATES = {
    "core_lr_raw": "core, raw, linear",
    CORE: "core, residual, linear",
    "core_trees_raw": "core rings, raw, trees",
    "core_trees_residual": "core rings, residual, trees",
    NETWORK: "core r < 7, residual, network",
    RADIAL: "radial profile, linear",
    "radial_trees": "radial profile, trees",
}


def roles(choice: TreeChoice) -> Roles:
    return Roles(choice.outcome.chosen, choice.baseline.name)


def sensitivity(path: Path, choice: TreeChoice) -> None:
    """Test AUROC against the radius of the core mask, for all positives and for the large ones."""
    recipe, own = choice.baseline.recipe, roles(choice)
    figure = blank(
        4.4, "What is lost when the core of the galaxy is hidden",
        f"{KEY} Lenses of test against other galaxies; bars: {recipe.level:.0%} intervals by host. A network that reads "
        f"arcs loses little up to {recipe.reliance_radius:g} pixels; one that reads the core loses much.",
    )  # fmt: skip
    titles = {"all": "All lenses", "large": f"Einstein radius from {recipe.reliance_theta_E:g} arcsec on"}
    axes = figure.subplots(1, 2, sharey=True)
    for ax, (positives, title) in zip(axes, titles.items(), strict=True):
        for number, run in enumerate(choice.trained):
            figures = run.over_seeds[TEST]
            at = np.array(recipe.radii) + 0.12 * (number - len(choice.trained) / 2)
            _curve(ax, at, figures.curve if positives == "all" else figures.far_curve, own.style(run.name))
        edge(ax, recipe.reliance_radius, f"judged at {recipe.reliance_radius:g}")
        edge(ax, 0.5, "a coin: 0.5", level=True)
        across = "radius that is hidden, in pixels of 0.262 arcsec"
        panel(ax, title, across, "" if ax is axes[1] else "AUROC on test", edged=True)
        ax.set_xticks(recipe.radii)
    for ax, far in zip(axes, (False, True), strict=True):
        found = [
            run.over_seeds[TEST].far_curve if far else run.over_seeds[TEST].curve for run in choice.trained
        ]
        _named(ax, [(max(recipe.radii), each[-1].value) for each in found], choice)
    write(path, figure)


def radii(path: Path, bins: pd.DataFrame, choice: TreeChoice) -> None:
    """Test AUROC of each bin of Einstein radii against all negatives, with the positives in it."""
    edges, own, least = choice.baseline.recipe.theta_E_edges, roles(choice), choice.rules.theta_E_least.passes
    figure = blank(
        4.2, "How well lenses are found, by how wide their arcs are",
        f"{KEY} Lenses of test against all other galaxies; bars: {choice.baseline.recipe.level:.0%} intervals, each bin by "
        "itself. Small lenses hide in the core of the galaxy.",
    )  # fmt: skip
    ax = figure.subplots()
    of = bins[bins["part"] == TEST]
    names = []
    for low, high in pairwise(edges):
        counts = sorted(set(of[of["low"] == low].groupby("variant")["positives_counted"].first()))
        names.append(f"{low:g} to {high:g}\nn = {'/'.join(map(str, counts))}")
    middle = (len(choice.trained) - 1) / 2
    for number, run in enumerate(choice.trained):
        found = [each.auroc for each in run.over_seeds[TEST].bins]
        _curve(ax, np.arange(len(found)) + 0.11 * (number - middle), found, own.style(run.name))
    edge(ax, least, f"the worst bin has to reach {least:g}", level=True)
    ax.set_xticks(range(len(names)), names)
    panel(ax, "", "Einstein radius, arcsec", "AUROC on test")
    low = float(of["auroc_low"].min()) if len(of) else 0.5
    ax.set(ylim=(max(0.0, min(0.6, low) - 0.05), 1.01), xlim=(-0.5, len(names) - 0.5))
    last = [run.over_seeds[TEST].bins[-1].auroc.value for run in choice.trained]
    _named(ax, [(len(names) - 1 + 0.11 * (n - middle), each) for n, each in enumerate(last)], choice)
    write(path, figure)


def gates(path: Path, found: pd.DataFrame, rules: GradeRules) -> None:
    """Per mode, what a shortcut alone tells without arcs, which has to be nothing, and with them; below, of each planted
    leak the gate that sees it most clearly."""
    modes = list(dict.fromkeys(found["mode"]))
    planted = found[found["set"].str.startswith(LEAK) & (found["status"] == "ok")]
    clearest = planted.sort_values("auc", kind="stable").drop_duplicates(
        ["mode", "split", "set"], keep="last"
    )
    heights = [len(GATES) + 2.5] + ([len(clearest) + 2.5] if len(clearest) else [])
    figure = blank(
        1.3 + 0.28 * sum(heights), "Can a shortcut alone tell the classes apart?",
        "AUC of a small model that sees the shortcut alone, on stamps that it was not fitted on: at 0.5 it knows nothing. "
        "Dark: stamps without arcs, where nothing may be found. Hollow: with arcs, which are there to be found. Sand: WARN; "
        "beyond it: FAIL. Bars: the interval of each by itself. Raw: pixels as they are; residual: the smooth galaxy taken off; "
        "radial profile: brightness by radius.",
    )  # fmt: skip
    above, *below = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    axes = np.atleast_1d(above.subplots(1, len(modes), sharey=True, sharex=True))
    for ax, mode in zip(axes, modes, strict=True):
        of = found[(found["mode"] == mode) & (found["split"] == FINAL) & (found["status"] == "ok")]
        rows(ax, list(GATES.values()))
        for place, gate in enumerate(GATES):
            _edges(ax, place, rules.radial if gate.startswith("radial") else rules.core)
            for name, style, shift in ((PLACEBO, Style(INK, "o", 5.5, 1.8, 4), -0.15), (ARCS, PLAIN, 0.2)):
                for row in of[(of["gate"] == gate) & (of["set"] == name)].to_dict("records"):
                    reach(ax, place + shift, row["auc"], (row["low"], row["high"]), style)
                    if name == ARCS:
                        ax.plot(
                            row["auc"],
                            place + shift,
                            "o",
                            color=OTHER,
                            markersize=4.5,
                            markerfacecolor="white",
                            zorder=5,
                        )
        edge(ax, 0.5, "knows nothing: 0.5")
        panel(ax, f"{mode} stamps", "AUC", edged=True)
    if below:
        _leaks(below[0].subplots(), clearest)
    write(path, figure)


def _leaks(ax: Axes, clearest: pd.DataFrame) -> None:
    order = clearest.sort_values("auc", ascending=False, kind="stable").to_dict("records")
    names = [f"{str(row['set']).removeprefix(LEAK).replace('_', ' ')}, {row['mode']}" for row in order]
    rows(ax, names)
    for place, row in enumerate(order):
        reach(ax, place, row["auc"], (row["low"], row["high"]), Style(INK, "o", 5.5, 1.8, 4))
        end, offset, side = (row["high"], 6, "left") if row["high"] < 0.8 else (row["low"], -6, "right")
        ax.annotate(f"by {GATES.get(row['gate'], row['gate'])}", (end, place), (offset, 0), "data", "offset points",
                    ha=side, va="center", fontsize=8, color=SOFT)  # fmt: skip
    edge(ax, 0.5, "knows nothing: 0.5")
    panel(ax, "Leaks planted on purpose, and what sees each most clearly", "AUC", edged=True)
    ax.set_xlim(0.2, 1.02)


def learning(path: Path, epochs: pd.DataFrame, choice: TreeChoice) -> None:
    """Loss of train (dashes) and select (lines), AUROC of select with the chosen epoch, and, if any, placebo AUROC."""
    placebo, own = "placebo_auroc" in epochs, roles(choice)
    panels = 3 if placebo else 2
    figure = blank(
        1.2 + 2.1 * panels, "How the networks learned",
        f"{KEY} Dot: the epoch that the select half chose. A line a seed.",
    )  # fmt: skip
    axes = figure.subplots(panels, 1, sharex=True)
    for run in choice.trained:
        style = own.style(run.name)
        line = {"color": style.colour, "linewidth": style.width, "zorder": style.order}
        for seed in run.seeds:
            of = epochs[(epochs["variant"] == run.name) & (epochs["seed"] == seed.seed)]
            axes[0].plot(of["epoch"], of["val_auroc"], **line)
            axes[0].plot(seed.best_epoch, seed.select_auroc, style.marker, color=style.colour, markersize=6)
            axes[1].plot(of["epoch"], of["train_loss"], linestyle="--", **line)
            axes[1].plot(of["epoch"], of["val_loss"], **line)
            if placebo:
                without = of.dropna(subset=["placebo_auroc"])
                axes[2].plot(without["epoch"], without["placebo_auroc"], marker="o", markersize=3, **line)
    last = float(epochs["epoch"].max())
    panel(axes[0], "On the select half", "", "AUROC")
    panel(axes[1], "Loss: lines on the select half, dashes in training", "", "cross-entropy")
    axes[1].set_ylim(0, min(2.0, 1.05 * float(epochs[["train_loss", "val_loss"]].quantile(0.98).max())))
    if placebo:
        edges = choice.rules.placebo
        panel(axes[2], "Without arcs, where nothing may be found", "", "AUROC")
        axes[2].axhspan(edges.passes, edges.fails, color=WARN_COLOUR, zorder=0)
        named = f"WARN from {edges.passes:g}, FAIL from {edges.fails:g}"
        axes[2].text(0.2, edges.fails, named, va="bottom", fontsize=8)
        edge(axes[2], 0.5, "knows nothing: 0.5", level=True)
        axes[2].set_ylim(0.3, 0.8)
    axes[-1].set_xlabel("epoch", fontsize=8.5, color=SOFT)
    axes[0].set_xlim(0, 1.02 * last)
    for ax, name in zip(axes[:2], ("val_auroc", "val_loss"), strict=True):
        marked = [run for run in choice.trained if own.style(run.name).said]
        ends(ax, [_end(epochs, run, name, own) for run in marked])
    write(path, figure)


def _end(epochs: pd.DataFrame, run: VariantRun, name: str, own: Roles) -> PointLabel:
    """Where the line of its first seed ends."""
    of = epochs[(epochs["variant"] == run.name) & (epochs["seed"] == run.seeds[0].seed)].dropna(subset=[name])
    last = of.iloc[-1]
    return PointLabel(float(last["epoch"]), float(last[name]), own.label(run.name), own.style(run.name))


def classes(path: Path, run: VariantRun, count: int) -> None:
    """Positives evenly over Einstein radius, and the first negatives of test."""
    found, _, members = run.part(run.seeds[0].seed, ARCS, TEST)
    positives = members[found.positive[members]]
    by_radius = positives[np.argsort(found.theta_E[positives], kind="stable")]
    spread = by_radius[np.linspace(0, len(by_radius) - 1, count).round().astype(int)]
    sheet: list[SheetRow] = [
        ("lenses", spread, None),
        ("no lens", members[~found.positive[members]][:count], None),
    ]
    _sheet(path, f"Lenses from small to wide, and other galaxies: {run.mode} stamps of test", found, sheet)


def hardest(path: Path, run: VariantRun, count: int) -> None:
    """Lenses with the lowest and other galaxies with the highest scores of test, with the first seed's model."""
    seed = run.seeds[0].seed
    found, part, members = run.part(seed, ARCS, TEST)
    score = part.logits[:, 0]
    order = np.argsort(score, kind="stable")
    missed, false = order[part.positive[order]][:count], order[~part.positive[order]][::-1][:count]
    title = f"Where {run.name} is most wrong on test (seed {seed})"
    sheet: list[SheetRow] = [
        ("lenses, lowest", members[missed], score[missed]),
        ("no lens, highest", members[false], score[false]),
    ]
    _sheet(path, title, found, sheet)


def _sheet(path: Path, title: str, found: StampSet, sheet: list[SheetRow]) -> None:
    count = max(len(members) for _, members, _ in sheet)
    figure = blank(
        1.1 + 2.0 * len(sheet) * 7.6 / (count + 0.5), title,
        "Above: colour (g, r, z). Below: what is left when the smooth galaxy is taken off.",
    )  # fmt: skip
    grid = np.asarray(figure.subplots(2 * len(sheet), count, squeeze=False))
    for ax in grid.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    for block, (name, members, scores) in enumerate(sheet):
        pixels = np.asarray(found.pixels[np.sort(members)])[np.argsort(np.argsort(members))].astype(
            np.float32
        )
        rests = residual(pixels) if len(members) else pixels
        for column, row in enumerate(members):
            above, below = grid[2 * block, column], grid[2 * block + 1, column]
            above.imshow(colour_picture(pixels[column]), origin="lower", interpolation="nearest")
            below.imshow(residual_picture(rests[column]), origin="lower", interpolation="nearest")
            caption = [f"{found.theta_E[row]:.2f}″"] if found.positive[row] else []
            caption += [] if scores is None else [f"score {scores[column]:+.1f}"]
            above.set_title("  ".join(caption), fontsize=7)
        grid[2 * block, 0].set_ylabel(name, fontsize=9)
        grid[2 * block + 1, 0].set_ylabel("residual", fontsize=8, color=SOFT)
    write(path, figure)


def _named(ax: Axes, last: Sequence[tuple[float, float | None]], choice: TreeChoice) -> None:
    """The name of each trained variant where its line ends, if it does."""
    own, pairs = roles(choice), zip(choice.trained, last, strict=True)
    found = [
        PointLabel(x, y, own.label(run.name), own.style(run.name)) for run, (x, y) in pairs if y is not None
    ]
    ends(ax, found)


def _curve(ax: Axes, at: NDArray[np.floating[Any]], found: Sequence[Estimate], style: Style) -> None:
    """One variant's estimates, of its seeds the mean; intervals where it is marked."""
    value, low, high = np.array([[each.value, each.low, each.high] for each in found], np.float64).T
    ax.plot(at, value, f"{style.marker}-", color=style.colour, markersize=style.size * 0.8, linewidth=style.width,
            zorder=style.order)  # fmt: skip
    if style.said:
        ax.vlines(at, low, high, color=style.colour, linewidth=style.width, zorder=style.order)


def _edges(ax: Axes, place: int, edges: GradeEdges) -> None:
    """WARN lies between the edges, on both sides of .5."""
    for side in (1, -1):
        near, far = sorted(0.5 + side * (each - 0.5) for each in (edges.passes, edges.fails))
        ax.barh(place, far - near, left=near, height=0.86, color=WARN_COLOUR, zorder=0.5)
