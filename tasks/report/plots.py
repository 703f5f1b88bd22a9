"""What the pictures of all experiments share: their width, what marks the choice, labels beside what they name.

Two colours that no kind of colour blindness takes for one another mark the chosen option and the control; a picture
says the others in grey. A line that something has to keep is dashed and named with its number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from storage.files.images import write_figure

WIDTH = 7.6  # inches: what a page shows whole, and a telephone still legibly
CHOSEN, CONTROL, OTHER, INK, SOFT = "#b34700", "#35508c", "#8b949e", "#1b1f24", "#57606a"
BAND, RULE = "#f4f1ec", "#d0d7de"
KEY = "Orange: chosen. Blue: the control. Grey: the others."
ROOM = 116  # characters of a line below a picture
AWAY = (7, 15, 26, 40, 58)  # points between a mark and its label
SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))


ENDS = ((1, 0), (1, 1), (1, -1))  # where a line ends


@dataclass(frozen=True)
class Style:
    """How an option is drawn."""

    colour: str = OTHER
    marker: str = "o"
    size: float = 4.5
    width: float = 1.0
    order: float = 3
    said: str = ""

    @property
    def weight(self) -> str:
        return "bold" if self.said else "normal"


PLAIN = Style()


@dataclass(frozen=True)
class Roles:
    """Names of options; one that is both stays."""

    chosen: str | None
    control: str | None

    def style(self, name: str) -> Style:
        if name == self.chosen:
            said = "kept" if name == self.control else "chosen"
            return Style(CHOSEN, "o", 7, 1.8, 5, said)
        return Style(CONTROL, "s", 6, 1.8, 4, "control") if name == self.control else PLAIN

    def label(self, name: str) -> str:
        said = self.style(name).said
        return f"{name} ({said})" if said and said != name else name


@dataclass(frozen=True)
class PointLabel:
    """What stands beside a point, in data units; without a text, what labels leave free."""

    x: float
    y: float
    text: str
    style: Style = PLAIN


def blank(height: float, title: str, note: str = "", width: float = WIDTH) -> Figure:
    """Inches; what the picture shows above it, how it is read below."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK)
    if note:
        lines = "\n".join(fill(each, ROOM) for each in note.splitlines())
        figure.supxlabel(lines, x=0.01, ha="left", fontsize=8.5, color=SOFT)
    return figure


def panel(ax: Axes, title: str = "", across: str = "", along: str = "", edged: bool = False) -> None:
    """The title of a panel and what its axes measure. edged: an upright edge is named between title and panel."""
    ax.set_title(title, loc="left", fontsize=9.5, color=INK, pad=16 if edged else 6)
    ax.set_xlabel(across, fontsize=8.5, color=SOFT)
    ax.set_ylabel(along, fontsize=8.5, color=SOFT)
    ax.tick_params(labelsize=8.5)


def edge(ax: Axes, at: float, text: str, level: bool = False) -> None:
    """A line that something has to keep, named: upright, or level."""
    draw, place, offset, units, side = (
        (ax.axhline, (1.0, at), (-2, 3), ("axes fraction", "data"), "right")
        if level
        else (ax.axvline, (at, 1.0), (0, 2), ("data", "axes fraction"), "center")
    )
    draw(at, color=INK, linestyle=(0, (4, 3)), linewidth=1.1, zorder=1)
    ax.annotate(text, place, offset, units, "offset points", ha=side, va="bottom", fontsize=8, color=INK)


def rows(ax: Axes, names: Sequence[str], styles: Sequence[Style] = ()) -> None:
    """Names from above downwards, one a unit; what is marked has a band behind it."""
    ax.set_yticks(range(len(names)), list(names), fontsize=8.5)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color=RULE, linewidth=0.6, zorder=0)
    ax.set_axisbelow(True)
    for place, style in enumerate(styles):
        if style.said:
            ax.axhspan(place - 0.5, place + 0.5, color=BAND, zorder=0)
    for name, style in zip(ax.get_yticklabels(), styles, strict=False):  # panels that share them have none
        if style.said:
            name.set(color=style.colour, fontweight="bold")


def reach(ax: Axes, at: float, value: float, ends: tuple[float, float] | None, style: Style) -> None:
    """A dot on a row, and its interval."""
    if ends is not None:
        ax.plot(ends, [at, at], color=style.colour, linewidth=style.width, zorder=style.order)
    ax.plot(value, at, style.marker, color=style.colour, markersize=style.size, zorder=style.order)


def labelled(ax: Axes, labels: Sequence[PointLabel], sides: Sequence[tuple[int, int]] = SIDES) -> None:
    """Each label as near to its point as others leave room for; call it when nothing else moves. Points at one place
    share a label, the marked ones first."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # limits and places of the axes are known from here on
    inside, shared = ax.get_window_extent(), list(_shared(labels))
    points = ax.transData.transform([(each.x, each.y) for each in labels]) if labels else ()
    taken = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in points]

    def cost(box: Bbox) -> float:
        outside = box.width * box.height - _common(box, inside)
        return float(outside + sum(_common(box, other) for other in taken))

    for each in shared:
        found: list[tuple[float, int, tuple[int, int]]] = []
        around = [*sides[4:], *sides[:4]] if each.style.said else sides  # what is marked may have bars
        for away, side in product(AWAY, around):
            text = _beside(ax, each, away, side)
            found.append((cost(text.get_window_extent()), away, side))
            text.remove()
            if found[-1][0] == 0:
                break
        _, away, side = min(found)
        taken.append(_beside(ax, each, away, side).get_window_extent())
        if away > AWAY[1]:
            ax.annotate("", (each.x, each.y), (away * side[0], away * side[1]), textcoords="offset points",
                        arrowprops={"arrowstyle": "-", "color": OTHER, "linewidth": 0.7}, zorder=2)  # fmt: skip


def _beside(ax: Axes, label: PointLabel, away: int, side: tuple[int, int]) -> Annotation:
    (dx, dy), style = side, label.style
    return ax.annotate(
        label.text, (label.x, label.y), (dx * away, dy * away), textcoords="offset points",
        ha=("center", "left", "right")[dx], va=("center", "bottom", "top")[dy],
        fontsize=8, color=style.colour if style.said else INK, fontweight=style.weight,
        path_effects=[withStroke(linewidth=2.5, foreground="white")], zorder=9, in_layout=False,
    )  # fmt: skip


def write(path: Path, figure: Figure) -> None:
    """Without the frame's upper and right sides."""
    for ax in figure.axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines[["left", "bottom"]].set_color(OTHER)
    write_figure(path, figure)


def _shared(labels: Sequence[PointLabel]) -> Iterator[PointLabel]:
    places: dict[tuple[float, float], list[PointLabel]] = {}
    for each in sorted((each for each in labels if each.text), key=lambda label: -label.style.order):
        places.setdefault((each.x, each.y), []).append(each)
    for first, *others in places.values():
        more = f" and {len(others)} alike" if len(others) > 1 else f", {others[0].text}" if others else ""
        yield PointLabel(first.x, first.y, first.text + more, first.style)


def _common(one: Bbox, other: Bbox) -> float:
    """Pixels that two boxes share."""
    both = Bbox.intersection(one, other)
    return 0.0 if both is None else float(both.width * both.height)
