"""What to collect, as a terminal shows it: what each claim needs, and its chance with half, with that, and with twice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tasks.planning.claims import PlannedClaim
from tasks.report.decision import POWER
from tasks.report.figures import printable
from tasks.report.templates import Reason, sentences

WORDS = "flows/published/words.j2"
AT = (0.5, 1.0, 2.0)  # of what is needed


@dataclass(frozen=True)
class PlanRow:
    """needed: None where no number is enough; around: what the curve is drawn about. chances: at AT of it."""

    number: int
    claim: str
    unit: str
    present: int
    needed: int | None
    around: int
    chances: Sequence[float]


def plan_rows(claims: Sequence[PlannedClaim]) -> list[PlanRow]:
    return [_row(number, claim) for number, claim in enumerate(claims, 1)]


def _row(number: int, claim: PlannedClaim) -> PlanRow:
    needed = claim.needed()
    around = needed or claim.present or 100
    chances = [claim.chance(max(round(part * around), 1)) for part in AT]
    return PlanRow(number, claim.claim, claim.unit, claim.present, needed, around, chances)


def shown(claims: Sequence[PlannedClaim]) -> Iterator[RenderableType]:
    rows = plan_rows(claims)
    yield Text(printable(headline(rows)), style="bold")
    if lost := [{"number": each.number, "unit": each.unit} for each in rows if each.needed is None]:
        yield Text(_said("plan_unreachable", claims=lost))
    yield Text()
    yield _needs(rows)
    yield Text()
    yield _curves(rows)
    yield Text()
    for row, claim in zip(rows, claims, strict=True):
        yield Text(_said("plan_assumed", number=row.number, figures=claim.rests_on), style="dim")


def headline(rows: Sequence[PlanRow]) -> str:
    """By unit, what the claim that needs most of it lacks."""
    more: dict[str, int] = {}
    for row in rows:
        if row.needed is not None and row.needed > row.present:
            more[row.unit] = max(more.get(row.unit, 0), row.needed - row.present)
    lost = any(row.needed is None for row in rows)
    return _said(
        "plan_headline", more=more, anew=not any(row.present for row in rows), unreachable=lost, power=POWER
    )


def _needs(rows: Sequence[PlanRow]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("", justify="right")
    table.add_column("claim", ratio=1)
    table.add_column("counted", no_wrap=True)
    for name in ("needed", "present"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        needed = _said("no_number") if row.needed is None else f"{row.needed:,}"
        table.add_row(str(row.number), escape(printable(row.claim)), row.unit, needed, f"{row.present:,}")
    return table


def _curves(rows: Sequence[PlanRow]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("", justify="right")
    for _ in AT:
        table.add_column("at", justify="right")
        table.add_column("chance", justify="right")
    for row in rows:
        cells = [
            cell
            for part, chance in zip(AT, row.chances, strict=True)
            for cell in (f"{max(round(part * row.around), 1):,}", f"{chance:.2f}")
        ]
        table.add_row(str(row.number), *cells)
    return table


def _said(kind: str, **figures: Any) -> str:
    return sentences(WORDS, [Reason(kind, figures)])[0]
