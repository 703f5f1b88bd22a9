"""Options as rows of dots with intervals, the chosen one and the control marked: where each stands on its axis."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from matplotlib.ticker import MaxNLocator

from tasks.report.view import Chart, Figure, Row

WIDTH = 230.0  # of an axis, in units of the drawing
TICKS = 4
EVIDENCE = "evidence."


@dataclass(frozen=True)
class Dot:
    """Places on the axis, None where there is no such figure; text: the figure as it is read."""

    at: float | None
    low: float | None
    high: float | None
    reference: float | None
    text: str


@dataclass(frozen=True)
class OptionRow:
    """role: chosen, control, kept (the control, which was chosen), or none of them."""

    name: str
    role: str
    dots: Sequence[Dot]


@dataclass(frozen=True)
class Panel:
    name: str
    rows: Sequence[OptionRow]


@dataclass(frozen=True)
class Axis:
    """ticks: places and what stands there. reference: the place of a mark that all rows share."""

    title: str
    ticks: Sequence[tuple[float, str]]
    reference: float | None
    named: str


@dataclass(frozen=True)
class Drawing:
    axes: Sequence[Axis]
    panels: Sequence[Panel]
    width: float = WIDTH


def drawing(rows: Sequence[Row], chart: Chart, decision: Mapping[str, Any]) -> Drawing | None:
    """None where no row has a figure to show."""
    without = chart.without or {}
    kept = [row for row in rows if not any(row[name] in values for name, values in without.items())]
    figures = [_resolved(figure, decision) for figure in chart.figures]
    spans = [_span(kept, figure) for figure in figures]
    if any(span is None for span in spans):
        return None
    scales = [_Scale(*span) for span in spans if span is not None]
    panels: dict[str, list[OptionRow]] = {}
    for row in kept:
        dots = [_dot(row, figure, scale) for figure, scale in zip(figures, scales, strict=True)]
        role = chart.role(row, decision)
        if role or any(dot.at is not None for dot in dots):  # else it was not run: the table says why
            panels.setdefault(chart.panel_of(row), []).append(OptionRow(row[chart.row], role, dots))
    return Drawing(
        [_axis(figure, scale) for figure, scale in zip(figures, scales, strict=True)],
        [Panel(name, members) for name, members in panels.items()],
    )


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float

    def __call__(self, value: float | None) -> float | None:
        if value is None or not isfinite(value):
            return None
        return round(WIDTH * (value - self.low) / (self.high - self.low), 1)


def _resolved(figure: Figure, decision: Mapping[str, Any]) -> Figure:
    """With a mark that the decision has; None where it has none, as of a choice that was not judged."""
    if not isinstance(figure.reference, str) or not figure.reference.startswith(EVIDENCE):
        return figure
    found: Any = decision
    for name in figure.reference.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return replace(figure, reference=found, named=figure.named if found is not None else "")


def _number(row: Row, name: str) -> float | None:
    text = row[name]
    return float(text) if text else None


def _reference(row: Row, figure: Figure) -> float | None:
    return _number(row, figure.reference) if isinstance(figure.reference, str) else figure.reference


def _span(rows: Iterable[Row], figure: Figure) -> tuple[float, float] | None:
    """The least and the most that stands on the axis, with some air."""
    names = (figure.value, *figure.interval)
    found = [_number(row, name) for row in rows for name in names] + [_reference(row, figure) for row in rows]
    values = [value for value in found if value is not None and isfinite(value)]
    if not values:
        return None
    low, high = min(values), max(values)
    air = (high - low or abs(high) or 1.0) * 0.04
    return low - air, high + air


def _dot(row: Row, figure: Figure, scale: _Scale) -> Dot:
    value = _number(row, figure.value)
    low, high = (_number(row, name) for name in figure.interval)
    shared = not isinstance(figure.reference, str)
    return Dot(
        scale(value), scale(low), scale(high), None if shared else scale(_reference(row, figure)),
        _text(value, figure),
    )  # fmt: skip


def _text(value: float | None, figure: Figure) -> str:
    if value is None or not isfinite(value):
        return ""
    return f"{value:.1%}" if figure.percent else f"{value:.3f}"


def _axis(figure: Figure, scale: _Scale) -> Axis:
    places = [
        float(tick)
        for tick in MaxNLocator(TICKS).tick_values(scale.low, scale.high)
        if scale.low <= tick <= scale.high
    ]
    shared = None if isinstance(figure.reference, str) else scale(figure.reference)
    ticks = [(scale(place) or 0.0, f"{place:.0%}" if figure.percent else f"{place:g}") for place in places]
    return Axis(figure.title, ticks, shared, figure.named)
