import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from flows.pinned import graph, lock_file
from flows.reproduce import main
from flows.walk.reproduction import reproduce
from tests.flows.conftest import DIAMOND, Toy, dvc, wait_for

LOGGED = "mkdir -p .logs; echo {text} | tee .logs/{name}.log"


def states(*targets: str, force: bool = False, jobs: int = 2) -> dict[str, str]:
    return {each.stage: each.state for each in reproduce(targets, force, jobs, prefect=False)}


def command(*arguments: str) -> subprocess.Popen[str]:
    """As from a terminal: what started the tests in the background, or by nohup, may have had signals ignored."""
    return subprocess.Popen(
        [sys.executable, "-m", "flows.reproduce", "--no-prefect", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=heed_signals,
    )


def heed_signals() -> None:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)


def test_only_what_is_stale_runs_and_force_runs_the_rest_too(toy: Toy) -> None:
    root = toy(DIAMOND)
    assert states("b") == {"a": "ran", "b": "ran"}
    assert states() == {"a": "skipped", "b": "skipped", "c": "ran", "d": "ran"}
    (root / "in.txt").write_text("other\n")  # as many lines as before
    outcomes = {each.stage: each for each in reproduce(prefect=False)}
    assert outcomes["c"].state == "ran"
    assert outcomes["c"].reason == "input changed: a.txt"
    (root / "params.yaml").write_text("x: {k: 3, l: [1, 2]}\n")  # a comes out the same
    outcomes = {each.stage: each for each in reproduce(prefect=False)}
    assert outcomes["a"].reason == "params changed: x.k"
    assert (outcomes["b"].state, outcomes["b"].reason) == ("skipped", "its inputs came out the same")
    assert states("c", force=True) == {"a": "ran", "c": "ran"}


def test_experiments_that_params_says_nothing_of_are_left_out_unless_they_are_named(toy: Toy) -> None:
    root = toy(
        "stages:\n  x_fit: {cmd: echo x > x.txt, outs: [x.txt]}\n  y_fit: {cmd: echo y > y.txt, outs: [y.txt]}\n"
    )
    for name in ("x", "y"):
        (root / "tasks" / name).mkdir(parents=True)
        (root / "tasks" / name / "__init__.py").touch()
    (root / "params.yaml").write_text("x: {k: 1}\n")
    assert states() == {"x_fit": "ran"}
    assert states("y_fit") == {"y_fit": "ran"}


def test_force_forgets_what_a_killed_stage_had_finished(toy: Toy) -> None:
    root = toy(DIAMOND)
    for stage in ("a", "b"):
        (root / ".cache" / f"{stage}-0123").mkdir(parents=True)
    assert states("a") == {"a": "ran"}
    assert (root / ".cache" / "a-0123").exists()
    assert states("a", force=True) == {"a": "ran"}
    assert [left.name for left in (root / ".cache").iterdir()] == ["b-0123"]


def test_parallel_and_serial_first_runs_leave_the_same_lock(toy: Toy) -> None:
    root = toy(DIAMOND)
    states(jobs=4)
    in_parallel = (root / "dvc.lock").read_bytes()
    (root / "dvc.lock").unlink()
    dvc("repro", "--force")
    lock_file.sort_lock(root)
    assert (root / "dvc.lock").read_bytes() == in_parallel


SHUFFLED = "stages:\n" + "".join(
    f"  s{i}: {{cmd: sleep $(cat pause{i}); echo {i} > o{i}, deps: [{f'o{i - 6}' if i >= 6 else 'in.txt'}], outs: [o{i}]}}\n"
    for i in range(12)
)


