import io
import json
import os
import pty
import re
import sys
from pathlib import Path
from typing import Literal

import pytest
from rich.console import Console

from flows.walk.order import StageOutcome
from flows.walk.progress import Board, Lines, clock
from tasks.report.verdict import verdict
from tests.flows.conftest import DIAMOND, Toy
from tests.imports import ROOT

State = Literal["ran", "restored", "skipped", "failed"]


def rendered(board: Board) -> str:
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as captured:
        console.print(board)
    return captured.get()


def test_the_board_says_what_runs_for_how_long_and_what_waits_for_what(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    file = io.StringIO()
    board = Board(Console(file=file, width=100), Path("nowhere"), [f"s{i}" for i in range(14)])
    board.moved(["a", "b"], {f"s{i}": "a and b" for i in range(11)})
    now += 75
    board.moved(["b", "c"], {f"s{i}": "c" for i in range(10)})
    board.settled(StageOutcome("a", "ran", "parameter [x] changed", 75.0))
    board.settled(StageOutcome("z", "skipped", "up to date"))
    assert file.getvalue() == "ran a 75.0 s (parameter [x] changed)\n"
    text = rendered(board)
    assert re.search(r"b +1:15", text)
    assert re.search(r"c +0:00", text)
    assert re.search(r"s7 +waits for c", text)
    assert "s8" not in text
    assert "and 2 more" in text
    assert re.search(r"2 of 14 stages done 1:15", text)


def test_lines_say_nothing_of_what_passed_by() -> None:
    file = io.StringIO()
    lines = Lines(Console(file=file, width=30), Path("nowhere"))
    lines.moved(["a"], {})
    lines.settled(StageOutcome("a", "skipped", "up to date"))
    lines.settled(StageOutcome("b", "failed", "a reason that is longer than the console is wide"))
    assert file.getvalue() == "failed b 0.0 s (a reason that is longer than the console is wide)\n"


@pytest.mark.parametrize(
    ("state", "says"), [("ran", True), ("restored", True), ("skipped", False), ("failed", False)]
)
def test_a_decision_is_said_as_soon_as_its_experiment_has_ended(state: State, says: bool) -> None:
    file = io.StringIO()
    lines = Lines(Console(file=file, width=30), ROOT)
    lines.settled(StageOutcome("fpr_thresholds_tune", state, "first run"))
    assert "fpr_thresholds: " not in file.getvalue()
    lines.settled(StageOutcome("fpr_thresholds_compare", state, "first run"))
    decision = json.loads((ROOT / "results/fpr_thresholds/decision.json").read_text())
    assert (f"fpr_thresholds: {verdict(decision).headline}" in file.getvalue()) == says


@pytest.mark.parametrize("decision", ["{", "{}", '{"action": "ship", "grade": "holds"}', "[]"])
def test_a_decision_that_cannot_be_read_costs_its_line_and_nothing_else(
    tmp_path: Path, decision: str
) -> None:
    folder = tmp_path / "results/toy"
    folder.mkdir(parents=True)
    (folder / "table.csv").write_text("a\n1\n")
    (folder / "decision.json").write_text(decision)
    file = io.StringIO()
    Lines(Console(file=file, width=30), tmp_path).settled(StageOutcome("toy_compare", "ran", "first run"))
    assert file.getvalue() == "ran toy_compare 0.0 s (first run)\n"


@pytest.mark.parametrize(("seconds", "text"), [(0.9, "0:00"), (75, "1:15"), (3675, "1:01:15")])
def test_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_in_a_terminal_the_board_is_live_and_leaves_the_plain_lines(toy: Toy) -> None:
    root = toy(DIAMOND.replace("cat a.txt > b.txt", "sleep 1; cat a.txt > b.txt"))
    shown = in_a_terminal(root)
    assert "\x1b[" in shown
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert "waits for b" in plain
    assert "of 4 stages done" in plain
    assert "ran b " in plain


def in_a_terminal(root: Path) -> str:
    child, terminal = pty.fork()
    if child == 0:
        os.environ |= {"TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
        os.execv(sys.executable, [sys.executable, "-m", "flows.reproduce", "--no-prefect", "--jobs", "2"])
    shown = b""
    try:
        while chunk := os.read(terminal, 4096):
            shown += chunk
    except OSError:  # its last writer has gone
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, shown.decode()
    return shown.decode()
