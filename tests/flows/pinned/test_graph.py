import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flows.pinned import graph, lock_file
from flows.pinned.errors import GraphError
from tests.flows.conftest import DIAMOND, Toy, dvc


def reasons(root: Path) -> dict[str, tuple[str, ...]]:
    return {stage.name: stage.reasons for stage in graph.stages(root)}


def reproduce_all(root: Path) -> dict[str, str]:
    states: dict[str, str] = {
        stage.name: graph.reproduce_stage(root, stage.name).state for stage in graph.stages(root)
    }
    lock_file.sort_lock(root)
    return states


def test_stages_come_upstreams_first_with_dvcs_edges(toy: Toy) -> None:
    shuffled = "stages:\n" + "".join(sorted(DIAMOND.splitlines(keepends=True)[2:], reverse=True))
    stages = graph.stages(toy(shuffled))
    assert {stage.name: stage.upstreams for stage in stages} == {
        "a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")
    }  # fmt: skip
    assert [stage.name for stage in stages] == ["a", "b", "c", "d"]


def test_every_cause_of_staleness_is_named(toy: Toy) -> None:
    root = toy(DIAMOND)
    assert reasons(root) == dict.fromkeys("abcd", ("never ran",))
    dvc("repro")
    assert not any(reasons(root).values())

    (root / "params.yaml").write_text("x: {k: 2, l: [1], m: 1}\n")
    changed = tuple(f"parameter x.{name} changed" for name in "klm")
    assert reasons(root)["a"] == changed
    assert reasons(root)["d"] == ("upstream b is stale", "upstream c is stale")
    (root / "params.yaml").write_text("x: {k: 1, l: [1, 2]}\n")

    (root / "in.txt").write_text("two\n")
    assert reasons(root)["a"] == ("dependency in.txt changed",)
    (root / "in.txt").unlink()
    assert reasons(root)["a"] == ("dependency in.txt missing",)
    (root / "in.txt").write_text("one\n")

    (root / "d.txt").unlink()
    assert reasons(root) == {"a": (), "b": (), "c": (), "d": ("output d.txt missing",)}
    (root / "d.txt").write_text("edited")
    assert reasons(root)["d"] == ("output d.txt changed",)
    dvc("checkout", "--force")

    (root / "dvc.yaml").write_text(DIAMOND.replace("wc -l", "wc -c"))
    assert reasons(root)["c"] == ("command changed",)


def test_a_stage_runs_once_is_then_skipped_and_comes_back_from_the_run_cache(toy: Toy) -> None:
    root = toy(DIAMOND)
    assert reproduce_all(root) == dict.fromkeys("abcd", "ran")
    assert reproduce_all(root) == dict.fromkeys("abcd", "skipped")
    assert graph.reproduce_stage(root, "c", force=True) == graph.Reproduction("ran", ("forced",))

    (root / "in.txt").write_text(
        "two\n"
    )  # one line as before: c's output is the same, so d depends on b alone
    assert reproduce_all(root) == dict.fromkeys("abcd", "ran")
    (root / "in.txt").write_text("one\n")
    assert reproduce_all(root) == dict.fromkeys("abcd", "restored")
    assert (root / "d.txt").read_text() == "one\n1\n"


def test_dvc_agrees_that_everything_is_up_to_date_afterwards(toy: Toy) -> None:
    root = toy(DIAMOND)
    reproduce_all(root)
    lock = (root / "dvc.lock").read_bytes()
    dvc("repro")
    assert (root / "dvc.lock").read_bytes() == lock


AWKWARD = """
stages:
  z_first:
    cmd:
    - printf 'é %s\\n' "a command that is long enough to be folded by the dumper, which is done at eighty columns, mostly" > z
    - echo second >> z
    outs: [z]
    params: [y]
    deps: [in.txt]
  m@k: {cmd: echo 1 > m, deps: [z], outs: [m]}
"""


def test_the_lock_is_sorted_and_otherwise_as_dvc_writes_it(toy: Toy) -> None:
    root = toy(AWKWARD.replace("m@k", "m"))
    (root / "params.yaml").write_text(
        "y: {a: 1.0e-3, b: 1e-5, c: '1e-3', d: null, e: 'yes', f: [1.5, 2], g: 0.1, h: on, i: é, j: ''}\n"
    )
    dvc("repro")
    lock_file.sort_lock(root)
    by_dvc = (root / "dvc.lock").read_text()
    assert by_dvc.index("\n  m:") < by_dvc.index("\n  z_first:")

    (root / "dvc.lock").unlink()
    reproduce_all(root)
    assert (root / "dvc.lock").read_text() == by_dvc
    dvc("repro", "--force")
    assert (root / "dvc.lock").read_text() == by_dvc


WIDE = "stages:\n" + "".join(
    f"  s{i:02}: {{cmd: sleep 0.0{i % 7}; echo {i} > o{i}, deps: [in.txt], outs: [o{i}]}}\n"
    for i in range(24)
)


def test_eight_threads_over_24_stages_meet_no_lock_error_and_leave_the_lock_of_a_serial_run(toy: Toy) -> None:
    root = toy(WIDE)
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda i: graph.reproduce_stage(root, f"s{i:02}").state, reversed(range(24))))
    assert states == ["ran"] * 24
    lock_file.sort_lock(root)
    in_parallel = (root / "dvc.lock").read_bytes()

    (root / "dvc.lock").unlink()
    dvc("repro", "--force")
    lock_file.sort_lock(root)
    assert (root / "dvc.lock").read_bytes() == in_parallel


