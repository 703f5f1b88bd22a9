"""What is read of a stage's log while the stage is tried again, or begun anew by another worker."""

import os
import time
from pathlib import Path

import pytest

from flows.walk import logs
from flows.walk.logs import begin_log, followed, log_path, log_state, log_tail


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(logs, "POLL", 0.02)
    path = tmp_path / log_path("a")
    path.parent.mkdir()
    return path


def print_into(log: Path, text: str) -> None:
    """As the launcher does: the same file, cut to nothing first."""
    with log.open("w") as file:
        file.write(text)


def wait_until(emitted: list[str], lines: str) -> None:
    for _ in range(500):
        if "\n".join(emitted) == lines:
            return
        time.sleep(0.01)
    raise AssertionError(emitted)


def test_a_retry_within_the_same_second_shows_its_own_lines_alone(log: Path, tmp_path: Path) -> None:
    print_into(log, "first try\nhalf of it\n")
    emitted: list[str] = []
    with followed(tmp_path, "a", emitted.append):
        time.sleep(0.1)
        assert emitted == []
        print_into(log, "second\n")
        wait_until(emitted, "second")
        with log.open("a") as file:
            file.write("all of it, longer than the first\n")
    assert emitted == ["second", "all of it, longer than the first"]


@pytest.mark.parametrize("replaced", [False, True])
def test_a_log_that_is_begun_anew_is_read_from_its_start(log: Path, tmp_path: Path, replaced: bool) -> None:
    emitted: list[str] = []
    with followed(tmp_path, "a", emitted.append):
        print_into(log, "on the worker that died\n")
        wait_until(emitted, "on the worker that died")
        if replaced:
            begin_log(tmp_path, "a")
        else:
            print_into(log, "")
            time.sleep(0.1)  # a poll: in the same file it is the size that tells
        with log.open("a") as file:
            file.write("on the worker that took over, and more of it\n")
    assert emitted == ["on the worker that died", "on the worker that took over, and more of it"]


def test_the_end_of_a_log_is_of_this_try_or_empty(log: Path, tmp_path: Path) -> None:
    assert log_tail(tmp_path, "a", log_state(tmp_path, "a")) == ""
    print_into(log, "before\n")
    before = log_state(tmp_path, "a")
    assert log_tail(tmp_path, "a", before) == ""
    os.utime(log, ns=(0, 0))  # a clock that runs behind
    assert log_tail(tmp_path, "a", before) == "before"
    print_into(log, "now\n")
    assert log_tail(tmp_path, "a", before) == "now"
