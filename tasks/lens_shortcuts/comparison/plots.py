"""The pictures: sensitivity curves, AUROC by Einstein radius, data gates, learning curves, and sheets of stamps."""

from collections.abc import Mapping, Sequence
from itertools import cycle, pairwise
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
from tasks.report.plots import blank, write

SheetRow = tuple[
    str, NDArray[np.int64], NDArray[np.float64] | None
]  # its name, rows of the split, scores to print

COLOURS = ("#4c72b0", "#dd8452", "#55a868", "#8172b3", "#c44e52", "#937860", "#da8bc3")
SET_COLOURS = {ARCS: "#4c72b0", PLACEBO: "#55a868"}
LEAK_COLOURS = ("#c44e52", "#dd8452", "#8172b3", "#64b5cd", "#937860", "#da8bc3")
WARN_COLOUR = "#f3e2c7"
GATES = {
    "core_lr_raw": "core, raw, linear",
    CORE: "core, residual, linear",
    "core_trees_raw": "core rings, raw, trees",
    "core_trees_residual": "core rings, residual, trees",
    NETWORK: "core r < 7, residual, network",
    RADIAL: "radial profile, linear",
    "radial_trees": "radial profile, trees",
}


def sensitivity(path: Path, curves: pd.DataFrame, choice: TreeChoice) -> None:
    """Test AUROC against the radius of the core mask, for all positives and for the large ones."""
    recipe = choice.baseline.recipe
    title = f"What hiding the core costs: AUROC on test, bars are {recipe.level:.0%} intervals by host"
    figure = blank(9.5, 4.6, title)
    titles = {"all": "all positives", "large": f"Einstein radius from {recipe.reliance_theta_E:g} arcsec on"}
    for ax, (positives, title) in zip(figure.subplots(1, 2, sharey=True), titles.items(), strict=True):
        of = curves[(curves["part"] == TEST) & (curves["positives"] == positives)]
        for number, run in enumerate(choice.trained):
            figures = run.over_seeds[TEST]
            at = np.array(recipe.radii) + 0.12 * (number - len(choice.trained) / 2)
            _errorbar(ax, at, figures.curve if positives == "all" else figures.far_curve, number, run)
        ax.axvline(recipe.reliance_radius, color="0.8", linewidth=1, zorder=0)
        ax.axhline(0.5, color="0.8", linewidth=1, zorder=0)
        counts = "/".join(map(str, dict.fromkeys(of["positives_counted"])))
        ax.set(
            title=f"{title} (n = {counts})",
            xlabel="hidden: r < radius (pixels of 0.262 arcsec)",
            xticks=recipe.radii,
        )
        if positives == "all":
            ax.set_ylabel("AUROC")
            handles = ax.get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    write(path, figure)


def radii(path: Path, bins: pd.DataFrame, choice: TreeChoice) -> None:
    """Test AUROC of each bin of Einstein radii against all negatives, with the positives in it."""
    figure = blank(8, 4)
    ax = figure.subplots()
    of = bins[bins["part"] == TEST]
    edges = choice.baseline.recipe.theta_E_edges
    names = [f"[{low:g}, {high:g}{']' if high == edges[-1] else ')'}" for low, high in pairwise(edges)]
    for number, run in enumerate(choice.trained):
        found = [each.auroc for each in run.over_seeds[TEST].bins]
        _errorbar(
            ax, np.arange(len(found)) + 0.11 * (number - (len(choice.trained) - 1) / 2), found, number, run
        )
    for place, low in enumerate(edges[:-1]):
        counts = of[of["low"] == low].groupby("variant")["positives_counted"].first()
        text = f"n={'/'.join(str(count) for count in sorted(set(counts)))}"
        at = ax.get_xaxis_transform()
        ax.text(place, 0.02, text, transform=at, ha="center", fontsize=8, color="0.3")
    ax.axhline(choice.rules.theta_E_least.passes, color="0.75", linewidth=1, linestyle="--", zorder=0)
    ax.set_xticks(range(len(names)), names, fontsize=8)
    ax.set(xlabel="Einstein radius (arcsec)", ylabel="AUROC against all negatives")
    low = float(of["auroc_low"].min()) if len(of) else 0.5
    ax.set_ylim(max(0.0, min(0.6, low) - 0.08), 1.01)
    ax.set_title(
        f"AUROC on test by Einstein radius (bars: {choice.baseline.recipe.level:.0%}, each bin by itself; "
        "dashes: what the worst bin has to pass; n: positives)",
        fontsize=8.5,
    )
    ax.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, 0.06))
    write(path, figure)


