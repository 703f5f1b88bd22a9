"""An S3 bucket as DVC remote: a server on loopback that checks signatures, and two clones that share nothing else."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.worktrees.worktree import worktree
from tests.clone import IDENTITY, Clone
from tests.flows.dask.bucket import Store, running_store
from tests.flows.dask.cluster import cluster_of
from tests.flows.toy_clone import toy_clone

pytest.importorskip("dvc_s3", reason="the extra `s3`")
pytest.importorskip("moto", reason="what stands in for S3")
pytestmark = [pytest.mark.nightly, pytest.mark.slow]
PYTHON = sys.executable
REPRODUCE = (PYTHON, "-m", "flows.reproduce", "--no-prefect")

# prepare -> fit@1, fit@2 -> compare
PIPELINE = """
stages:
  toy_prepare: {cmd: cat in.txt > prepared.txt, deps: [in.txt], params: [toy.k], outs: [prepared.txt]}
  toy_fit:
    matrix: {seed: [1, 2]}
    cmd: sed s/one/${item.seed}/ prepared.txt > fit${item.seed}.txt
    deps: [prepared.txt]
    outs: ["fit${item.seed}.txt"]
  toy_compare:
    cmd: mkdir -p results/toy; cat fit1.txt fit2.txt > results/toy/table.csv
    deps: [fit1.txt, fit2.txt]
    outs: [results/toy: {cache: false}]
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with running_store(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(scope="module")
def pushed(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Its data and what its stages made are in the bucket."""
    toy = toy_clone(tmp_path_factory.mktemp("toy"), PIPELINE, "prepared.txt\nfit?.txt\n")
    toy.environment |= store.settings | store.credentials
    toy.run("dvc", "remote", "modify", "store", "url", "s3://bucket/toy")
    toy.run("dvc", "remote", "modify", "store", "endpointurl", store.endpoint)
    (toy.path / "data").mkdir()
    (toy.path / "data" / "mine.csv").write_text("row\n")
    toy.run("dvc", "add", "--quiet", "data")
    toy.run(*REPRODUCE, "--push")
    toy.run("git", "add", "--all")
    toy.run("git", *IDENTITY, "commit", "--quiet", "-m", "a bucket as remote")
    toy.run("git", "push", "--quiet", "origin", "HEAD")
    return toy


@pytest.fixture
def fresh(pushed: Clone, tmp_path: Path) -> Clone:
    """Has what git has and an empty cache."""
    subprocess.run(["git", "clone", "--quiet", str(pushed.path), str(tmp_path / "fresh")], check=True)
    clone = Clone(tmp_path / "fresh")
    clone.environment = pushed.environment | {
        name: value.replace(str(pushed.path), str(clone.path))
        for name, value in pushed.environment.items()
        if name.startswith("DVC_")
    }
    return clone


def test_another_clone_pulls_its_data_and_all_stages_instead_of_running_them(fresh: Clone) -> None:
    assert "data/ restored from DVC's cache or remote" in fresh.run(PYTHON, "-m", "flows.data")
    assert fresh.read("data/mine.csv") == b"row\n"
    assert "nothing is stale: 4 stages are up to date" in fresh.run(*REPRODUCE, "--pull")
    assert fresh.read("fit2.txt") == b"2\n"
    assert fresh.changed() == []


def without_keys(clone: Clone, _folder: Path) -> None:
    del clone.environment["AWS_ACCESS_KEY_ID"], clone.environment["AWS_SECRET_ACCESS_KEY"]


def with_a_wrong_secret(clone: Clone, _folder: Path) -> None:
    clone.environment["AWS_SECRET_ACCESS_KEY"] = "nothing"


def with_nobody_there(clone: Clone, _folder: Path) -> None:
    clone.run("dvc", "remote", "modify", "--local", "store", "endpointurl", "http://127.0.0.1:9")


def with_another_bucket(clone: Clone, _folder: Path) -> None:
    clone.run("dvc", "remote", "modify", "--local", "store", "url", "s3://nowhere/toy")


def without_the_package(clone: Clone, folder: Path) -> None:
    (folder / "dvc_s3.py").write_text("raise ImportError('not here')\n")
    clone.environment["PYTHONPATH"] = str(folder)


@pytest.mark.parametrize(
    ("spoil", "said", "remedy"),
    [
        (without_keys, "cannot be used: Unable to locate credentials", "give it credentials"),
        (with_a_wrong_secret, "Forbidden", "give it credentials"),
        (with_nobody_there, 'Could not connect to the endpoint URL: "http://127.0.0.1:9/', "is it up"),
        (with_another_bucket, "The specified bucket does not exist", "is it up"),
        (without_the_package, "needs dvc-s3, which is not installed here", "uv pip install"),
    ],
)
def test_what_keeps_a_push_away_is_said_with_what_to_do(
    pushed: Clone, tmp_path: Path, spoil: Callable[[Clone, Path], None], said: str, remedy: str
) -> None:
    spoiled = Clone(pushed.path)
    spoiled.environment = dict(pushed.environment)
    spoil(spoiled, tmp_path)
    failed = spoiled.try_(*REPRODUCE, "--push")
    (pushed.path / ".dvc" / "config.local").unlink(missing_ok=True)
    assert failed.returncode == 1
    assert failed.stderr.startswith("the DVC remote 'store' (s3://")
    assert said in failed.stderr
    assert remedy in failed.stderr
    assert len(failed.stderr.splitlines()) <= 2


def test_a_push_makes_up_for_one_that_failed_though_nothing_is_stale_any_more(
    pushed: Clone, fresh: Clone, tmp_path: Path
) -> None:
    right = dict(fresh.environment)
    fresh.run(PYTHON, "-m", "flows.data")
    (fresh.path / "params.yaml").write_text("toy: {k: 2}\n")
    with_a_wrong_secret(fresh, tmp_path)
    assert fresh.try_(*REPRODUCE, "--push").returncode == 1
    fresh.environment = right
    assert "nothing is stale" in fresh.run(*REPRODUCE, "--push")

    (pushed.path / "params.yaml").write_text("toy: {k: 2}\n")
    assert "ran" not in pushed.run(*REPRODUCE, "--pull").split()
    pushed.run("git", "checkout", "--quiet", "--force", "HEAD")


def test_data_that_only_the_bucket_has_is_asked_for_and_the_refusal_is_said(
    fresh: Clone, tmp_path: Path
) -> None:
    with_a_wrong_secret(fresh, tmp_path)
    failed = fresh.try_(PYTHON, "-m", "flows.data")
    assert failed.returncode == 1
    assert "cannot be used: Forbidden" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_worktree_has_the_remote_and_the_keys_of_its_clone(
    fresh: Clone, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_its_own_settings(fresh, store)
    monkeypatch.chdir(fresh.path)
    for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR"):
        monkeypatch.setenv(name, fresh.environment[name])
    with worktree(fresh.path, "HEAD", "toy") as clean:
        there = Clone(clean)
        there.environment = fresh.environment
        there.run(PYTHON, "-m", "flows.data")
        there.run(*REPRODUCE, "--pull", "--push")
        assert there.read("fit1.txt") == b"1\n"


def in_its_own_settings(clone: Clone, store: Store) -> None:
    """As DVC's documentation has it: the keys in .dvc/config.local, nothing in the environment."""
    for name in store.credentials:
        del clone.environment[name]
    for name, value in (("access_key_id", store.key), ("secret_access_key", store.secret)):
        clone.run("dvc", "remote", "modify", "--local", "store", name, value)


def test_workers_of_this_machine_take_the_settings_of_the_clone(fresh: Clone, store: Store) -> None:
    pytest.importorskip("distributed", reason="the extra `dask`")
    in_its_own_settings(fresh, store)
    fresh.run(PYTHON, "-m", "flows.data")
    fresh.run(*REPRODUCE, "--force", "--runner", "dask", "--jobs", "2")
    assert fresh.read("results/toy/table.csv") == b"1\n2\n"


def test_a_worker_elsewhere_learns_where_the_bucket_is_and_has_keys_of_its_own(
    pushed: Clone, fresh: Clone, store: Store, tmp_path: Path
) -> None:
    pytest.importorskip("distributed", reason="the extra `dask`")
    fresh.run("dvc", "remote", "modify", "--unset", "store", "endpointurl")
    fresh.run("git", *IDENTITY, "commit", "--quiet", "--all", "-m", "its address is in config.local")
    fresh.run(
        "git",
        "remote",
        "set-url",
        "origin",
        fresh.run("git", "-C", str(pushed.path), "remote", "get-url", "origin").strip(),
    )
    fresh.run("git", "push", "--quiet", "origin", "HEAD:refs/heads/elsewhere")
    fresh.run("dvc", "remote", "modify", "--local", "store", "endpointurl", store.endpoint)
    fresh.run(PYTHON, "-m", "flows.data")
    for name, keys in (("without", {}), ("with", store.credentials)):
        (tmp_path / name).mkdir()
        theirs = os.environ | store.settings | keys
        with cluster_of(1, tmp_path / name, theirs) as cluster:
            command = (*REPRODUCE, "--force", "--runner", "dask", "--dask-address", cluster.address)
            done = fresh.try_(*command)
        if keys:
            assert done.returncode == 0, done.stdout + done.stderr
        else:
            assert "toy_prepare failed: the DVC remote 'store' (s3://" in done.stderr
            assert "cannot be used: Unable to locate credentials" in done.stderr
            assert "Traceback" not in done.stderr
    assert fresh.read("results/toy/table.csv") == b"1\n2\n"
