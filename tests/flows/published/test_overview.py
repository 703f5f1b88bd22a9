"""The page over everything: a decision stands under its study's name and data, and none for data it was not made from."""

import json
import re
from pathlib import Path

import pytest

from flows.published.overview import PAGE, entries, write_overview
from tests.decisions import decision_of

PARAMS = "runtime: {}\ntoy:\n  prepare: {kind: a}\n"
LOCK = """schema: '2.0'
stages:
  toy_prepare:
    cmd: python run_stage.py toy.prepare
    deps:
    - path: data/toy
      size: 3
    params:
      params.yaml:
        toy.prepare: {kind: a}
"""


@pytest.fixture
def around(tmp_path: Path) -> Path:
    (tmp_path / "run_stage.py").touch()
    (tmp_path / "tasks" / "toy").mkdir(parents=True)
    for name in ("prepare.py", "__init__.py"):
        (tmp_path / "tasks" / "toy" / name).touch()
    filled(tmp_path, "ours")
    filled(tmp_path / "studies" / "theirs", "Theirs <b>x</b>")
    return tmp_path


def filled(root: Path, chosen: str) -> None:
    results = root / "results" / "toy"
    results.mkdir(parents=True)
    (results / "decision.json").write_text(json.dumps(decision_of(chosen, "A", ["why so"])))
    (root / "data" / "toy").mkdir(parents=True)
    (root / "data" / "toy" / "rows.csv").write_text("abc")
    (root / "params.yaml").write_text(PARAMS)
    (root / "dvc.lock").write_text(LOCK)


def test_each_decision_stands_under_its_name_and_data(around: Path) -> None:
    text = write_overview(around).read_text()
    assert (around / PAGE).read_text() == text
    ours, theirs = text.index('id="toy"'), text.index('id="theirs"')
    assert ours < text.index('href="./toy/report.md"') < theirs
    assert theirs < text.index('href="../studies/theirs/results/toy/report.md"')
    assert "toy on rows.csv" in text
    assert "Theirs &lt;b&gt;x&lt;/b&gt;" in text
    assert "<b>x</b>" not in text


def test_a_study_s_own_page_is_linked_where_it_is_here(around: Path) -> None:
    assert "page.html" not in write_overview(around).read_text()
    page = around / "studies" / "theirs" / "artifacts" / "toy" / "page.html"
    page.parent.mkdir(parents=True)
    page.touch()
    (link,) = re.findall(r'href="([^"]+page\.html)"', write_overview(around).read_text())
    assert ((around / PAGE).parent / link).resolve() == page


@pytest.mark.parametrize("change", ["data", "reading"])
def test_a_decision_is_not_shown_for_data_that_it_was_not_made_from(around: Path, change: str) -> None:
    folder = around / "studies" / "theirs"
    if change == "data":
        (folder / "data" / "toy" / "rows.csv").write_text("other rows")
    else:
        (folder / "params.yaml").write_text(PARAMS.replace("kind: a", "kind: b"))
    shown = {each.name: each for each in entries(around)}
    assert shown["theirs"].decision is None
    assert "run it again" in shown["theirs"].absence
    assert shown["toy"].decision is not None
    assert "Theirs" not in write_overview(around).read_text()


def test_one_that_is_broken_or_was_not_run_is_a_line(around: Path) -> None:
    (around / "studies" / "theirs" / "params.yaml").write_text("runtime: {}\n")
    (around / "studies" / "new").mkdir()
    (around / "studies" / "new" / "params.yaml").write_text(PARAMS)
    shown = {each.name: each.absence for each in entries(around)}
    assert shown["theirs"].startswith("broken: study theirs is broken")
    assert shown["new"] == "not run yet"
    assert shown["toy"] == ""


def test_experiments_that_the_params_leave_out_have_no_place(around: Path) -> None:
    (around / "params.yaml").write_text("runtime: {}\n")
    assert [each.name for each in entries(around)] == ["theirs"]
