"""A study's own page: one file that needs nothing else, from the results that stand beside it."""

import base64
import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from PIL import Image

from storage.files.documents import read_json, write_text
from storage.files.inputs import InputError
from tasks.report.interval_chart import drawing
from tasks.report.templates import render_html
from tasks.report.verdict import verdict
from tasks.report.view import Column, Row, View, short, view_of

MOST = 2_000_000  # bytes of a page that opens at once and can be mailed
SCROLL = '<div class="scroll" tabindex="0" role="region" aria-label="table {} of the report"><table>'
READER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


@dataclass(frozen=True)
class Picture:
    name: str
    width: int
    height: int
    uri: str


@dataclass(frozen=True)
class Cell:
    """key: what the column is sorted by."""

    text: str
    key: str


@dataclass(frozen=True)
class TableRow:
    """role: chosen, control, kept (the control, which was chosen), or none of them."""

    role: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class ResultTable:
    """The first columns are those that matter; all of them stand in the page, the others hidden. named: the column beside
    which a row's role stands."""

    titles: Sequence[str]
    first: int
    named: int
    rows: Sequence[TableRow]


def write_page(path: Path, template: str, stated: str, results: Path) -> None:
    """template: the experiment's page; stated: its view.json, relative to the repository."""
    view = view_of(results, Path(stated))
    if view is None:
        raise InputError(Path(stated), "is missing; it says what the page shows first")
    decision, rows = read_json(results / "decision.json"), _rows(results / "table.csv")
    page = render_html(
        template,
        experiment=decision["experiment"],
        decision=decision,
        verdict=verdict(decision),
        chart=drawing(view.shown(rows), view.chart, decision) if view.chart else None,
        table=result_table(view.shown(rows), view, decision),
        pictures=[picture(each) for each in sorted(results.glob("*.png"))],
        report=report(next(iter(sorted(results.glob("*.md"))))),
        files=sorted(each.name for each in results.iterdir()),
        rows=rows,
    )
    if len(page.encode()) > MOST:
        raise InputError(
            path, f"the page has {len(page.encode()):,} bytes; {MOST:,} are the most: smaller plots"
        )
    write_text(path, page)


def result_table(rows: Sequence[Row], view: View, decision: Mapping[str, Any]) -> ResultTable:
    rest = [Column(name, name) for name in (rows[0] if rows else ()) if name not in view.needs]
    columns = [*view.columns, *rest]
    body = [
        TableRow(
            view.role(row, decision),
            [Cell(column.cell(row) if column in view.columns else short(row[column.value]), row[column.value])
             for column in columns],
        )
        for row in rows
    ]  # fmt: skip
    named = [column.value for column in columns].index(view.chart.row) if view.chart else 0
    return ResultTable([column.title for column in columns], len(view.columns), named, body)


def picture(path: Path) -> Picture:
    """Without loss, in the fewest bytes."""
    with Image.open(path) as image:
        packed = io.BytesIO()
        image.convert("RGB").save(packed, "WEBP", lossless=True, quality=50, method=1)
        uri = f"data:image/webp;base64,{base64.b64encode(packed.getvalue()).decode()}"
        return Picture(path.stem, image.width, image.height, uri)


def report(path: Path) -> str:
    """The whole report as HTML; its pictures stand in the page once, so it points to them."""
    tokens = READER.parse(path.read_text(encoding="utf-8"))
    for token in tokens:
        for inner in token.children or ():
            if inner.type == "image":
                name = Path(str(inner.attrs["src"])).stem
                inner.type, inner.tag, inner.children = "html_inline", "", None
                inner.content = f'<a href="#picture-{escapeHtml(name)}">{escapeHtml(name)}</a>'
    made: str = READER.renderer.render(tokens, READER.options, {})
    numbers = count(1)
    opened = re.sub("<table>", lambda _: SCROLL.format(next(numbers)), made)
    return opened.replace("</table>", "</table></div>")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
