"""What the pictures of all experiments share: their width, what marks the choice, labels beside what they name.

Two colours that no kind of colour blindness takes for one another mark the chosen option and the control; a picture
says the others in grey. A line that something has to keep is dashed and named with its number.
"""

from collections.abc import Iterable, Iterator, Sequence
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
LINE = 11  # points between the names of two lines


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
    """What stands beside a point, in data units; without a text, what labels leave free. across, along: the ends of its
    intervals, which labels leave free, too."""

    x: float
    y: float
    text: str
    style: Style = PLAIN
    across: tuple[float, float] | None = None
    along: tuple[float, float] | None = None


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


def ends(ax: Axes, labels: Sequence[PointLabel]) -> None:
    """Names of lines to the right of a panel, each as near to where its line ends as the others leave room for; call it
    when nothing else moves."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    shown = sorted(_shared(labels), key=lambda each: (each.y, -each.style.order))
    panel_box = ax.get_window_extent()
    heights = ax.transData.transform([(each.x, each.y) for each in shown])[:, 1] if shown else ()
    apart = LINE * figure.dpi / 72
    for each, height in zip(shown, spread(heights, apart, panel_box.y1), strict=True):
        ax.annotate(
            each.text, (each.x, each.y), (1.03, (height - panel_box.y0) / panel_box.height), textcoords="axes fraction",
            va="center", fontsize=8, color=each.style.colour if each.style.said else INK, fontweight=each.style.weight,
            annotation_clip=False, arrowprops={"arrowstyle": "-", "color": OTHER, "linewidth": 0.7, "shrinkB": 4},
        )  # fmt: skip


def spread(heights: Iterable[float], apart: float, most: float) -> list[float]:
    """Ascending heights, moved as little upwards as leaves them apart, and from the uppermost down where there is no
    room above it."""
    found: list[float] = []
    for each in heights:
        found.append(max(each, found[-1] + apart) if found else each)
    for place in reversed(range(len(found))):
        found[place] = min(found[place], most)
        most = found[place] - apart
    return found


def labelled(ax: Axes, labels: Sequence[PointLabel]) -> None:
    """Each label as near to its point as others leave room for; call it when nothing else moves. Points at one place
    share a label, the marked ones first."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # limits and places of the axes are known from here on
    inside, shared = ax.get_window_extent(), list(_shared(labels))
    points = ax.transData.transform([(each.x, each.y) for each in labels]) if labels else ()
    taken = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in points]
    for each in labels:
        taken += [Bbox(ax.transData.transform(ends_of)).padded(1.5) for ends_of in _intervals(each)]

    def cost(box: Bbox) -> float:
        outside = box.width * box.height - _common(box, inside)
        return float(outside + sum(_common(box, other) for other in taken))

    for each in shared:
        found: list[tuple[float, int, tuple[int, int]]] = []
        around = [*SIDES[4:], *SIDES[:4]] if each.style.said else SIDES  # what is marked may have bars
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


def _intervals(label: PointLabel) -> Iterator[list[tuple[float, float]]]:
    if label.across:
        yield [(end, label.y) for end in label.across]
    if label.along:
        yield [(label.x, end) for end in label.along]


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
