"""What the pictures of all experiments share: how they begin, their legend beside the panels, how they are written."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.figure import Figure

from storage.files.images import write_figure


def blank(width: float, height: float, title: str = "", size: float = 11) -> Figure:
    """Inches; the title and its font size."""
    figure = Figure(figsize=(width, height), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=size)
    return figure


def legend(figure: Figure, note: str | None = None, handles: Sequence[Artist] | None = None) -> None:
    """Beside the panels: of `handles` by their labels, else of what the first panel shows."""
    shown = figure.axes[0].get_legend_handles_labels()[0] if handles is None else handles
    figure.legend(
        handles=shown, loc="outside right upper", fontsize=8, frameon=False, title=note, title_fontsize=8
    )


def write(path: Path, figure: Figure) -> None:
    """Without the frame's upper and right sides."""
    for ax in figure.axes:
        ax.spines[["top", "right"]].set_visible(False)
    write_figure(path, figure)
