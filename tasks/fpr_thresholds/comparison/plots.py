"""Three pictures: what each option buys, how brittle its thresholds are, and what calibration promised."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from methods.budgets.evaluation import SILENT
from storage.messages.thresholds import Thresholds
from tasks.report.plots import KEY, PointLabel, Roles, Style, blank, edge, labelled, panel, reach, rows, write

SHOWN = 12  # labels a picture has room for: the first ones of params
BEYOND = 1.06  # where an arrow ends that stands for infinity
FALSE_ALARMS = "false alarms, % of negatives"
ByLabel = Mapping[str, Roles]


def recall_against_fpr(path: Path, table: pd.DataFrame, roles: ByLabel, budget: float) -> None:
    """Per label, recall against false-positive rate on the holdout; intervals and budget of the choice and the control."""
    figure, axes = _panels(
        list(roles), 2, 3.1, 0.9, "What each option catches, and what it costs in false alarms, on later data",
        f"{KEY} Bars: intervals. Cross: no threshold, never fires.",
    )  # fmt: skip
    labels: dict[str, list[PointLabel]] = {}
    for label, ax in axes.items():
        of = table[table["label"] == label].to_dict("records")
        for row in of:
            style = roles[label].style(row["option"])
            labels.setdefault(label, []).append(_point(ax, row, style, roles[label].label(row["option"])))
        edge(ax, 100 * budget, f"budget {budget:.1%}")
        panel(ax, label, FALSE_ALARMS, "caught, % of positives", edged=True)
        ax.set(ylim=(-6, 103), xlim=(-0.04 * ax.get_xlim()[1], ax.get_xlim()[1]))
    for label, ax in axes.items():
        labelled(ax, labels[label])
    write(path, figure)


def brittleness(
    path: Path, options: list[Thresholds], distributions: dict[str, NDArray[np.float64]], roles: ByLabel
) -> None:
    """Per label, the exact bootstrap distribution of each option's threshold: its interval as the table has it, the
    middle half and the median; an arrow leads to an end that is infinite, a cross marks an infinite threshold."""
    names = [option.option for option in options]
    figure, axes = _rows(
        names, roles, "How far each threshold would move if its calibration rows were drawn again",
        f"{KEY} Thin: the interval; thick: the middle half; tick: the median. Cross: no threshold, never fires; "
        "arrow: reaches that far; diamond: this rule has no interval.",
    )  # fmt: skip
    for label, ax in axes.items():
        for at, option in enumerate(options):
            found, entry = distributions.get(f"{option.option}/{label}"), option.labels[label]
            colour = roles[label].style(option.option).colour
            if not np.isfinite(entry.threshold):
                ax.plot(1.0, at, marker="x", color=colour, markersize=6)
                continue
            if found is None or entry.low is None or entry.high is None:
                ax.plot(entry.threshold, at, marker="d", color=colour, markersize=6)
                continue
            values, cumulative = found[0], np.cumsum(found[1])
            lower, median, upper = (
                float(values[min(np.searchsorted(cumulative, p), len(values) - 1)]) for p in (0.25, 0.5, 0.75)
            )
            _reach(ax, entry.low, entry.high, at, colour, 1.4)
            _reach(ax, lower, upper, at, colour, 5)
            if np.isfinite(median):
                ax.plot(median, at, "|", color="black", markersize=9)
        panel(ax, label, "threshold on the score")
        ax.set(xlim=(0, BEYOND + 0.02), xticks=(0, 0.5, 1))
    write(path, figure)


def calibration_against_holdout(path: Path, table: pd.DataFrame, roles: ByLabel, budget: float) -> None:
    """What calibration allowed, beside what the holdout saw with its interval, and the budget of the choice."""
    figure, axes = _rows(
        list(table["option"].unique()), roles, "False alarms that calibration allowed, and those of later data",
        f"{KEY} Hollow: the share allowed in calibration; filled, with its interval: later data.",
    )  # fmt: skip
    promise = 100 * table["allowed"] / table["negatives"].clip(lower=1)
    for label, ax in axes.items():
        of = table.assign(promise=promise)[table["label"] == label].to_dict("records")
        for at, row in enumerate(of):
            style = roles[label].style(row["option"])
            if row["verdict"] == SILENT:
                ax.plot(0, at, "x", color=style.colour, markersize=6)
                continue
            reach(ax, at, 100 * row["fpr"], (100 * row["fpr_low"], 100 * row["fpr_high"]), style)
            ax.plot(row["promise"], at, "o", color=style.colour, markersize=6, markerfacecolor="none")
        edge(ax, 100 * budget, f"budget {budget:.1%}")
        panel(ax, label, FALSE_ALARMS, edged=True)
        ax.set_xlim(left=-0.03 * ax.get_xlim()[1])
    write(path, figure)


def _point(ax: Axes, row: Mapping[Any, Any], style: Style, text: str) -> PointLabel:
    """One option, with its intervals where it is marked."""
    at = (100 * row["fpr"], 100 * row["recall"])
    silent = row["verdict"] == SILENT
    drawn = style.said and not silent
    if drawn:
        ax.errorbar(
            *at, xerr=_arms(row, "fpr"), yerr=_arms(row, "recall"), fmt="none", ecolor=style.colour,
            elinewidth=style.width, zorder=style.order,
        )  # fmt: skip
    marker = "x" if silent else style.marker
    ax.plot(*at, marker, color=style.colour, markersize=style.size, zorder=style.order, clip_on=False)
    across, along = ((100 * row[f"{name}_low"], 100 * row[f"{name}_high"]) for name in ("fpr", "recall"))
    return PointLabel(*at, text, style, across, along) if drawn else PointLabel(*at, text, style)


def _reach(ax: Axes, low: float, high: float, at: int, colour: str, width: float) -> None:
    """A bar from low to high, or an arrow past 1 where high is infinite."""
    ends = [min(low, 1.0), min(high, 1.0)]
    ax.plot(ends, [at, at], color=colour, linewidth=width, solid_capstyle="butt")
    if np.isinf(high):
        ax.annotate(
            "", (BEYOND, at), (1.0, at), arrowprops={"arrowstyle": "->", "color": colour, "shrinkA": 0}
        )


def _rows(names: list[str], roles: ByLabel, title: str, note: str) -> tuple[Figure, dict[str, Axes]]:
    """Options as rows, a column for each label."""
    figure, axes = _panels(list(roles), 3, 0.6 + 0.24 * len(names), 1.1, title, note, "all")
    for label, ax in axes.items():
        rows(ax, names, [roles[label].style(name) for name in names])
        for each in ax.get_yticklabels():
            each.set(color="black", fontweight="normal")  # what is chosen differs by label
    return figure, axes


def _panels(
    labels: list[str], most: int, height: float, around: float, title: str, note: str, shared: Any = False
) -> tuple[Figure, dict[str, Axes]]:
    shown = labels[:SHOWN]
    columns = min(most, len(shown))
    lines = -(-len(shown) // columns)
    more = "" if len(labels) == len(shown) else f" (the first {SHOWN} of {len(labels)} labels)"
    figure = blank(around + height * lines, title + more, note)
    grid = figure.subplots(lines, columns, squeeze=False, sharey=shared)
    for ax in grid.flat[len(shown) :]:
        ax.set_visible(False)
    return figure, dict(zip(shown, grid.flat, strict=False))


def _arms(row: Mapping[Any, Any], name: str) -> list[list[float]] | None:
    """Lengths below and above the point, in per cent; None of a figure without an interval."""
    if f"{name}_low" not in row:
        return None
    below, above = row[name] - row[f"{name}_low"], row[f"{name}_high"] - row[name]
    return [[100 * max(below, 0.0)], [100 * max(above, 0.0)]]
