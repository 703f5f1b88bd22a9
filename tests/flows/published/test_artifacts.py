import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.published import artifacts, cells
from flows.published.provenance import Provenance, provenance
from flows.published.report_names import report_name
from tests.decisions import decision_of
from tests.imports import ROOT

Rows = list[dict[str, cells.Cell]]
ROWS: Rows = [
    {"option": "A", "label": "scam", "recall": 0.25, "n": 12, "status": "ok"},
    {"option": "B", "label": "scam", "recall": 0.5, "n": 13, "status": "infeasible"},
]


def test_cells_that_differ_only_by_rounding_have_not_changed() -> None:
    rounded: Rows = [{**ROWS[0], "recall": 0.25 * (1 + 1e-12)}, dict(ROWS[1])]
    assert cells.changed_cells(ROWS, rounded, 1e-9) == []
    assert [each.column for each in cells.changed_cells(ROWS, rounded, 0.0)] == ["recall"]


def test_each_changed_cell_is_named_by_row_and_column() -> None:
    new: Rows = [
        dict(ROWS[1]),
        {**ROWS[0], "recall": 0.26, "status": "infeasible"},
    ]  # row order does not matter
    assert cells.changed_cells(ROWS, new, 1e-9) == [
        cells.CellChange("A", "recall", 0.25, 0.26),
        cells.CellChange("A", "status", "ok", "infeasible"),
    ]


def test_rows_are_named_by_the_first_columns_that_tell_them_apart() -> None:
    named: Rows = [{"option": option, "label": label, "n": 1} for option in "AB" for label in "xy"]
    more: Rows = [{**row, "n": 2} if row["option"] == "B" else row for row in named]
    assert [each.row for each in cells.changed_cells(named, more, 0.0)] == ["B x", "B y"]
    alike: Rows = [{"option": "A", "n": 1}, {"option": "A", "n": 1}]
    assert [each.row for each in cells.changed_cells(alike, [alike[0], {"option": "A", "n": 2}], 0.0)] == [
        "row 2"
    ]


def test_how_far_two_cells_are_apart_is_said_of_numbers_alone() -> None:
    assert cells.CellChange("A", "recall", 0.5, 0.25).by == "5.0e-01"
    assert cells.CellChange("A", "recall", 0, 0.25).by == "1.0e+00"
    assert cells.CellChange("A", "recall", None, 0.25).by == ""
    assert cells.CellChange("A", "status", "ok", "infeasible").by == ""


def test_a_new_or_lost_row_differs_in_all_its_cells() -> None:
    lost = cells.changed_cells(ROWS, ROWS[:1], 1e-9)
    assert [(each.row, each.column, each.new) for each in lost] == [("B", name, None) for name in ROWS[1]]
    assert len(cells.changed_cells(ROWS[:1], ROWS, 1e-9)) == len(ROWS[1])


values = st.one_of(st.text(max_size=3), st.integers(), st.floats(allow_nan=False), st.none())


@given(st.lists(st.dictionaries(st.sampled_from("abc"), values), max_size=4))
def test_no_table_differs_from_itself(rows: Rows) -> None:
    assert cells.changed_cells(rows, rows, 0.0) == []


def test_the_text_names_ten_changes_and_counts_the_rest() -> None:
    changes = [cells.CellChange(f"r{i}", "c", i, i + 1) for i in range(13)]
    text = artifacts.change_text(changes, {"commit": "0123", "dirty": False})
    assert text.startswith("13 cells changed since the table published before, of commit `0123`:")
    assert text.count("\n- r") == 10
    assert text.endswith("- and 3 more")


def test_the_table_compared_with_is_named_by_its_commit() -> None:
    clean, dirty = (Provenance("0123456789abcdef", state, "f" * 64) for state in (False, True))
    assert artifacts.earlier_table(f"{clean}\n\nnews") == {"commit": "0123456789ab", "dirty": False}
    assert artifacts.earlier_table(str(dirty)) == {"commit": "0123456789ab", "dirty": True}
    assert artifacts.earlier_table("of another program") == {"commit": "", "dirty": False}
    text = artifacts.change_text([], artifacts.earlier_table(str(dirty)))
    assert "the table published before, of commit `0123456789ab` with uncommitted changes" in text


