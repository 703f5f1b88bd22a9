"""Sheets of stamps: what both classes look like, raw and residual, and what the model gets most wrong."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from methods.lenses.colour import colour_picture, residual_picture
from methods.lenses.preprocessing import residual
from storage.files.images import write_figure
from storage.lenses.stamps import ARCS
from tasks.lens_shortcuts.comparison.evaluation import TEST, Run
from tasks.lens_shortcuts.model.labelled_stamps import Labelled

Index = NDArray[np.int64]
Row = tuple[str, Index, NDArray[np.float64] | None]  # its name, rows of the split, scores to print


def classes(path: Path, run: Run, count: int) -> None:
    """Positives evenly over Einstein radius, and the first negatives of test."""
    found, _, rows = run.part(run.seeds[0].seed, ARCS, TEST)
    positives = rows[found.positive[rows]]
    by_radius = positives[np.argsort(found.theta_E[positives], kind="stable")]
    spread = by_radius[np.linspace(0, len(by_radius) - 1, count).round().astype(int)]
    negatives = rows[~found.positive[rows]][:count]
    sheet: list[Row] = [("lenses", spread, None), ("no lens", negatives, None)]
    _write(path, f"{run.mode} stamps of test: colour (g r z) above, residual below", found, sheet)


def hardest(path: Path, run: Run, count: int) -> None:
    """Lenses with the lowest and other galaxies with the highest scores of test, with the first seed's model."""
    found, part, rows = run.part(run.seeds[0].seed, ARCS, TEST)
    score = part.logits[:, 0]
    order = np.argsort(score, kind="stable")
    missed, false = order[part.positive[order]][:count], order[~part.positive[order]][::-1][:count]
    sheet: list[Row] = [
        ("lenses, lowest", rows[missed], score[missed]),
        ("no lens, highest", rows[false], score[false]),
    ]
    _write(
        path,
        f"{run.name}, seed {run.seeds[0].seed}: lenses it scores lowest and others it scores highest, test",
        found,
        sheet,
    )


def _write(path: Path, title: str, found: Labelled, sheet: list[Row]) -> None:
    count = max(len(rows) for _, rows, _ in sheet)
    figure = Figure(figsize=(1.35 * count + 0.7, 1.5 * 2 * len(sheet) + 0.8), layout="constrained")
    figure.suptitle(title, fontsize=11)
    grid = np.asarray(figure.subplots(2 * len(sheet), count, squeeze=False))
    for block, (name, rows, scores) in enumerate(sheet):
        pixels = np.asarray(found.pixels[np.sort(rows)])[np.argsort(np.argsort(rows))].astype(np.float32)
        rests = residual(pixels) if len(rows) else pixels
        for column in range(count):
            above, below = grid[2 * block, column], grid[2 * block + 1, column]
            for ax in (above, below):
                _frame(ax)
            if column >= len(rows):
                continue
            above.imshow(colour_picture(pixels[column]), origin="lower", interpolation="nearest")
            below.imshow(residual_picture(rests[column]), origin="lower", interpolation="nearest")
            above.set_title(
                _caption(found, int(rows[column]), None if scores is None else scores[column]), fontsize=7
            )
        grid[2 * block, 0].set_ylabel(name, fontsize=9)
        grid[2 * block + 1, 0].set_ylabel("residual", fontsize=8, color="0.35")
    write_figure(path, figure)


def _caption(found: Labelled, row: int, score: Any) -> str:
    parts = [f"θ {found.theta_E[row]:.2f}″"] if found.positive[row] else []
    if score is not None:
        parts.append(f"logit {score:+.1f}")
    return "  ".join(parts)


def _frame(ax: Axes) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
