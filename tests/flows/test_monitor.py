"""The command that takes batches: what it prints, how it ends, what it pins; and what a killed or a second one does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from flows import monitor
from tests.imports import ROOT
from tests.watched import EXPERIMENT, batch, watched_root


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = watched_root(tmp_path / "root")
    monkeypatch.chdir(made)
    monkeypatch.setenv("COLUMNS", "80")
    return made


def monitored(*arguments: object) -> int:
    return monitor.main([EXPERIMENT, *map(str, arguments)])


def pinned(root: Path) -> str:
    digest: str = YAML(typ="safe").load(root / "watch.dvc")["outs"][0]["md5"]
    return digest


def test_the_verdict_comes_first_and_broken_has_an_exit_code_of_its_own(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert monitored() == 0
    assert capsys.readouterr().out.startswith("fpr_thresholds open: no batch was taken yet")
    assert not (root / "watch").exists()
    assert monitored("--batch", batch(tmp_path / "a.csv", 0.001, 2000)) == 0
    told = capsys.readouterr().out
    assert told.startswith("fpr_thresholds kept: positive, over 2,000 rows of 1 batch\n")
    assert max(map(len, told.splitlines())) <= 80
    assert "taken: a.csv; watch.dvc pins them: commit it" in told
    first = pinned(root)
    assert monitored("--batch", batch(tmp_path / "b.csv", 0.25, 400)) == 3
    assert capsys.readouterr().out.startswith("fpr_thresholds broken: positive since row ")
    assert pinned(root) != first
    assert monitored() == 3


def test_a_batch_twice_is_one_line(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = batch(tmp_path / "a.csv", 0.01, 100)
    assert monitored("--batch", file) == 0
    capsys.readouterr()
    assert monitored("--batch", file) == 1
    refused = capsys.readouterr()
    assert refused.out == ""
    assert refused.err.count("\n") == 1
    assert "was taken already, as a.csv" in refused.err


def test_what_is_new_in_a_folder_is_taken(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        batch(tmp_path / "in" / f"{number}.csv", 0.01, 100, seed=number)
    assert monitored("--from", tmp_path / "in") == 0
    assert "taken: 0.csv, 1.csv" in capsys.readouterr().out
    batch(tmp_path / "in" / "2.csv", 0.01, 100, seed=2)
    assert monitored("--from", tmp_path / "in") == 0
    assert "taken: 2.csv" in capsys.readouterr().out
    assert monitored("--from", tmp_path / "in") == 0
    assert "nothing new to take" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "no experiment that can be watched is called 'nothing'"),
        ([], "say which experiment; there are fpr_thresholds"),
        ([EXPERIMENT, "--batch", "none.csv"], "none.csv: no such file"),
        ([EXPERIMENT, "--cron", "* * * * *"], "a schedule needs --from"),
        (["--study", "none"], "no study is called 'none'"),
    ],
)
@pytest.mark.usefixtures("root")
def test_refusals_are_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert monitor.main(arguments) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_watch_that_git_has_and_the_folder_lacks_comes_back_from_the_cache(
    root: Path, tmp_path: Path
) -> None:
    monitored("--batch", batch(tmp_path / "a.csv", 0.001, 2000))
    before = pinned(root)
    subprocess.run(["rm", "-rf", "watch"], cwd=root, check=True)
    assert monitored("--batch", batch(tmp_path / "b.csv", 0.001, 500)) == 0
    assert len(list((root / "watch" / EXPERIMENT / "batches").iterdir())) == 2
    assert pinned(root) != before


def started(root: Path, file: Path) -> "subprocess.Popen[bytes]":
    environment = os.environ | {"PYTHONPATH": str(ROOT), "DVC_NO_ANALYTICS": "1"}
    command = [sys.executable, "-m", "flows.monitor", EXPERIMENT, "--batch", str(file)]
    return subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL)


@pytest.mark.slow
def test_two_at_once_take_both_and_a_killed_one_leaves_a_whole_record(root: Path, tmp_path: Path) -> None:
    files = [batch(tmp_path / f"{number}.csv", 0.001, 1000, seed=number) for number in range(3)]
    both = [started(root, file) for file in files[:2]]
    assert [each.wait(300) for each in both] == [0, 0]
    killed = started(root, files[2])
    time.sleep(4)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert monitored() == 0
    monitored("--batch", files[2])
    names = {path.name.partition("-")[2] for path in (root / "watch" / EXPERIMENT / "batches").iterdir()}
    assert names == {"0.csv", "1.csv", "2.csv"}
