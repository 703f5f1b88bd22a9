"""A stage found alone is the stage that DVC finds in the whole files, and the whole files are not read for it."""

from pathlib import Path
from typing import Any

import pytest
from dvc.dvcfile import FileMixin
from dvc.repo import Repo
from dvc.stage.serialize import to_lockfile
from ruamel.yaml import YAML

from flows.pinned import graph, lock_file
from flows.pinned.one_stage import OneStage
from tests.flows.conftest import DIAMOND, Toy, dvc
from tests.imports import ROOT

NAMES = """
vars: [{word: hello}]
stages:
  plain: {cmd: "echo ${word} > plain.txt", outs: [plain.txt], deps: [in.txt]}
  many:
    matrix: {size: [1, 2]}
    cmd: echo ${item.size} > many${item.size}.txt
    params: [x.k]
    outs: ["many${item.size}.txt"]
  "7": {cmd: echo 7 > seven.txt, outs: [seven.txt], deps: [plain.txt]}
  "on": {cmd: "echo on > on.txt", outs: [on.txt], deps: [plain.txt]}
  plain_2:
    cmd: |
      true
      echo two > two.txt
    outs: [two.txt]
"""


def stages_of(repo: Any) -> dict[str, Any]:
    return {stage.name: stage for stage in repo.index.stages if hasattr(stage, "name")}


def assert_found_alone(root: Path) -> None:
    with Repo(str(root)) as repo:
        whole = stages_of(repo)
        assert whole
        for name, stage in whole.items():
            (alone,) = OneStage(repo).collect(f"{root / 'dvc.yaml'}:{name}")
            assert (alone, alone.cmd, alone.cmd_changed) == (stage, stage.cmd, stage.cmd_changed)
            assert to_lockfile(alone) == to_lockfile(stage)
            assert alone.dvcfile.lockfile_contents.get("stages") == {
                name: stage.dvcfile.lockfile_contents["stages"][name]
            }
            assert alone.reload() == stage


def test_a_stage_found_alone_is_the_one_that_dvc_finds(toy: Toy) -> None:
    root = toy(NAMES)
    dvc("repro")
    assert_found_alone(root)


def test_so_is_each_stage_of_this_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert_found_alone(ROOT)


def test_names_that_yaml_has_to_quote_are_recorded_once_and_sorted_by_what_they_mean(toy: Toy) -> None:
    root, load = toy(NAMES), YAML(typ="safe").load
    dvc("repro")
    by_dvc = (root / "dvc.lock").read_text()
    (root / "dvc.lock").unlink()
    for force in (False, True):
        for stage in reversed(graph.stages(root)):
            graph.reproduce_stage(root, stage.name, force)
        lock_file.sort_lock(root)
        lock = (root / "dvc.lock").read_text()
        assert sorted(lock.splitlines()) == sorted(by_dvc.splitlines())
        assert load(lock) == load(by_dvc)
        assert list(load(lock)["stages"]) == sorted(load(by_dvc)["stages"])


def test_no_stage_of_a_walk_has_dvc_read_the_whole_files(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    root = toy(DIAMOND)
    dvc("repro")
    stages = graph.stages(root)
    (root / "in.txt").write_text("two\n")
    read: list[str] = []
    monkeypatch.setattr(FileMixin, "_load", lambda self, **_: read.append(self.path))
    assert [graph.reproduce_stage(root, each.name).state for each in stages] == ["ran"] * 4
    assert read == []


def test_asking_what_is_stale_reads_the_lock_once(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    root = toy(DIAMOND)
    dvc("repro")
    read: list[str] = []
    load = FileMixin._load

    def noted(self: Any, **options: Any) -> Any:
        read.append(self.path)
        return load(self, **options)

    monkeypatch.setattr(FileMixin, "_load", noted)
    graph.stages(root)
    assert sum(path.endswith("dvc.lock") for path in read) == 2  # for the graph, and for what is recorded


def test_a_conflict_that_comes_while_the_walk_runs_is_said_and_the_lock_left_alone(toy: Toy) -> None:
    root = toy(DIAMOND)
    dvc("repro")
    lock = (root / "dvc.lock").read_text()
    torn = lock.replace("  b:\n", "<<<<<<< HEAD\n  b:\n", 1)
    (root / "dvc.lock").write_text(torn)
    with pytest.raises(graph.StageError, match="merge conflict"):
        graph.reproduce_stage(root, "a", force=True)
    assert (root / "dvc.lock").read_text() == torn