def gates(path: Path, found: pd.DataFrame, rules: GradeRules) -> None:
    """The final gates of each mode, arcs against placebo; and each planted leak against the placebo of its own split."""
    modes = list(dict.fromkeys(found["mode"]))
    planted = found[found["set"].str.startswith(LEAK) & (found["status"] == "ok")]
    sources = list(dict.fromkeys(zip(planted["mode"], planted["split"], strict=True)))
    panels = len(modes) + len(sources)
    title = "Data gates: out-of-fold AUC of what a shortcut alone tells\n(bars: the interval of each gate by itself)"
    figure = blank(1.6 + 4.2 * panels, 5.4, title)
    axes = np.atleast_1d(figure.subplots(1, panels, sharey=True))
    placebo = {PLACEBO: ("placebo", SET_COLOURS[PLACEBO])}
    for ax, mode in zip(axes, modes, strict=False):
        rows = found[(found["mode"] == mode) & (found["split"] == FINAL)]
        _gates(ax, rows, {ARCS: ("with arcs", SET_COLOURS[ARCS]), **placebo}, rules)
        ax.set_title(f"{mode} stamps, {FINAL} (the final gates)", fontsize=10)
    for ax, (mode, split) in zip(axes[len(modes) :], sources, strict=True):
        rows = found[(found["mode"] == mode) & (found["split"] == split)]
        names = dict.fromkeys(planted[(planted["mode"] == mode) & (planted["split"] == split)]["set"])
        leaks = {
            name: (f"planted: {str(name).removeprefix(LEAK).replace('_', ' ')}", colour)
            for name, colour in zip(names, cycle(LEAK_COLOURS), strict=False)
        }
        _gates(ax, rows, placebo | leaks, rules)
        ax.set_title(f"{mode} stamps, {split}: planted leaks, no arcs", fontsize=10)
    axes[0].invert_yaxis()
    axes[0].plot([], [], color=WARN_COLOUR, linewidth=6, label="WARN")
    handles = {
        label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=min(len(handles), 3 * panels), frameon=False,
        fontsize=8,
    )  # fmt: skip
    write(path, figure)


def _gates(ax: Axes, rows: pd.DataFrame, sets: Mapping[str, tuple[str, str]], rules: GradeRules) -> None:
    """A line a gate, and on it a point with its interval for each set."""
    rows = rows[rows["status"] == "ok"]
    step = min(0.28, 0.8 / len(sets))
    for place, gate in enumerate(GATES):
        _edges(ax, place, rules.radial if gate.startswith("radial") else rules.core)
        for number, (name, (label, colour)) in enumerate(sets.items()):
            of = rows[(rows["gate"] == gate) & (rows["set"] == name)]
            at = [place + step * (number - (len(sets) - 1) / 2)] * len(of)
            ends = [of["auc"] - of["low"], of["high"] - of["auc"]]
            ax.errorbar(
                of["auc"], at, xerr=ends, fmt="o", color=colour, markersize=3.5, linewidth=1.2,
                label=label if place == 0 else None,
            )  # fmt: skip
    low = float(rows[rows["set"].isin(list(sets))]["low"].min())
    ax.axvline(0.5, color="0.75", linewidth=1, zorder=0)
    ax.set(xlabel="AUC", xlim=(min(0.35, low - 0.02) if np.isfinite(low) else 0.35, 1.02))
    ax.set_yticks(range(len(GATES)), list(GATES.values()), fontsize=8)


def learning(path: Path, epochs: pd.DataFrame, choice: TreeChoice) -> None:
    """Loss of train (dashes) and select (lines), AUROC of select with the chosen epoch, and, if any, placebo AUROC."""
    placebo = "placebo_auroc" in epochs
    panels = 3 if placebo else 2
    figure = blank(11 / 3 * panels, 3.8)
    axes = figure.subplots(1, panels)
    left, middle = axes[:2]
    for number, run in enumerate(choice.trained):
        colour = COLOURS[number % len(COLOURS)]
        for at, seed in enumerate(run.seeds):
            rows = epochs[(epochs["variant"] == run.name) & (epochs["seed"] == seed.seed)]
            label = f"{run.name}{_seeds(run)}" if at == 0 else None
            left.plot(rows["epoch"], rows["train_loss"], "--", color=colour, linewidth=1)
            left.plot(rows["epoch"], rows["val_loss"], color=colour, linewidth=1.3, label=label)
            middle.plot(rows["epoch"], rows["val_auroc"], color=colour, linewidth=1.3)
            middle.plot(seed.best_epoch, seed.select_auroc, "o", color=colour, markersize=6)
            if placebo:
                of = rows.dropna(subset=["placebo_auroc"])
                axes[2].plot(of["epoch"], of["placebo_auroc"], "o-", color=colour, markersize=3, linewidth=1)
    left.set(title="loss: select half (lines), train (dashes)", ylabel="binary cross-entropy")
    left.set_ylim(0, min(2.0, 1.05 * float(epochs[["train_loss", "val_loss"]].quantile(0.98).max())))
    left.legend(frameon=False, fontsize=8)
    middle.set(title="AUROC of the select half (dot: chosen epoch)", ylabel="AUROC")
    if placebo:
        right, edges = axes[2], choice.rules.placebo
        right.set(title="placebo AUROC, report half (honest: .5)", ylabel="AUROC", ylim=(0.3, 0.8))
        right.axhspan(edges.passes, edges.fails, color=WARN_COLOUR, zorder=0)
        right.axhline(0.5, color="0.75", linewidth=1, zorder=0)
    for ax in axes:
        ax.title.set_fontsize(9)
        ax.set(xlabel="epoch", xlim=(0, 1.03 * float(epochs["epoch"].max())))
    write(path, figure)


