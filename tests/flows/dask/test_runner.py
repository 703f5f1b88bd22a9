"""Stages on Dask workers that share nothing with the coordinator but a git repository and a folder as DVC remote."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.clone import IDENTITY, Clone
from tests.flows.dask.cluster import Cluster, cluster_of, wait_until
from tests.flows.toy_clone import toy_clone

pytest.importorskip("distributed", reason="the extra `dask`")
pytestmark = [pytest.mark.nightly, pytest.mark.slow]
PYTHON = sys.executable

# prepare -> fit@1, fit@2, fit@3 -> compare; each writes down that it was started, and fit takes a while
PIPELINE = """
stages:
  toy_prepare:
    cmd: echo $$ > {started}/prepare.$$; cat in.txt > prepared.txt
    deps: [in.txt]
    params: [toy.k]
    outs: [prepared.txt]
  toy_fit:
    matrix: {{seed: [1, 2, 3]}}
    cmd: >-
      mkdir -p .logs; echo fitting | tee .logs/toy_fit@${{item.seed}}.log; echo $$ > {started}/fit${{item.seed}}.$$;
      sleep 4; sed s/one/${{item.seed}}/ prepared.txt > fit${{item.seed}}.txt
    deps: [prepared.txt]
    outs: ["fit${{item.seed}}.txt"]
  toy_compare:
    cmd: echo $$ > {started}/compare.$$; mkdir -p results/toy; cat fit1.txt fit2.txt fit3.txt > results/toy/table.csv
    deps: [fit1.txt, fit2.txt, fit3.txt]
    outs: [results/toy: {{cache: false}}]
"""
STAGES = ["toy_prepare", "toy_fit@1", "toy_fit@2", "toy_fit@3", "toy_compare"]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with cluster_of(3, tmp_path, os.environ) as running:
        yield running


@pytest.fixture
def toy(tmp_path: Path) -> Clone:
    (tmp_path / "started").mkdir()
    return toy_clone(tmp_path, PIPELINE.format(started=tmp_path / "started"), "prepared.txt\nfit?.txt\n")


def starts(toy: Clone, stage: str) -> list[int]:
    files = (toy.path.parent / "started").glob(f"{stage}.*")
    return [int(path.read_text()) for path in files if path.read_text().endswith("\n")]


def on_dask(toy: Clone, cluster: Cluster, *options: str) -> "subprocess.Popen[str]":
    command = [
        PYTHON,
        "-m",
        "flows.reproduce",
        "--no-prefect",
        "--runner",
        "dask",
        "--dask-address",
        cluster.address,
    ]
    return subprocess.Popen(
        [*command, *options],
        cwd=toy.path,
        env=toy.environment | {"COLUMNS": "250"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_worker_killed_in_mid_stage_costs_one_more_start_of_that_stage(
    toy: Clone, cluster: Cluster
) -> None:
    run = on_dask(toy, cluster)
    wait_until(lambda: len(starts(toy, "fit2")) == 1, "the start of fit2")
    (pid,) = starts(toy, "fit2")
    cluster.worker_above(pid).kill()
    output = run.communicate(timeout=300)[0]
    assert run.returncode == 0, output
    assert not psutil.pid_exists(pid), "the stage of the dead worker lives on"
    counts = {name: len(starts(toy, name)) for name in ("prepare", "fit1", "fit2", "fit3", "compare")}
    assert counts == {"prepare": 1, "fit1": 1, "fit2": 2, "fit3": 1, "compare": 1}
    assert toy.read("results/toy/table.csv") == b"1\n2\n3\n"
    assert "died" in output
    assert (toy.path / ".logs" / "toy_fit@2.log").read_text() == "fitting\n"

    lock = toy.read("dvc.lock")
    assert "nothing is stale: 5 stages are up to date" in toy.run(PYTHON, "-m", "flows.reproduce")
    toy.run(PYTHON, "-m", "flows.reproduce", "--no-prefect", "--force")  # on this machine
    assert toy.read("dvc.lock") == lock
    assert toy.read("results/toy/table.csv") == b"1\n2\n3\n"


def test_changed_parameters_go_along_and_another_clone_finds_all_of_it_in_the_remote(
    toy: Clone, cluster: Cluster
) -> None:
    (toy.path / "params.yaml").write_text("toy: {k: 2}\n")
    run = on_dask(toy, cluster)
    output = run.communicate(timeout=300)[0]
    assert run.returncode == 0, output
    before = len(starts(toy, "fit1"))
    other = Clone(toy.path.parent / "other")
    subprocess.run(["git", "clone", "--quiet", str(toy.path), str(other.path)], check=True)
    (other.path / "params.yaml").write_text("toy: {k: 2}\n")
    other.run("dvc", "repro", "--quiet", "--pull")  # it knows no dvc.lock: the run-cache is where all meet
    assert (len(starts(toy, "fit1")), len(starts(toy, "prepare"))) == (before, 1)
    assert other.read("results/toy/table.csv") == b"1\n2\n3\n"


def test_an_interrupt_ends_what_runs_on_the_workers(toy: Clone, cluster: Cluster) -> None:
    run = on_dask(toy, cluster)
    wait_until(lambda: bool(starts(toy, "fit1")), "the start of fit1")
    run.terminate()
    run.communicate(timeout=60)
    assert run.returncode == 143
    pids = [pid for name in ("fit1", "fit2", "fit3") for pid in starts(toy, name)]
    wait_until(lambda: not any(map(psutil.pid_exists, pids)), "the end of the stages")
    assert not (toy.path / "results/toy/table.csv").exists()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda toy: (toy.path / "in.txt").write_text("two\n"),
            "not in the commit that workers clone: in.txt",
        ),
        (
            lambda toy: toy.run("dvc", "remote", "remove", "store"),
            "meet in a DVC remote that all its workers reach",
        ),
        (
            lambda toy: toy.run("git", *IDENTITY, "commit", "--quiet", "--allow-empty", "-m", "not pushed"),
            "`git push` first",
        ),
        (lambda toy: None, "no Dask scheduler answers at tcp://127.0.0.1:9"),
    ],
)
def test_what_no_worker_could_do_is_refused_with_what_to_do(
    toy: Clone, spoil: Callable[[Clone], object], message: str
) -> None:
    spoil(toy)
    done = toy.try_(
        PYTHON,
        "-m",
        "flows.reproduce",
        "--no-prefect",
        "--runner",
        "dask",
        "--dask-address",
        "tcp://127.0.0.1:9",
    )
    assert done.returncode == 1
    assert message in done.stderr


def test_without_an_address_the_cluster_is_this_machine(toy: Clone) -> None:
    toy.run(PYTHON, "-m", "flows.reproduce", "--no-prefect", "--runner", "dask", "--jobs", "3")
    assert toy.read("results/toy/table.csv") == b"1\n2\n3\n"
