"""Workers that come late, or never."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.clone import Clone
from tests.flows.dask.cluster import scheduler, started_worker, wait_until
from tests.flows.toy_clone import toy_clone

pytest.importorskip("distributed", reason="the extra `dask`")
pytestmark = [pytest.mark.nightly, pytest.mark.slow]

PIPELINE = """
stages:
  toy_fit:
    matrix: {{seed: [1, 2, 3]}}
    cmd: touch {started}/${{item.seed}}; while test ! -e {started}/go; do sleep 0.2; done; echo > fit${{item.seed}}.txt
    deps: [in.txt]
    outs: ["fit${{item.seed}}.txt"]
"""
# the command, with another patience than a minute
WALK = """
import sys
from flows.dask import runner
from flows.reproduce import main
runner.WITHOUT_WORKERS = float(sys.argv[1])
sys.exit(main(["--no-prefect", "--runner", "dask", "--dask-address", sys.argv[2]]))
"""


@pytest.fixture
def toy(tmp_path: Path) -> Clone:
    (tmp_path / "started").mkdir()
    return toy_clone(tmp_path, PIPELINE.format(started=tmp_path / "started"), "fit?.txt\n")


def walk(toy: Clone, address: str, patience: float) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", WALK, str(patience), address],
        cwd=toy.path,
        env=toy.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_scheduler_without_workers_is_named_instead_of_waited_for(toy: Clone, tmp_path: Path) -> None:
    with scheduler(tmp_path) as address:
        run = walk(toy, address, 1.5)
        output = run.communicate(timeout=120)[0]
    assert run.returncode == 1
    assert f"the Dask scheduler at {address} has had no worker for 1.5 s: start one" in output


def test_workers_that_join_later_take_stages(toy: Clone, tmp_path: Path) -> None:
    begun = tmp_path / "started"
    with scheduler(tmp_path) as address:
        workers = [started_worker(tmp_path / "one", address)]
        run = walk(toy, address, 60)
        try:
            wait_until(lambda: len(list(begun.iterdir())) == 1, "the first stage")
            time.sleep(3)
            assert len(list(begun.iterdir())) == 1, "one worker with one thread runs one stage"
            workers += [started_worker(tmp_path / name, address) for name in ("two", "three")]
            wait_until(lambda: len(list(begun.iterdir())) == 3, "a stage on each worker")
            (begun / "go").touch()
            output = run.communicate(timeout=120)[0]
        finally:
            end(workers)
    assert run.returncode == 0, output
    assert output.count("ran toy_fit@") == 3


def test_a_walk_that_loses_its_last_worker_ends_and_says_so(toy: Clone, tmp_path: Path) -> None:
    with scheduler(tmp_path) as address:
        worker = started_worker(tmp_path / "one", address)
        run = walk(toy, address, 3)
        try:
            wait_until(lambda: bool(list((tmp_path / "started").iterdir())), "the first stage")
        finally:
            worker.kill()
            worker.wait()
        output = run.communicate(timeout=120)[0]
    assert run.returncode == 1
    assert "has had no worker for 3 s" in output


def end(workers: list["subprocess.Popen[bytes]"]) -> None:
    for worker in workers:
        worker.terminate()
        worker.wait()