def classes(path: Path, run: VariantRun, count: int) -> None:
    """Positives evenly over Einstein radius, and the first negatives of test."""
    found, _, rows = run.part(run.seeds[0].seed, ARCS, TEST)
    positives = rows[found.positive[rows]]
    by_radius = positives[np.argsort(found.theta_E[positives], kind="stable")]
    spread = by_radius[np.linspace(0, len(by_radius) - 1, count).round().astype(int)]
    sheet: list[SheetRow] = [("lenses", spread, None), ("no lens", rows[~found.positive[rows]][:count], None)]
    _sheet(path, f"{run.mode} stamps of test: colour (g r z) above, residual below", found, sheet)


def hardest(path: Path, run: VariantRun, count: int) -> None:
    """Lenses with the lowest and other galaxies with the highest scores of test, with the first seed's model."""
    seed = run.seeds[0].seed
    found, part, rows = run.part(seed, ARCS, TEST)
    score = part.logits[:, 0]
    order = np.argsort(score, kind="stable")
    missed, false = order[part.positive[order]][:count], order[~part.positive[order]][::-1][:count]
    title = f"{run.name}, seed {seed}: lenses it scores lowest and others it scores highest, test"
    sheet: list[SheetRow] = [
        ("lenses, lowest", rows[missed], score[missed]),
        ("no lens, highest", rows[false], score[false]),
    ]
    _sheet(path, title, found, sheet)


def _sheet(path: Path, title: str, found: StampSet, sheet: list[SheetRow]) -> None:
    count = max(len(rows) for _, rows, _ in sheet)
    figure = blank(1.35 * count + 0.7, 1.5 * 2 * len(sheet) + 0.8, title)
    grid = np.asarray(figure.subplots(2 * len(sheet), count, squeeze=False))
    for ax in grid.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    for block, (name, rows, scores) in enumerate(sheet):
        pixels = np.asarray(found.pixels[np.sort(rows)])[np.argsort(np.argsort(rows))].astype(np.float32)
        rests = residual(pixels) if len(rows) else pixels
        for column, row in enumerate(rows):
            above, below = grid[2 * block, column], grid[2 * block + 1, column]
            above.imshow(colour_picture(pixels[column]), origin="lower", interpolation="nearest")
            below.imshow(residual_picture(rests[column]), origin="lower", interpolation="nearest")
            caption = [f"θ {found.theta_E[row]:.2f}″"] if found.positive[row] else []
            caption += [] if scores is None else [f"logit {scores[column]:+.1f}"]
            above.set_title("  ".join(caption), fontsize=7)
        grid[2 * block, 0].set_ylabel(name, fontsize=9)
        grid[2 * block + 1, 0].set_ylabel("residual", fontsize=8, color="0.35")
    write(path, figure)


def _seeds(run: VariantRun) -> str:
    return f", {len(run.seeds)} seeds" if len(run.seeds) > 1 else ""


def _errorbar(
    ax: Axes, at: NDArray[np.floating[Any]], found: Sequence[Estimate], number: int, run: VariantRun
) -> None:
    """One variant's estimates, of its seeds the mean."""
    value, low, high = np.array([[each.value, each.low, each.high] for each in found], np.float64).T
    ax.errorbar(
        at, value, yerr=[value - low, high - value], fmt="o-", color=COLOURS[number % len(COLOURS)], markersize=3.5,
        linewidth=1.2, elinewidth=0.8, label=f"{run.name} ({run.mode}, {run.mask}){_seeds(run)}",
    )  # fmt: skip


def _edges(ax: Axes, place: int, edges: GradeEdges) -> None:
    """WARN lies between the edges, on both sides of .5."""
    for side in (1, -1):
        ends = sorted(0.5 + side * (edge - 0.5) for edge in (edges.passes, edges.fails))
        ax.barh(place, ends[1] - ends[0], left=ends[0], height=0.8, color=WARN_COLOUR, zorder=0)
