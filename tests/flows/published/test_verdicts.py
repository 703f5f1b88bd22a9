"""Committed against made again: identical, within a tolerance or different, and each difference by name and size."""

from pathlib import Path

import pytest

from flows.published.artifacts import verification_markdown
from flows.published.verdicts import TOLERANCE, FileVerdict, compare_digests, compare_file, verdict_of

TABLE = b"option,label,recall,status\nA,scam,0.25,ok\nA,promo,0.5,ok\nB,scam,0.75,ok\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def compared(path: Path, after: bytes, before: bytes = TABLE) -> FileVerdict:
    path.write_bytes(after)
    return compare_file("t", before, path)


def test_the_same_bytes_are_identical_and_a_missing_file_is_said_so(path: Path) -> None:
    assert compared(path, TABLE) == FileVerdict("t", "identical")
    path.unlink()
    assert compare_file("t", TABLE, path) == FileVerdict("t", "missing", "no stage makes it")


def test_a_cell_within_the_tolerance_holds_and_is_named_with_its_size(path: Path) -> None:
    near = 0.25 * (1 + TOLERANCE / 2)
    checked = compared(path, TABLE.replace(b"0.25", repr(near).encode()))
    assert checked.verdict == "equal within tolerance"
    assert checked.holds
    assert checked.detail == f"1 cell: A scam recall: 0.25 -> {near} (by 5.0e-07)"


def test_cells_beyond_it_are_different_and_only_these_are_named(path: Path) -> None:
    edited = TABLE.replace(b"0.25", b"0.2500001").replace(b"B,scam,0.75,ok", b"B,scam,0.9,infeasible")
    checked = compared(path, edited)
    assert (checked.verdict, checked.holds) == ("different", False)
    assert checked.detail == (
        "2 cells: B scam recall: 0.75 -> 0.9 (by 1.7e-01); B scam status: ok -> infeasible"
    )


def test_other_line_ends_are_the_same_values(path: Path) -> None:
    checked = compared(path, TABLE.replace(b"\n", b"\r\n"))
    assert (checked.verdict, checked.detail) == (
        "equal within tolerance",
        "the same values, written otherwise",
    )


def test_json_is_compared_by_value_and_its_leaves_are_named(tmp_path: Path) -> None:
    path = tmp_path / "decision.json"
    before = b'{"chosen": "A", "evidence": {"recall": [0.25, 0.5]}}'
    checked = compared(path, b'{"chosen": "B", "evidence": {"recall": [0.25, 0.6]}}', before)
    assert checked.detail == "2 cells: chosen is: A -> B; evidence.recall.1 is: 0.5 -> 0.6 (by 1.7e-01)"
    assert compared(path, b'{"evidence": {"recall": [0.25, 0.5]}, "chosen": "A"}', before).holds
    broken = compared(path, b"{", before)
    assert (broken.verdict, "cannot be read" in broken.detail) == ("different", True)


def test_an_image_with_other_bytes_is_different(tmp_path: Path) -> None:
    assert compared(tmp_path / "plot.png", b"1", b"2") == FileVerdict("t", "different", "other bytes")


def test_pinned_outputs_are_compared_by_digest() -> None:
    checked = compare_digests({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "9"})
    assert [each.verdict for each in checked] == ["identical", "different", "different"]
    assert checked[1].detail == "dvc.lock has 2, this run made 9"


def test_the_verdict_counts_what_holds_and_the_page_lists_what_does_not_first(path: Path) -> None:
    within = compared(path, TABLE.replace(b"0.25", b"0.2500001"))
    beyond = compared(path, TABLE.replace(b"0.5", b"0.6"))
    checked = [FileVerdict("same", "identical"), within, beyond]
    verdict = verdict_of(checked, "0123456789abcdef", quick=False)
    assert verdict == (
        "2 of 3 files were made again from 0123456789ab (1 of them within a tolerance of 1e-06)"
    )
    page = verification_markdown(checked, verdict)
    assert page.startswith("# The commit does not hold\n\n2 of 3 files")
    assert page.index("## t: different") < page.index("## t: equal within tolerance") < page.index("- same")
    assert "| A promo | recall | 0.5 | 0.6 | 1.7e-01 |" in page
