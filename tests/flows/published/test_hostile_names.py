"""Names from people's files are words on Prefect's pages, on the page over all experiments and in a terminal."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from flows.published import artifacts, terminal
from flows.published.cells import CellChange
from flows.published.verdicts import FileVerdict
from tasks.report.templates import render
from tests.decisions import decision_of
from tests.markdown import HOSTILE, shape


def decision(name: str) -> dict[str, Any]:
    evidence = {name: {"f1": 0.5, "names": [name, "b"], "rows": [{"label": name}]}}
    better = {"name": name, "figure": name, "gain": 0.02, "low": 0.01, "high": 0.03}
    need = {"claim": name, "unit": "rows", "present": 9, "needed": 90, "power": 0.8}
    return decision_of(
        name, f"the {name}", [f"{name}: 3 of 4", f"for {name}"], evidence=evidence, action="ship",
        better_than_chosen=[better], would_change=[need],
    )  # fmt: skip


def pages(name: str) -> list[str]:
    change = CellChange(f"A {name}", name, name, None)
    files = [
        FileVerdict("results/x/table.csv", "different", f"1 cell: {name}", (change,)),
        FileVerdict("results/x/other.json", "different", name),
        FileVerdict(f"artifacts/x/{name}", "identical"),
    ]
    shown = {"x": {"question": "Which?", "picture": "x.png", "report": "report.md"}}
    return [
        artifacts.decision_markdown("x", decision(name)),
        artifacts.change_text([change, change], {"commit": "0123", "dirty": True}),
        artifacts.verification_markdown(files, f"1 of 3 agrees: {name}"),
        render("tasks/report/report.md.j2", experiments=shown, decisions={"x": decision(name)}),
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_pages_keep_their_shape(name: str) -> None:
    assert [shape(page) for page in pages(name)] == [shape(page) for page in pages("plain")]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_published_report_has_no_picture_that_a_name_makes(name: str, tmp_path: Path) -> None:
    (tmp_path / "y.png").write_bytes(b"")
    (tmp_path / "report.md").write_text(pages(name)[0], encoding="utf-8")
    page = artifacts.report_page(tmp_path / "report.md", lambda stem: f"key-{stem}")
    assert shape(page) == shape(pages("plain")[0])


@pytest.mark.parametrize("name", HOSTILE)
def test_a_terminal_is_sent_nothing_but_letters(name: str, tmp_path: Path) -> None:
    if name == "\udc80":
        pytest.skip("no file can hold it")
    folder = tmp_path / "results" / "x"
    folder.mkdir(parents=True)
    quoted = name.replace('"', '""')
    (folder / "table.csv").write_text(
        f'option,label,f1\n"{quoted}","{quoted}",0.5\n', encoding="utf-8", newline=""
    )
    (folder / "decision.json").write_text(json.dumps(decision(name)))
    stream = io.StringIO()
    Console(file=stream, width=120, highlight=False).print(terminal.results(tmp_path, "x"))
    assert all(char.isprintable() or char == "\n" for char in stream.getvalue())
