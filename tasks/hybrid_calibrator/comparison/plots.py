"""Four pictures: precision against recall, reliability, who stands behind what is accepted, and the thresholds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from methods.detection.evaluation import binned_shares, micro
from methods.detection.rows import CALIBRATED
from params.hybrid_calibrator import Compare
from tasks.hybrid_calibrator.comparison.choice import DetectionChoice
from tasks.hybrid_calibrator.comparison.evaluation import VariantEvaluation
from tasks.report.plots import (
    INK,
    KEY,
    SOFT,
    WIDTH,
    PointLabel,
    Roles,
    blank,
    labelled,
    panel,
    rows,
    write,
)

SOURCES = ("#4a5561", "#8b949e", "#b9c0c8", "#e0e4e8")
SHOWN = 24  # classes a picture has room for
ROOM = 0.02


def roles(choice: DetectionChoice, variant: str) -> Roles:
    return Roles(choice.options[variant], choice.names[0])


def precision_recall(
    path: Path, evaluations: list[VariantEvaluation], table: pd.DataFrame, choice: DetectionChoice
) -> None:
    """A dot is where the per-class thresholds put the row; curves and intervals of the choice and the control. Below,
    the calibrators enlarged."""
    figure = blank(
        7.4, "How much of what is accepted is right, and how much of what is there is found",
        f"{KEY} Report images, which chose nothing. Squares: raw detectors and their unions. Curves: one threshold for all "
        "classes; marks: a threshold for each, with intervals over images.",
        max(WIDTH, 3.8 * len(evaluations)),
    )  # fmt: skip
    panels = figure.subplots(2, len(evaluations), squeeze=False)
    labels: list[tuple[Axes, list[PointLabel]]] = []
    for each, (whole, near) in zip(evaluations, panels.T, strict=True):
        own = roles(choice, each.name)
        found = [(row.tier, label) for row, label in zip(each.rows, _marks(each, own), strict=True)]
        for ax in (whole, near):
            _curves(ax, each, own)
        shown = table[(table["variant"] == each.name) & (table["tier"] == CALIBRATED)]
        for row in shown[shown["option"].isin([own.chosen, own.control])].to_dict("records"):
            style = own.style(row["option"])
            near.errorbar(
                row["recall"], row["precision"],
                [[row["precision"] - row["precision_low"]], [row["precision_high"] - row["precision"]]],
                [[row["recall"] - row["recall_low"]], [row["recall_high"] - row["recall"]]],
                color=style.colour, linewidth=1, zorder=style.order,
            )  # fmt: skip
        (left, right), (bottom, top) = (
            (shown[f"{side}_low"].min() - ROOM, shown[f"{side}_high"].max() + ROOM)
            for side in ("recall", "precision")
        )
        panel(
            whole, f"{each.name}: everything", "found, share of what is there (recall)", "right (precision)"
        )
        panel(near, f"{each.name}: the frame, enlarged", "found (recall)", "right (precision)")
        whole.set(xlim=(0, 1.01), ylim=(0, 1.02))
        near.set(xlim=(left, right), ylim=(bottom, top))
        whole.indicate_inset([left, bottom, right - left, top - bottom], edgecolor="0.4")
        inside = [label for _, label in found if left < label.x < right and bottom < label.y < top]
        labels += [
            (whole, [replace(label, text="") if tier == CALIBRATED else label for tier, label in found]),
            (near, inside),
        ]
    for ax, beside in labels:
        labelled(ax, beside)
    write(path, figure)


def _marks(each: VariantEvaluation, own: Roles) -> list[PointLabel]:
    rates = [micro(row.report.counts) for row in each.rows]
    return [
        PointLabel(float(rate.recall), float(rate.precision), own.label(row.name), own.style(row.name))
        for row, rate in zip(each.rows, rates, strict=True)
    ]


def _curves(ax: Axes, each: VariantEvaluation, own: Roles) -> None:
    for row, mark in zip(each.rows, _marks(each, own), strict=True):
        marker = mark.style.marker if row.tier == CALIBRATED else "s"
        ax.plot(mark.x, mark.y, marker, color=mark.style.colour, markersize=mark.style.size,
                markeredgecolor="white", markeredgewidth=0.6, zorder=mark.style.order + 1)  # fmt: skip
        if row.curve is not None and mark.style.said:
            ax.plot(*row.curve, color=mark.style.colour, linewidth=1.2, alpha=0.8, zorder=mark.style.order)


def reliability(
    path: Path, evaluations: list[VariantEvaluation], params: Compare, choice: DetectionChoice
) -> None:
    """Share of positives against mean p_final of each bin, with its interval over images; below, the candidates."""
    figure = blank(
        1.2 + 2.9 * len(evaluations), "May the score be read as a probability?",
        f"Report candidates. On the line, a share of them is right that equals the score. Bars: {params.level:.0%} intervals "
        "over images. Pale columns: how many candidates have such a score (root scale). The other options: table.csv.",
    )  # fmt: skip
    names = [list(dict.fromkeys((choice.names[0], choice.options[each.name]))) for each in evaluations]
    panels = figure.subplots(len(evaluations), max(map(len, names)), squeeze=False, sharex=True, sharey=True)
    for each, shown, line in zip(evaluations, names, panels, strict=True):
        own, positive = roles(choice, each.name), each.variant.positive
        for ax in line[len(shown) :]:
            ax.set_visible(False)
        for option, ax in zip(shown, line, strict=False):
            p = each.variant.probabilities[each.variant.options.index(option)]
            found = binned_shares(
                p, positive, each.variant.image, int(each.variant.scene.report.sum()), params.calibration_bins,
                params.level, params.resamples, params.seed,
            )  # fmt: skip
            ax.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
            heights = np.sqrt(found.rows / found.rows.sum()) * 0.3
            ax.bar(found.place, heights, 0.9 / params.calibration_bins, color="0.9", zorder=0)
            bars = np.abs(np.stack([found.low, found.high]) - found.share)
            ax.errorbar(
                found.mean,
                found.share,
                bars,
                fmt="o",
                color=own.style(option).colour,
                markersize=4.5,
                linewidth=1.4,
            )
            across = "score" if each is evaluations[-1] else ""
            panel(
                ax,
                f"{each.name}: {own.label(option)}",
                across,
                "share that is right" if ax is line[0] else "",
            )
            ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    write(path, figure)


def acceptance_mix(path: Path, evaluations: list[VariantEvaluation], choice: DetectionChoice) -> None:
    """Each accepted box, split evenly among the sources that support it."""
    most = max(len(each.rows) for each in evaluations)
    figure, axes = _panels(
        evaluations, 1.5 + 0.25 * most, "Who stands behind the accepted boxes",
        "A box that several sources support counts evenly for each. Right: how many boxes are accepted. "
        "Orange: chosen; blue: the control.",
    )  # fmt: skip
    for each, ax in zip(evaluations, axes, strict=True):
        own, names = roles(choice, each.name), [row.name for row in each.rows]
        rows(ax, names, [own.style(name) for name in names])
        left = np.zeros(len(names))
        for number, source in enumerate(each.variant.sources):
            shares = np.array([row.mix[number] for row in each.rows])
            colour = SOURCES[number % len(SOURCES)]
            ax.barh(
                range(len(names)), shares, left=left, color=colour, height=0.72, edgecolor="white", zorder=2
            )
            ax.annotate(source, (left[0] + shares[0] / 2, -0.45), ha="center", va="bottom", fontsize=6.5, color=INK,
                        rotation=30)  # fmt: skip
            left += shares
        for place, row in enumerate(each.rows):
            ax.text(1.01, place, f"{row.report.sums[:2].sum():,}", va="center", fontsize=7.5, color=SOFT)
        ax.set_ylim(len(names) - 0.4, -1.6)
        panel(ax, each.name, "share of the accepted boxes")
        ax.set_xlim(0, 1)
    write(path, figure)


def thresholds(path: Path, evaluations: list[VariantEvaluation], choice: DetectionChoice) -> None:
    """Per class and calibrator; a class that accepts nothing stands at the right edge as a cross."""
    classes = evaluations[0].variant.classes[:SHOWN]
    figure, axes = _panels(
        evaluations, 1.4 + 0.36 * len(classes), "From which score on a candidate is accepted, class by class",
        f"{KEY} Tuned on the tune images. Cross: accepts nothing.",
    )  # fmt: skip
    for each, ax in zip(evaluations, axes, strict=True):
        own = roles(choice, each.name)
        rows(ax, each.variant.classes[:SHOWN])
        for row in (row for row in each.rows if row.tier == CALIBRATED):
            style = own.style(row.name)
            shift = {"chosen": -0.17, "kept": -0.17, "control": 0.17}.get(style.said, 0.0)
            for place, threshold in enumerate(row.acceptance.thresholds[:SHOWN]):
                finite = np.isfinite(threshold.threshold)
                ax.plot(threshold.threshold if finite else 1.0, place + shift, style.marker if finite else "x",
                        color=style.colour, markersize=style.size, zorder=style.order)  # fmt: skip
        panel(ax, each.name, "threshold on the score")
        ax.set_xlim(0, 1.03)
    write(path, figure)


def _panels(
    evaluations: list[VariantEvaluation], height: float, title: str, note: str
) -> tuple[Figure, list[Axes]]:
    figure = blank(height, title, note, max(WIDTH, 3.8 * len(evaluations)))
    return figure, list(figure.subplots(1, len(evaluations), squeeze=False).flat)
