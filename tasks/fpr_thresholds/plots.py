"""Three pictures: what each option buys, how brittle its thresholds are, and what calibration promised."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from storage.images import write_figure
from storage.thresholds import Thresholds

SHOWN = 12  # labels a picture has room for: the first ones of params


def recall_against_fpr(path: Path, table: pd.DataFrame, labels: list[str]) -> None:
    """Per label, recall against false-positive rate on the holdout, with intervals and the option's target."""
    figure, axes = _panels(labels, "Recall against false-positive rate on the holdout")
    for label, ax in axes.items():
        rows = table[table["label"] == label].to_dict("records")
        for target in sorted({row["target"] for row in rows}):
            ax.axvline(100 * target, color="0.75", linestyle=":", linewidth=1, zorder=0)
        for number, row in enumerate(rows):
            ax.errorbar(
                100 * row["fpr"], 100 * row["recall"],
                xerr=_arms(row, "fpr"), yerr=_arms(row, "recall"),
                fmt="o", markersize=4, linewidth=0.8, color=_colour(number), label=row["option"],
            )  # fmt: skip
        ax.set(title=label, xlabel="false-positive rate, %", ylabel="recall, %", ylim=(-3, 103))
        ax.set_xlim(left=-0.4)
    _legend(figure, axes, "dotted: targets")
    write_figure(path, figure)


def brittleness(
    path: Path, options: list[Thresholds], distributions: dict[str, NDArray[np.float64]], labels: list[str]
) -> None:
    """Per label, the exact bootstrap distribution of each option's threshold; a cross marks one that is infinite."""
    figure, axes = _panels(labels, "Bootstrap distribution of each threshold (90% and 50% ranges, median)")
    for label, ax in axes.items():
        for number, option in enumerate(options):
            at = len(options) - number
            found = distributions.get(f"{option.option}/{label}")
            if found is None:
                entry = option.labels[label]
                known = np.isfinite(entry.threshold)
                ax.plot(
                    entry.threshold if known else 1.0,
                    at,
                    marker="d" if known else "x",
                    color="0.5",
                    markersize=5,
                )
                continue
            values, cumulative = np.minimum(found[0], 1.0), np.cumsum(found[1])
            q = [
                float(values[min(np.searchsorted(cumulative, p), len(values) - 1)])
                for p in (0.05, 0.25, 0.5, 0.75, 0.95)
            ]
            ax.plot([q[0], q[4]], [at, at], color=_colour(number), linewidth=1.2)
            ax.plot([q[1], q[3]], [at, at], color=_colour(number), linewidth=5, solid_capstyle="butt")
            ax.plot(q[2], at, "|", color="black", markersize=9)
        ax.set(title=label, xlabel="threshold", xlim=(0, 1.03))
        ax.set_yticks(range(len(options), 0, -1), [option.option for option in options], fontsize=7)
    figure.supxlabel("cross: never fires; diamond: no closed form", fontsize=8, color="0.35")
    write_figure(path, figure)


def calibration_against_holdout(path: Path, table: pd.DataFrame, labels: list[str]) -> None:
    """What calibration allowed against what the holdout saw: above the diagonal the promise was broken."""
    figure, axes = _panels(labels, "False-positive rate: allowed in calibration, seen on the holdout")
    for label, ax in axes.items():
        rows = table[table["label"] == label].to_dict("records")
        allowed = [100 * row["allowed"] / max(row["negatives"], 1) for row in rows]
        top = 1.1 * max(*(100 * row["fpr_high"] for row in rows), *allowed, 1.0)
        ax.plot([0, top], [0, top], color="0.75", linewidth=1, zorder=0)
        for number, row in enumerate(rows):
            ax.errorbar(
                allowed[number], 100 * row["fpr"], yerr=_arms(row, "fpr"),
                fmt="o", markersize=4, linewidth=0.8, color=_colour(number), label=row["option"],
            )  # fmt: skip
        ax.set(
            title=label,
            xlabel="allowed in calibration, %",
            ylabel="holdout, %",
            xlim=(-0.2, 1.2 * max(*allowed, 0.5)),
            ylim=(-0.4, top),
        )
    _legend(figure, axes, "above the line: more than allowed")
    write_figure(path, figure)


def _panels(labels: list[str], title: str) -> tuple[Figure, dict[str, Axes]]:
    shown = labels[:SHOWN]
    columns = min(3, len(shown))
    lines = -(-len(shown) // columns)
    figure = Figure(figsize=(1.5 + 3.6 * columns, 1.3 + 3.3 * lines), layout="constrained")
    more = "" if len(labels) == len(shown) else f" (the first {SHOWN} of {len(labels)} labels)"
    figure.suptitle(title + more, fontsize=11)
    grid = figure.subplots(lines, columns, squeeze=False)
    for ax in grid.flat[len(shown) :]:
        ax.set_visible(False)
    for ax in grid.flat:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, dict(zip(shown, grid.flat, strict=False))


def _legend(figure: Figure, axes: dict[str, Axes], note: str) -> None:
    handles, names = next(iter(axes.values())).get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside right upper", fontsize=8, frameon=False, title=note, title_fontsize=8
    )


def _arms(row: dict[Any, Any], name: str) -> list[list[float]]:
    """Lengths below and above the point, in per cent."""
    return [
        [100 * max(row[name] - row[f"{name}_low"], 0.0)],
        [100 * max(row[f"{name}_high"] - row[name], 0.0)],
    ]


def _colour(number: int) -> str:
    return f"C{number % 10}"
