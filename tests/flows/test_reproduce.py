import os
import signal
import subprocess
import sys

import psutil
import pytest

from flows import graph
from flows.reproduce import main, reproduce
from tests.flows.conftest import DIAMOND, Toy, dvc, wait_for

LOGGED = "mkdir -p .logs; echo {text} | tee .logs/{name}.log"


def states(*targets: str, force: bool = False, jobs: int = 2) -> dict[str, str]:
    return {each.stage: each.state for each in reproduce(targets, force, jobs, prefect=False)}


def command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "flows.reproduce", "--no-prefect", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_only_what_is_stale_runs_and_force_runs_the_rest_too(toy: Toy) -> None:
    root = toy(DIAMOND)
    assert states("b") == {"a": "ran", "b": "ran"}
    assert states() == {"a": "skipped", "b": "skipped", "c": "ran", "d": "ran"}
    (root / "in.txt").write_text("other\n")  # as many lines as before
    outcomes = {each.stage: each for each in reproduce(prefect=False)}
    assert outcomes["c"].state == "ran"
    assert outcomes["c"].reason == "dependency a.txt changed"
    (root / "params.yaml").write_text("x: {k: 3, l: [1, 2]}\n")  # a comes out the same
    outcomes = {each.stage: each for each in reproduce(prefect=False)}
    assert outcomes["a"].reason == "parameter x.k changed"
    assert (outcomes["b"].state, outcomes["b"].reason) == ("skipped", "its inputs came out the same")
    assert states("c", force=True) == {"a": "ran", "c": "ran"}


def test_parallel_and_serial_first_runs_leave_the_same_lock(toy: Toy) -> None:
    root = toy(DIAMOND)
    states(jobs=4)
    in_parallel = (root / "dvc.lock").read_bytes()
    (root / "dvc.lock").unlink()
    dvc("repro", "--force")
    graph.sort_lock(root)
    assert (root / "dvc.lock").read_bytes() == in_parallel


def test_nothing_stale_is_said_without_importing_prefect(toy: Toy) -> None:
    toy(DIAMOND)
    states()
    script = (
        "import sys; from flows import reproduce; code = reproduce.main([]);"
        " assert 'prefect' not in sys.modules; sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "nothing is stale: 4 stages are up to date\n"), done.stderr


def test_a_failure_costs_its_own_branch_and_shows_the_end_of_its_log(
    toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = DIAMOND.replace("cat a.txt > b.txt", LOGGED.format(text="no such column", name="b") + "; exit 3")
    root = toy(broken)
    assert main(["--no-prefect", "--jobs", "2"]) == 1
    printed = capsys.readouterr()
    assert "no such column\nfull log: .logs/b.log" in printed.err
    assert "exited with 3" in printed.err
    assert "upstream b failed" in printed.out
    assert (root / "c.txt").exists()
    assert states() == {"a": "skipped", "b": "failed", "c": "skipped", "d": "not run"}
    (root / "dvc.yaml").write_text(DIAMOND)
    assert states() == {"a": "skipped", "b": "ran", "c": "skipped", "d": "ran"}


def test_a_log_of_an_earlier_run_is_not_shown(toy: Toy) -> None:
    root = toy("stages: {a: {cmd: exit 1, deps: [in.txt], outs: [o]}}")
    (root / ".logs").mkdir()
    (root / ".logs" / "a.log").write_text("of yesterday\n")
    os.utime(root / ".logs" / "a.log", (0, 0))
    (outcome,) = reproduce(prefect=False)
    assert (outcome.state, outcome.log_tail) == ("failed", "")


def test_a_killed_stage_is_tried_once_more_and_a_wrong_one_is_not(toy: Toy) -> None:
    root = toy(
        "stages:\n"
        "  killed: {cmd: 'echo >> tries; test -e again || { touch again; kill -9 $$; }; touch o', deps: [in.txt], outs: [o]}\n"
        "  wrong: {cmd: echo >> errors; exit 1, deps: [in.txt], outs: [p]}\n"
    )
    assert states() == {"killed": "ran", "wrong": "failed"}
    assert (root / "tries").read_text() == "\n\n"
    assert (root / "errors").read_text() == "\n"


@pytest.mark.parametrize(("ended_by", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_every_process_of_a_stage_and_the_next_run_finishes(
    toy: Toy, ended_by: signal.Signals, code: int
) -> None:
    # Two processes: the shell, and a grandchild in a session of its own, which no signal to a group would reach.
    endless = "echo half > b.txt; setsid sh -c 'echo $$ > grandchild; sleep 300' & echo $$ > pid; sleep 300"
    root = toy(DIAMOND.replace("cat a.txt > b.txt", f'"{endless}"'))
    run = command("--jobs", "2")
    pids = [int(wait_for(root / name)) for name in ("pid", "grandchild")]
    wait_for(root / "c.txt")
    run.send_signal(ended_by)
    assert run.wait(timeout=30) == code, run.communicate()[0]
    run.communicate()
    for pid in pids:
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert not (root / "d.txt").exists()
    assert {stage.name: stage.stale for stage in graph.stages(root)}["b"]

    (root / "dvc.yaml").write_text(DIAMOND)
    assert states()["d"] == "ran"
    assert (root / "b.txt").read_text() == "one\n"


def test_an_unknown_target_names_those_that_exist(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    toy(DIAMOND)
    assert main(["--no-prefect", "e"]) == 1
    assert "no stage is called 'e'" in capsys.readouterr().err
