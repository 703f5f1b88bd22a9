"""Three pictures: what each option buys, how brittle its thresholds are, and what calibration promised."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from methods.budgets.evaluation import SILENT
from storage.messages.thresholds import Thresholds
from tasks.report.plots import blank, legend, write

SHOWN = 12  # labels a picture has room for: the first ones of params
NOTE = "rings: options at one point\ncross: no threshold, never fires"
BEYOND = 1.06  # where an arrow ends that stands for infinity


def recall_against_fpr(path: Path, table: pd.DataFrame, labels: list[str]) -> None:
    """Per label, recall against false-positive rate on the holdout, with intervals and the option's target."""
    figure, axes = _panels(labels, "Recall against false-positive rate on the holdout")
    for label, ax in axes.items():
        rows = table[table["label"] == label].to_dict("records")
        for target in sorted({row["target"] for row in rows}):
            ax.axvline(100 * target, color="0.75", linestyle=":", linewidth=1, zorder=0)
        _points(ax, rows, "fpr", "recall")
        ax.set(title=label, xlabel="false-positive rate, %", ylabel="recall, %", ylim=(-3, 103))
        ax.set_xlim(left=-0.4)
    _legend(figure, table, f"dotted: targets\n{NOTE}")
    write(path, figure)


def brittleness(
    path: Path, options: list[Thresholds], distributions: dict[str, NDArray[np.float64]], labels: list[str]
) -> None:
    """Per label, the exact bootstrap distribution of each option's threshold: its interval as the table has it, the
    middle half and the median; an arrow leads to an end that is infinite, a cross marks an infinite threshold."""
    figure, axes = _panels(
        labels, "Bootstrap distribution of each threshold (the table's interval, middle half, median)"
    )
    for label, ax in axes.items():
        for number, option in enumerate(options):
            at = len(options) - number
            found, entry = distributions.get(f"{option.option}/{label}"), option.labels[label]
            if not np.isfinite(entry.threshold):
                ax.plot(1.0, at, marker="x", color="0.5", markersize=5)
                continue
            if found is None or entry.low is None or entry.high is None:
                ax.plot(entry.threshold, at, marker="d", color="0.5", markersize=5)
                continue
            values, cumulative = found[0], np.cumsum(found[1])
            lower, median, upper = (
                float(values[min(np.searchsorted(cumulative, p), len(values) - 1)]) for p in (0.25, 0.5, 0.75)
            )
            _reach(ax, entry.low, entry.high, at, _colour(number), 1.2)
            _reach(ax, lower, upper, at, _colour(number), 5)
            if np.isfinite(median):
                ax.plot(median, at, "|", color="black", markersize=9)
        ax.set(title=label, xlabel="threshold", xlim=(0, BEYOND + 0.02))
        ax.set_yticks(range(len(options), 0, -1), [option.option for option in options], fontsize=7)
    figure.supxlabel(
        "cross: no threshold, never fires; arrow: reaches infinity, never fires; diamond: no closed form",
        fontsize=8,
        color="0.35",
    )
    write(path, figure)


def calibration_against_holdout(path: Path, table: pd.DataFrame, labels: list[str]) -> None:
    """What calibration allowed against what the holdout saw: above the diagonal the promise was broken."""
    figure, axes = _panels(labels, "False-positive rate: allowed in calibration, seen on the holdout")
    promise = table["allowed"] / table["negatives"].clip(lower=1)
    for label, ax in axes.items():
        rows = table[table["label"] == label].assign(promise=promise).to_dict("records")
        allowed = [100 * row["promise"] for row in rows]
        top = 1.1 * max(*(100 * row["fpr_high"] for row in rows), *allowed, 1.0)
        ax.plot([0, top], [0, top], color="0.75", linewidth=1, zorder=0)
        _points(ax, rows, "promise", "fpr")
        ax.set(
            title=label,
            xlabel="allowed in calibration, %",
            ylabel="holdout, %",
            xlim=(-0.2, 1.2 * max(*allowed, 0.5)),
            ylim=(-0.4, top),
        )
    _legend(figure, table, f"above the line: more\nthan allowed\n{NOTE}")
    write(path, figure)


def _points(ax: Axes, rows: list[dict[Any, Any]], across: str, along: str) -> None:
    """A dot per option with its intervals; every further option at one point is a ring around those before it."""
    taken: dict[tuple[float, float], int] = {}
    for number, row in enumerate(rows):
        colour, at = _colour(number), (100 * row[across], 100 * row[along])
        if row["verdict"] == SILENT:
            ax.plot(*at, "x", color=colour, markersize=8, zorder=4, clip_on=False)
            continue
        earlier = taken.get(at, 0)
        taken[at] = earlier + 1
        ax.errorbar(
            *at, xerr=_arms(row, across), yerr=_arms(row, along), fmt="o", markersize=4 + 3.5 * earlier, linewidth=0.8,
            color=colour, markerfacecolor="none" if earlier else colour, markeredgewidth=1.2, zorder=3 - 0.1 * earlier,
        )  # fmt: skip


def _reach(ax: Axes, low: float, high: float, at: int, colour: str, width: float) -> None:
    """A bar from low to high, or an arrow past 1 where high is infinite."""
    ends = [min(low, 1.0), min(high, 1.0)]
    ax.plot(ends, [at, at], color=colour, linewidth=width, solid_capstyle="butt")
    if np.isinf(high):
        ax.annotate(
            "", (BEYOND, at), (1.0, at), arrowprops={"arrowstyle": "->", "color": colour, "shrinkA": 0}
        )


def _panels(labels: list[str], title: str) -> tuple[Figure, dict[str, Axes]]:
    shown = labels[:SHOWN]
    columns = min(3, len(shown))
    lines = -(-len(shown) // columns)
    more = "" if len(labels) == len(shown) else f" (the first {SHOWN} of {len(labels)} labels)"
    figure = blank(1.5 + 3.6 * columns, 1.3 + 3.3 * lines, title + more)
    grid = figure.subplots(lines, columns, squeeze=False)
    for ax in grid.flat[len(shown) :]:
        ax.set_visible(False)
    return figure, dict(zip(shown, grid.flat, strict=False))


def _legend(figure: Figure, table: pd.DataFrame, note: str) -> None:
    options = enumerate(table["option"].unique())
    handles = [
        Line2D([], [], color=_colour(number), marker="o", markersize=4, label=name)
        for number, name in options
    ]
    legend(figure, note, handles)


def _arms(row: dict[Any, Any], name: str) -> list[list[float]] | None:
    """Lengths below and above the point, in per cent; None of a figure without an interval."""
    if f"{name}_low" not in row:
        return None
    below, above = row[name] - row[f"{name}_low"], row[f"{name}_high"] - row[name]
    return [[100 * max(below, 0.0)], [100 * max(above, 0.0)]]


def _colour(number: int) -> str:
    return f"C{number % 10}"