def test_only_the_lines_of_the_stage_that_ran_change_in_the_lock(toy: Toy) -> None:
    root = toy(DIAMOND)
    reproduce_all(root)
    before = (root / "dvc.lock").read_text()
    for name in "badc":
        graph.reproduce_stage(root, name, force=True)
    assert sorted((root / "dvc.lock").read_text().splitlines()) == sorted(before.splitlines())
    dvc("status")
    lock_file.sort_lock(root)
    assert (root / "dvc.lock").read_text() == before

    (root / "dvc.lock").write_text(before + "datasets: []\n")
    graph.reproduce_stage(root, "b", force=True)
    lock_file.sort_lock(root)
    assert (root / "dvc.lock").read_text() == before.replace("stages:", "datasets: []\nstages:")


def test_a_failure_says_why_and_whether_another_try_may_help(toy: Toy) -> None:
    root = toy(
        "stages:\n"
        "  wrong: {cmd: exit 3, deps: [in.txt], outs: [o]}\n"
        "  killed: {cmd: kill -9 $$, deps: [in.txt], outs: [p]}\n"
        "  silent: {cmd: 'true', deps: [in.txt], outs: [q]}\n"
    )
    with pytest.raises(graph.StageError, match="exited with 3") as wrong:
        graph.reproduce_stage(root, "wrong")
    assert not wrong.value.may_pass_again
    assert wrong.value.reasons == ("never ran",)
    with pytest.raises(graph.StageError, match="exited with -9") as killed:
        graph.reproduce_stage(root, "killed")
    assert killed.value.may_pass_again
    with pytest.raises(graph.StageError, match=r"output 'q' does not exist"):
        graph.reproduce_stage(root, "silent")
    assert not (root / "dvc.lock").exists()


def test_a_stopped_run_starts_no_process(toy: Toy) -> None:
    root = toy(DIAMOND)
    stop = threading.Event()
    stop.set()
    with pytest.raises(graph.StageError, match="a was not started"):
        graph.reproduce_stage(root, "a", stop=stop)
    assert not (root / "a.txt").exists()


def test_a_lock_file_in_conflict_says_where_to_read_on(toy: Toy) -> None:
    root = toy(DIAMOND)
    (root / "dvc.lock").write_text("schema: '2.0'\n<<<<<<< HEAD\nstages:\n=======\n>>>>>>> other\n")
    with pytest.raises(GraphError, match=r"dvc.lock has a merge conflict: see README"):
        graph.stages(root)


HOLD = "import time; from dvc.repo import Repo; repo = Repo(); repo.lock.lock(); print(flush=True); time.sleep(5); repo.lock.unlock()"


def test_a_walk_waits_for_another_dvc_command_and_says_so(
    toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    root = toy(DIAMOND)
    other = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    assert other.stdout
    other.stdout.readline()
    assert graph.reproduce_stage(root, "a").state == "ran"
    other.communicate()
    message = " ".join(capsys.readouterr().err.split())
    assert message.startswith(f"waiting for another DVC command to end (process {other.pid}: ")


def table_of_locks(root: Path, pid: int) -> Path:
    path = root / ".dvc" / "tmp" / "rwlock"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        json.dumps({"write": {str(root / "a.txt"): {"pid": pid, "cmd": "dvc repro"}}, "read": {}})
    )
    return path


def test_what_a_kill_left_of_dvcs_table_of_locks_is_cleared_and_a_living_process_keeps_its_rows(
    toy: Toy,
) -> None:
    root = toy(DIAMOND)
    path = table_of_locks(root, os.getppid())
    graph.stages(root)
    assert path.exists()
    (root / "a.txt").write_text("half of what the other writes")
    with pytest.raises(graph.StageError, match=r"(?s)another DVC command is at work here.*dvc repro") as busy:
        graph.reproduce_stage(root, "a")
    assert busy.value.may_pass_again
    assert (root / "a.txt").read_text() == "half of what the other writes"
    os.utime(path, (1, 1))  # written before that process started: its number is another's now
    graph.stages(root)
    assert graph.reproduce_stage(root, "a").state == "ran"
    path.write_text('{"write": {"/a')
    graph.stages(root)
    assert not path.exists()


def test_a_broken_pipeline_file_says_in_which_line(toy: Toy) -> None:
    root = toy("stages:\n  a: {cmd: true,\n")
    with pytest.raises(GraphError, match=r"(?s)dvc.yaml.*line 3"):
        graph.stages(root)


def test_each_unit_of_a_matrix_is_a_stage(toy: Toy) -> None:
    root = toy(
        "stages:\n"
        "  fit: {matrix: {seed: [1, 42]}, cmd: 'echo ${item.seed} > m${item.seed}', deps: [in.txt], outs: ['m${item.seed}']}\n"
        "  compare: {cmd: cat m1 m42 > o, deps: [m1, m42], outs: [o]}\n"
    )
    assert {stage.name: stage.upstreams for stage in graph.stages(root)} == {
        "fit@1": (), "fit@42": (), "compare": ("fit@1", "fit@42")
    }  # fmt: skip
    assert set(reproduce_all(root).values()) == {"ran"}
    assert (root / "o").read_text() == "1\n42\n"


def test_what_was_pushed_can_be_pulled_instead_of_run(toy: Toy, tmp_path: Path) -> None:
    root = toy(DIAMOND)
    assert not graph.has_remote(root)
    dvc("remote", "add", "--default", "store", str(tmp_path / "store"))
    assert graph.has_remote(root)
    reproduce_all(root)
    graph.push(root)
    for name in "abcd":
        (root / f"{name}.txt").unlink()
    shutil.rmtree(root / ".dvc" / "cache")
    graph.pull(root, list("abcd"))
    assert not any(reasons(root).values())