def test_the_lock_is_the_same_whatever_the_order_in_which_the_stages_ended(
    toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    root = toy(SHUFFLED)
    locks, orders = set(), set()
    for seed in range(4):
        pauses = [0.05 * i for i in range(12)]
        random.Random(seed).shuffle(pauses)
        for i, pause in enumerate(pauses):
            (root / f"pause{i}").write_text(f"{pause}\n")
        assert set(states(jobs=6).values()) == {"ran"}
        orders.add(capsys.readouterr().out)
        locks.add((root / "dvc.lock").read_bytes())
        (root / "dvc.lock").unlink()
        shutil.rmtree(root / ".dvc" / "cache")
    assert len(orders) > 1
    assert len(locks) == 1


def test_a_stage_that_the_machine_has_no_room_for_is_refused_unless_its_result_is_known(toy: Toy) -> None:
    root = toy(DIAMOND)
    states()
    huge = "runtime: {resources: {b: {cpu: 1, gpu: 0, memory: 1.0e+6}}}\nx: {k: %s, l: [1, 2]}\n"
    (root / "params.yaml").write_text(huge % 1)
    assert set(states().values()) == {"skipped"}, "what a stage takes of the machine makes no stage stale"
    (root / "b.txt").unlink()
    assert states()["b"] == "restored"
    (root / "in.txt").write_text("other\n")
    outcomes = {each.stage: each for each in reproduce(prefect=False)}
    assert outcomes["c"].state == "ran"
    assert (outcomes["b"].state, outcomes["d"].state) == ("failed", "not run")
    assert outcomes["b"].error.startswith("b needs 1e+06 GiB of memory, and this machine has")
    assert {each.state for each in reproduce(["b"], force=True, prefect=False)} == {"ran", "failed"}


def test_stages_that_share_a_core_run_one_after_the_other(toy: Toy) -> None:
    root = toy(
        "stages:\n"
        + "".join(
            f"  s{i}: {{cmd: 'mkdir alone; sleep 0.3; rmdir alone; touch o{i}', deps: [in.txt], outs: [o{i}]}}\n"
            for i in range(3)
        )
    )
    (root / "params.yaml").write_text("runtime: {resources: {s*: {cpu: 1000, gpu: 0, memory: 0}}}\n")
    assert set(states(jobs=3).values()) == {"ran"}


def test_each_stage_sees_the_gpus_that_it_was_given_and_no_other(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    root = toy(
        "stages:\n"
        + "".join(
            f"  s{i}: {{cmd: 'echo $CUDA_VISIBLE_DEVICES > o{i}; sleep 0.5', deps: [in.txt], outs: [o{i}]}}\n"
            for i in range(4)
        )
    )
    stated = (
        "s0: {cpu: 0, gpu: 1, memory: 0}, s1: {cpu: 0, gpu: auto, memory: 0}, s2: {cpu: 0, gpu: 0, memory: 0}"
    )
    (root / "params.yaml").write_text(f"runtime: {{resources: {{{stated}}}}}\n")
    states(jobs=4)
    given = [(root / f"o{i}").read_text().strip() for i in range(4)]
    assert sorted(given[:2]) == ["4", "7"]
    assert given[2:] == ["", ""], "neither one that states none nor one without an entry"


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
        assert not alive(pid)
    assert not (root / "b.txt").exists()
    assert not (root / "d.txt").exists()
    assert {stage.name: stage.stale for stage in graph.stages(root)}["b"]

    (root / "dvc.yaml").write_text(DIAMOND)
    assert states()["d"] == "ran"
    assert (root / "b.txt").read_text() == "one\n"


@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGHUP])
def test_no_process_of_a_stage_outlives_a_walk_that_could_not_end_it(
    toy: Toy, ended_by: signal.Signals
) -> None:
    stubborn = "trap '' TERM; echo half > b.txt; setsid sh -c 'echo $$ > grandchild; sleep 300' & echo $$ > pid; sleep 300"
    root = toy(DIAMOND.replace("cat a.txt > b.txt", f'"{stubborn}"'))
    run = command("--jobs", "2")
    pids = [int(wait_for(root / name)) for name in ("pid", "grandchild")]
    run.send_signal(ended_by)
    run.communicate()
    assert run.returncode == -ended_by
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (root / "dvc.yaml").write_text(DIAMOND)
    assert states()["d"] == "ran"
    assert (root / "b.txt").read_text() == "one\n"


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_what_a_stage_left_half_written_is_put_back_as_dvc_lock_has_it_or_removed(toy: Toy) -> None:
    root = toy(DIAMOND)
    states()
    lock = (root / "dvc.lock").read_bytes()
    half = DIAMOND.replace("cat a.txt > b.txt", "echo half > b.txt; exit 3")
    (root / "dvc.yaml").write_text(half.replace("b.txt], outs: [b.txt]", "a.txt], outs: [b.txt]"))
    assert states("b") == {"a": "skipped", "b": "failed"}
    assert (root / "b.txt").read_text() == "one\n"
    assert (root / "dvc.lock").read_bytes() == lock
    (root / "dvc.lock").unlink()
    assert states("b") == {"a": "restored", "b": "failed"}
    assert not (root / "b.txt").exists()


