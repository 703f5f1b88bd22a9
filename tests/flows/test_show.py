import json
import subprocess
import sys
from pathlib import Path

import pytest

from flows import show
from flows.published import terminal
from tasks.report.view import short, view_of
from tests.decisions import decision_of
from tests.imports import ROOT

HEADER = (
    "option,label,threshold,threshold_low,threshold_high,status,recall,recall_low,recall_high,"
    "fpr,fpr_low,fpr_high,target,verdict,n"
)
ROW = "A_as_is,scam,0.8512345,0.7,0.9,feasible,0.257,0.18,0.35,0.00042,0,0.04,0.01,cannot tell,261"


def write_results(root: Path, experiment: str, *lines: str) -> None:
    folder = root / "results" / experiment
    folder.mkdir(parents=True)
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    decision = decision_of("C [relaxed]", "A_as_is", ["why"])
    (folder / "decision.json").write_text(json.dumps(decision))


def shown(root: Path, experiment: str, *options: str) -> str:
    command = [sys.executable, "-m", "flows.show", experiment, *options]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "COLUMNS": "110" if options else "80"}
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_what_to_do_comes_first_then_why_and_no_row_is_over_80_columns(tmp_path: Path) -> None:
    write_results(tmp_path, "fpr_thresholds", HEADER, ROW)
    text = shown(tmp_path, "fpr_thresholds")
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    first, grade, reason, _, header, row, legend = text.splitlines()
    assert first.strip() == "Keep A_as_is."
    assert grade.startswith("Graded: ")
    assert reason.strip() == "- Why."
    assert header.split() == ["option", "label", "threshold", "recall", "FPR", "verdict"]
    assert (row[0], legend.strip()) == ("=", terminal.LEGEND)
    for cell in ("A_as_is", "0.8512345  ", "0.257  ", "0.000 [0.00, 0.04]", "cannot tell"):
        assert cell in row


def test_what_was_chosen_and_its_control_are_marked_label_by_label(tmp_path: Path) -> None:
    other = ROW.replace("A_as_is", "B")
    write_results(tmp_path, "fpr_thresholds", HEADER, ROW, ROW.replace("scam", "promo"), other)
    decision = decision_of({"scam": "B", "promo": "A_as_is"}, "A_as_is", ["why"])
    (tmp_path / "results" / "fpr_thresholds" / "decision.json").write_text(json.dumps(decision))
    table = shown(tmp_path, "fpr_thresholds").splitlines()[-4:-1]
    assert [line.split()[0] for line in table] == ["=", ">", ">"]


def test_in_full_a_piped_table_is_plain_text_within_110_columns(tmp_path: Path) -> None:
    write_results(tmp_path, "fpr_thresholds", HEADER, ROW)
    text = shown(tmp_path, "fpr_thresholds", "--full")
    assert max(map(len, text.splitlines())) <= 110
    assert "chosen  C [relaxed]" in text
    header, row, _ = text.splitlines()[-3:]
    assert header.split() == ["option", "label", "threshold", "recall", "FPR", "target", "verdict"]
    for cell in ("0.8512345 [0.700, 0.900]", "0.257 [0.180, 0.350]", "0.000 [0.000, 0.040]"):
        assert cell in row


@pytest.mark.parametrize("experiment", [path.name for path in (ROOT / "results").glob("*/")])
def test_no_row_of_a_committed_table_wraps_at_80_columns(experiment: str) -> None:
    text = shown(ROOT, experiment)
    rows = len((ROOT / "results" / experiment / "table.csv").read_text().splitlines())
    table = (
        text.split("\n\n", 1)[1].splitlines()
        if "\n\n" in text
        else text.split("\n" + " " * 80 + "\n", 1)[1].splitlines()
    )
    assert max(map(len, table)) <= 80
    assert len(table) <= rows + 1  # what the marks say


def test_an_experiment_with_no_choice_of_columns_shows_the_first_that_fit(tmp_path: Path) -> None:
    names = [f"column{i}" for i in range(30)]
    write_results(tmp_path, "other", ",".join(names), ",".join(["1"] * 30))
    assert shown(tmp_path, "other").splitlines()[-2].split() == names[:8]
    assert shown(tmp_path, "other", "--full").splitlines()[-2].split() == names[:11]


def test_a_missing_column_or_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(
        terminal.NoResults, match=r"results/x/table.csv is missing: `python -m flows.reproduce x`"
    ):
        terminal.results(tmp_path, "x")
    write_results(tmp_path, "fpr_thresholds", "option,label", "A,scam")
    with pytest.raises(
        terminal.NoResults, match="has no column threshold, threshold_low, threshold_high, status"
    ):
        terminal.results(tmp_path, "fpr_thresholds")


def test_an_option_is_named_once_an_infinite_threshold_by_its_status_and_macro_rows_stay_in_the_file(
    tmp_path: Path,
) -> None:
    rows = [ROW, ROW.replace("scam", "promo").replace("0.8512345,0.7,0.9", "inf,,").replace("feasible", "infeasible"),
            ROW.replace("scam", "macro")]  # fmt: skip
    write_results(tmp_path, "fpr_thresholds", HEADER, *rows)
    lines = shown(tmp_path, "fpr_thresholds").splitlines()
    assert lines[-2].split()[:3] == ["=", "promo", "infeasible"]
    assert "macro" not in "".join(lines)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.123456", "0.123"),
        ("0.00012345", "0.000123"),
        ("17", "17"),
        ("inf", "inf"),
        ("", ""),
        ("0.0", "0.000"),
    ],
)
def test_numbers_are_short_but_never_rounded_to_nothing(text: str, expected: str) -> None:
    assert short(text) == expected


RUNS_HEADER = "id,dataset,profile,macro_f1_fg\n"
OLD = RUNS_HEADER + "a,made,base,0.5\nb,made,base,0.6\nc,made,full,0.7\nd,made,full,\n"
NEW = RUNS_HEADER + "a,made,base,0.55\nb,made,base,0.7\ne,made,full,0.8\n"


def test_runs_are_matched_by_id_and_the_rest_is_counted(tmp_path: Path) -> None:
    view = view_of(tmp_path, Path("tasks/head_sweep/comparison/view.json"))
    assert view is not None
    runs = view.runs
    assert runs is not None
    base, full = terminal.movements(OLD, NEW, runs, floor=0.08)
    assert [base.runs, base.before, base.now] == pytest.approx([2, 0.55, 0.625])
    assert (base.beyond, base.new, base.gone) == (1, 0, 0)
    assert (full.runs, full.new, full.gone) == (0, 1, 1)


def test_the_command_reads_the_earlier_commit_from_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "results" / "head_sweep"
    folder.mkdir(parents=True)
    (folder / "runs.csv").write_text(OLD)
    (folder / "decision.json").write_text(
        json.dumps({"evidence": {"noise": {"floor_of_two_single_runs": 0.08}}})
    )
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run(["git", *identity, *command], cwd=tmp_path, check=True)
    (folder / "runs.csv").write_text(NEW)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    assert show.main(["head_sweep", "--since", "HEAD"]) == 0
    shown = capsys.readouterr().out
    assert "+7.50" in shown
    assert "beyond 8.0 points" in shown
    assert show.main(["head_sweep", "--since", "nowhere"]) == 1
    assert "nowhere has no results/head_sweep/runs.csv" in capsys.readouterr().err
