from pathlib import Path

import pytest

from flows import reproduce
from flows.walk.durations import TimeEstimate, former, record
from tests.flows.conftest import DIAMOND, Toy

GRAPH = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}


def test_what_is_left_is_the_longest_chain_or_the_work_over_the_stages_at_once() -> None:
    seconds = {"a": 10.0, "b": 100.0, "c": 20.0, "d": 5.0}
    assert TimeEstimate(GRAPH, seconds, 2).left((), {}) == 115
    assert TimeEstimate(GRAPH, seconds, 1).left((), {}) == 135
    assert TimeEstimate(GRAPH, seconds, 2).left(["a"], {"b": 40.0, "c": 25.0}) == 65


def test_what_does_not_run_takes_no_time_and_a_late_stage_none_below_0() -> None:
    assert TimeEstimate(GRAPH, {"d": 5.0}, 2).left((), {"d": 9.0}) == 0


def test_a_stage_that_never_ran_here_is_not_guessed() -> None:
    estimate = TimeEstimate(GRAPH, {"a": 10.0, "b": None}, 2)
    assert estimate.left((), {}) is None
    assert estimate.said((), {}) == "time left not known: `.logs/` has no former run of 1 of them"
    assert estimate.said(["b"], {}) == "less than a minute left"


@pytest.mark.parametrize(("seconds", "said"), [(59.0, "less than a minute left"), (61.0, "about 2 min left")])
def test_minutes_are_rounded_up(seconds: float, said: str) -> None:
    assert TimeEstimate({"a": ()}, {"a": seconds}, 1).said((), {}) == said


def test_a_duration_is_kept_and_one_that_is_no_number_is_none(tmp_path: Path) -> None:
    assert former(tmp_path, "a@x") is None
    record(tmp_path, "a@x", 12.34)
    assert former(tmp_path, "a@x") == 12.3
    (tmp_path / ".logs" / "a@x.seconds").write_text("soon")
    assert former(tmp_path, "a@x") is None


def test_a_first_run_says_that_it_knows_nothing_and_the_next_one_what_the_first_took(
    toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    toy(DIAMOND)
    assert reproduce.main(["--no-prefect"]) == 0
    assert (
        "stages to run: 4; time left not known: `.logs/` has no former run of 4 of them"
        in capsys.readouterr().out
    )
    assert reproduce.main(["--no-prefect", "--force", "--verbose"]) == 0
    printed = capsys.readouterr().out
    assert "stages to run: 4; less than a minute left" in printed
    assert "forced" in printed


def test_what_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / ".logs").write_text("a file where the folder should be")
    record(tmp_path, "a", 3.0)
    assert former(tmp_path, "a") is None
