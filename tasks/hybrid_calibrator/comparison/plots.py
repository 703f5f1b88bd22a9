"""Four pictures: precision against recall, reliability, who stands behind what is accepted, and the thresholds."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from methods.detection.evaluation import binned_shares, micro
from methods.detection.rows import CALIBRATED
from params.hybrid_calibrator import Compare
from tasks.hybrid_calibrator.comparison.evaluation import VariantEvaluation
from tasks.report.plots import blank, legend, write

BASELINES = "#9ecae1 #fdae6b #a1d99b #fcbba1 #bdbdbd #737373 #bcbddc #c49c94 #dbdb8d #9edae5".split()
SHOWN = 24  # classes a picture has room for
ROOM = 0.02


def precision_recall(path: Path, evaluations: list[VariantEvaluation], table: pd.DataFrame) -> None:
    """Curves of all classes pooled; a dot is where the per-class thresholds put the row. Below, the calibrators
    enlarged, with the intervals of their dots."""
    figure = blank(2.2 + 4.2 * len(evaluations), 8.8, "Precision against recall on the report images")
    panels = figure.subplots(2, len(evaluations), squeeze=False)
    for each, (whole, near) in zip(evaluations, panels.T, strict=True):
        for ax in (whole, near):
            _curves(ax, each)
        shown = table[(table["variant"] == each.name) & (table["tier"] == CALIBRATED)]
        for number, row in enumerate(shown.to_dict("records")):
            near.errorbar(
                row["recall"], row["precision"],
                [[row["precision"] - row["precision_low"]], [row["precision_high"] - row["precision"]]],
                [[row["recall"] - row["recall_low"]], [row["recall_high"] - row["recall"]]],
                color=_colour(number), linewidth=1, alpha=0.55 if number else 1, zorder=3 if number else 4,
            )  # fmt: skip
        (left, right), (bottom, top) = (
            (shown[f"{side}_low"].min() - ROOM, shown[f"{side}_high"].max() + ROOM)
            for side in ("recall", "precision")
        )
        whole.set(title=each.name, xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.02))
        near.set(
            title=f"{each.name}: the calibrators enlarged", xlabel="recall", ylabel="precision",
            xlim=(left, right), ylim=(bottom, top),
        )  # fmt: skip
        whole.indicate_inset([left, bottom, right - left, top - bottom], edgecolor="0.4")
    note = "curves: one threshold for all classes\ndots: per-class thresholds\nbars: intervals over images"
    legend(figure, note)
    write(path, figure)


def _curves(ax: Axes, each: VariantEvaluation) -> None:
    for number, row in enumerate(each.rows):
        marker, style = ("o", "-") if row.row.tier == CALIBRATED else ("s", "--")
        control, rates = number == each.variant.control, micro(row.report.counts)
        colour = _colour(number, each.variant.control)
        ax.plot(
            rates.recall, rates.precision, marker, color=colour, markersize=6, markeredgecolor="white",
            zorder=5 if control else 4, label=row.row.name,
        )  # fmt: skip
        if row.curve is not None:  # an equal row would hide the control's
            ax.plot(
                *row.curve,
                color=colour,
                linewidth=1.2,
                linestyle=style,
                alpha=0.8,
                zorder=3 if control else 2,
            )


def reliability(path: Path, evaluations: list[VariantEvaluation], params: Compare) -> None:
    """Share of positives against mean p_final of each bin, with its interval over images; below, the candidates."""
    options = max((each.variant.options for each in evaluations), key=len)
    figure = blank(
        1.9 * len(options) + 0.6, 0.6 + 3.0 * len(evaluations),
        f"Reliability of p_final on the report candidates: share of positives per bin, {params.level:.0%} intervals "
        "over images; grey: share of all candidates in the bin (root scale)", 10,
    )  # fmt: skip
    panels = figure.subplots(len(evaluations), len(options), squeeze=False, sharex=True, sharey=True)
    for each, row in zip(evaluations, panels, strict=True):
        row[0].set_ylabel(f"{each.name}\nshare of positives")
        for number, (option, ax) in enumerate(zip(each.variant.options, row, strict=True)):
            p, positive = each.variant.probabilities[number], each.variant.positive
            found = binned_shares(
                p, positive, each.variant.image, int(each.variant.scene.report.sum()), params.calibration_bins,
                params.level, params.resamples, params.seed,
            )  # fmt: skip
            ax.plot([0, 1], [0, 1], color="0.75", linewidth=1, zorder=0)
            width = 1 / params.calibration_bins
            heights = np.sqrt(found.rows / found.rows.sum()) * 0.3
            ax.bar(found.place, heights, width * 0.9, color="0.88", zorder=0)
            bars = np.abs(np.stack([found.low, found.high]) - found.share)
            ax.errorbar(
                found.mean, found.share, bars, fmt="o", color=_colour(number), markersize=3.2, linewidth=1.1
            )
            ax.set_title(option, fontsize=9)
            ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    for ax in panels[-1]:
        ax.set_xlabel("mean p_final", fontsize=8)
    write(path, figure)


def acceptance_mix(path: Path, evaluations: list[VariantEvaluation]) -> None:
    """Each accepted box, split evenly among the sources that support it."""
    figure, axes = _panels(evaluations, "Sources behind the accepted boxes", width=5.2)
    for each, ax in zip(evaluations, axes, strict=True):
        names = [row.row.name for row in each.rows]
        left = np.zeros(len(names))
        for number, source in enumerate(each.variant.sources):
            shares = np.array([row.mix[number] for row in each.rows])
            ax.barh(range(len(names)), shares, left=left, color=_colour(number), label=source, height=0.72)
            left += shares
        for place, row in enumerate(each.rows):
            ax.text(1.01, place, f"{row.report.sums[:2].sum()}", va="center", fontsize=7, color="0.35")
        ax.set(title=each.name, xlabel="share of accepted boxes (right: how many)", xlim=(0, 1))
        ax.set_yticks(range(len(names)), names, fontsize=8)
        ax.invert_yaxis()
    legend(figure, "source")
    write(path, figure)


def thresholds(path: Path, evaluations: list[VariantEvaluation]) -> None:
    """Per class and calibrator; a class that accepts nothing stands at the right edge as a cross."""
    figure, axes = _panels(
        evaluations, "Per-class thresholds on p_final, tuned on the tune images", width=4.6
    )
    for each, ax in zip(evaluations, axes, strict=True):
        classes = each.variant.classes[:SHOWN]
        calibrated = [row for row in each.rows if row.row.tier == CALIBRATED]
        for number, row in enumerate(calibrated):
            places = np.arange(len(classes)) + 0.7 * ((number + 0.5) / len(calibrated) - 0.5)
            found = np.array([threshold.threshold for threshold in row.acceptance.thresholds[:SHOWN]])
            finite = np.isfinite(found)
            colour = _colour(number)
            ax.plot(found[finite], places[finite], "o", color=colour, markersize=5, label=row.row.name)
            ax.plot(np.ones((~finite).sum()), places[~finite], "x", color=colour, markersize=5)
        for edge in range(1, len(classes)):
            ax.axhline(edge - 0.5, color="0.9", linewidth=0.8, zorder=0)
        ax.set(title=each.name, xlabel="threshold", xlim=(0, 1.03), ylim=(len(classes) - 0.5, -0.5))
        ax.set_yticks(range(len(classes)), classes, fontsize=8)
    legend(figure, "cross: accepts nothing")
    write(path, figure)


def _panels(evaluations: list[VariantEvaluation], title: str, width: float) -> tuple[Figure, list[Axes]]:
    figure = blank(2.2 + width * len(evaluations), 4.6, title)
    return figure, list(figure.subplots(1, len(evaluations), squeeze=False).flat)


def _colour(number: int, control: int = 0) -> str:
    """Rows from the control on in full colours, those before it in pale ones."""
    return f"C{(number - control) % 10}" if number >= control else BASELINES[number % len(BASELINES)]