def test_results_are_named_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1")
    name = artifacts.results_name(tmp_path)
    assert name == artifacts.results_name(tmp_path)
    (tmp_path / "a.csv").write_text("2")
    assert artifacts.results_name(tmp_path) != name
    (tmp_path / "a.csv").write_text("1")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "b.png").write_bytes(b"")
    assert artifacts.results_name(tmp_path) != name


def test_the_report_is_the_one_that_the_page_over_all_experiments_names(tmp_path: Path) -> None:
    assert report_name(ROOT, "lens_shortcuts") == "EXPERIMENT_RESULTS.md"
    assert report_name(ROOT, "head_sweep") == "report.md"
    assert report_name(tmp_path, "toy") == "report.md"
    (tmp_path / "params.yaml").write_text("toy: {k: 1}\n")
    assert report_name(tmp_path, "toy") == "report.md"


@pytest.mark.parametrize("experiment", [path.name for path in (ROOT / "results").glob("*/")])
def test_a_published_report_needs_no_file_beside_it(experiment: str) -> None:
    report = ROOT / "results" / experiment / report_name(ROOT, experiment)
    text = artifacts.report_page(report, lambda stem: f"key-{artifacts.key_of(stem)}")
    assert "![" not in text
    plots = {f"../key/key-{artifacts.key_of(plot.stem)}" for plot in report.parent.glob("*.png")}
    links = re.findall(r"\]\(([^)]*)\)", text)
    assert len(links) == report.read_text().count("](")
    assert set(links) <= plots
    assert "(missing)" not in text


def test_a_missing_image_is_said_to_be_missing(tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    report.write_text("![forest](forest.png) ![far](https://localhost/a.png)\n")
    assert artifacts.report_page(report, str) == "*forest* (missing) ![far](https://localhost/a.png)\n"


def test_cells_are_numbers_where_json_has_one(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b,c,d,e\n1,.5,inf,,-3\n")
    assert cells.read_rows(path) == [{"a": 1, "b": 0.5, "c": "inf", "d": "", "e": -3}]


@pytest.mark.parametrize(
    ("name", "key"),
    [("fpr_thresholds", "fpr-thresholds"), ("Recall (FPR).v2", "recall-fpr-v2"), ("a__b", "a-b")],
)
def test_keys_hold_what_prefect_allows(name: str, key: str) -> None:
    assert artifacts.key_of(name) == key


def test_a_dirty_working_copy_is_said_plainly(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=t", "-c", "user.email=t@t")
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    (tmp_path / "f").write_text("1")
    git("add", "f")
    git("commit", "-m", "c")
    clean = provenance(tmp_path)
    assert len(clean.commit) == 40
    assert "dirty" not in str(clean)
    (tmp_path / "f").write_text("2")
    assert "dirty" in str(provenance(tmp_path))
    (tmp_path / "dvc.lock").write_text("x")
    assert provenance(tmp_path).lock != clean.lock


def test_a_decision_reads_as_text_with_its_evidence_in_a_table() -> None:
    evidence = {"recall": {"A": 0.25, "C": 0.3}, "folds": [1, 2], "pairs": [{"p": "a|b"}]}
    decision = decision_of("A as_is", "A as_is", ["the interval holds 0"], evidence=evidence)
    text = artifacts.decision_markdown("fpr_thresholds", decision)
    assert "# fpr_thresholds: Keep A as_is." in text.replace("\\", "")
    assert "- the interval holds 0" in text
    assert "| recall.A | 0.25 |" in text
    assert "| folds | 1, 2 |" in text
    assert "| pairs[0].p | a\\|b |" in text
