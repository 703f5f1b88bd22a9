"""The page over all experiments."""

from pathlib import Path

import pytest

from params.report import Page, Shown
from storage.files.documents import write_json
from storage.files.inputs import InputError
from tasks.report import page
from tests.decisions import decision_of

PAGE = Page(
    experiments={
        "y": Shown(question="Why?", picture="y.png", report="report.md"),
        "x": Shown(question="What?", picture="x.png", report="results.md"),
    }
)


def decisions(folder: Path, *names: str) -> dict[str, Path]:
    for name in names:
        write_json(folder / name / "decision.json", decision_of(f"{name}1", "none", ["few rows"]))
    return {name: folder / name / "decision.json" for name in names}


def test_experiments_stand_in_the_order_of_params_with_verdict_reasons_and_picture(tmp_path: Path) -> None:
    page.main(PAGE, decision=decisions(tmp_path, "x", "y"), report=tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text()
    assert text.index("## y") < text.index("## x")
    assert "| [x](#x) | What? | **keep** | holds | x1 | none |" in text
    assert "- few rows" in text
    assert "[report](x/results.md)" in text
    assert "![y.png](y/y.png)" in text


def test_an_experiment_without_a_decision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="x stands either here or among the deps of report_page"):
        page.main(PAGE, decision=decisions(tmp_path, "y"), report=tmp_path / "report.md")
    assert not (tmp_path / "report.md").exists()