def with_a_remote(root: Path) -> Path:
    dvc("remote", "add", "--default", "store", str(root.parent / "store"))
    return root.parent / "store"


def pushed(store: Path) -> int:
    return sum(path.is_file() for path in (store / "files").rglob("*"))


def test_push_gives_the_remote_what_it_lacks_though_nothing_is_stale(
    toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    root = toy(DIAMOND)
    states()
    store = with_a_remote(root)
    capsys.readouterr()
    assert main(["--no-prefect", "--push"]) == 0
    assert capsys.readouterr().out.startswith("nothing is stale: 4 stages are up to date\npushed")
    assert pushed(store) == 3  # a.txt and b.txt are the same


def test_push_gives_the_remote_what_was_made_beside_a_stage_that_failed(toy: Toy) -> None:
    root = toy(DIAMOND.replace("cat a.txt > b.txt", "exit 3").replace("wc -l < a.txt", "echo c"))
    store = with_a_remote(root)
    assert main(["--no-prefect", "--push"]) == 1
    assert pushed(store) == 2
    assert list((store / "runs").iterdir())


@pytest.mark.parametrize("flag", ["--push", "--pull"])
def test_without_a_remote_nothing_is_run_that_was_to_be_pushed_or_pulled(
    toy: Toy, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    root = toy(DIAMOND)
    assert main(["--no-prefect", flag]) == 1
    assert capsys.readouterr().err == "no DVC remote is set: `dvc remote add -d <name> <url>`\n"
    assert not (root / "a.txt").exists()


def test_a_clone_with_nothing_but_what_git_holds_pulls_data_and_all_that_is_known(toy: Toy) -> None:
    root = toy("stages: {a: {cmd: cat data/in.txt > a.txt; touch ran, deps: [data], outs: [a.txt]}}")
    (root / "data").mkdir()
    (root / "data" / "in.txt").write_text("one\n")
    dvc("add", "data")
    with_a_remote(root)
    assert main(["--no-prefect", "--push"]) == 0
    for made in ("data", ".dvc/cache"):
        shutil.rmtree(root / made)
    for made in ("a.txt", "ran"):
        (root / made).unlink()
    assert main(["--no-prefect"]) == 1, "data/ is missing"
    assert main(["--no-prefect", "--pull"]) == 0
    assert (root / "a.txt").read_text() == "one\n"
    assert not (root / "ran").exists(), "the stage was restored, not run"
    (root / "data" / "in.txt").write_text("mine\n")
    assert main(["--no-prefect", "--pull"]) == 1, "what is there is the user's"
    assert (root / "data" / "in.txt").read_text() == "mine\n"


def test_an_unknown_target_names_those_that_exist(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    toy(DIAMOND)
    assert main(["--no-prefect", "e"]) == 1
    assert "no stage is called 'e'" in capsys.readouterr().err
