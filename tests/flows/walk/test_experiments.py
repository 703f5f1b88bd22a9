"""What of a walk with a failure in it may be published, and what may go to a branch."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from flows.walk import experiments
from flows.walk.order import StageOutcome
from flows.worktrees.branches import commit_results, without_the_unfinished
from flows.worktrees.worktree import run
from tests.clone import IDENTITY
from tests.imports import ROOT

# good_fit -> good_compare and bad_fit -> bad_compare, and a page over both
PIPELINE = """
stages:
  good_fit: {cmd: cat in.txt > good.txt, deps: [in.txt], outs: [good.txt]}
  good_compare:
    cmd: mkdir -p results/good; cp good.txt results/good/table.csv; echo {} > results/good/decision.json
    deps: [good.txt]
    outs: [results/good: {cache: false}]
  bad_fit: {cmd: cat in.txt > bad.txt, deps: [in.txt], outs: [bad.txt]}
  bad_compare:
    cmd: grep one bad.txt && mkdir -p results/bad && cp bad.txt results/bad/table.csv && echo {} > results/bad/decision.json
    deps: [bad.txt]
    outs: [results/bad: {cache: false}]
  page_over_all:
    cmd: cat results/good/table.csv results/bad/table.csv > results/page.md
    deps: [results/good/table.csv, results/bad/table.csv]
    outs: [results/page.md: {cache: false}]
"""


def git(folder: Path, *arguments: str) -> str:
    command = ["git", *IDENTITY, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def outcomes(**states: str) -> list[StageOutcome]:
    return [StageOutcome(stage, state, "") for stage, state in states.items()]  # type: ignore[arg-type]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    (root / "dvc.yaml").write_text(PIPELINE)
    (root / "in.txt").write_text("one\n")
    (root / ".gitignore").write_text("/.logs\n/good.txt\n/bad.txt\n")
    git(root, "init", "--quiet", "--initial-branch", "trunk")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.chdir(root)
    run(root, "prepare", "dvc", "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "first")
    return root


def recorded(root: Path) -> dict[str, Any]:
    stages: dict[str, Any] = YAML(typ="safe").load(root / "dvc.lock")["stages"]
    return stages


def reproduced() -> list[StageOutcome]:
    from flows.walk.reproduction import reproduce  # noqa: PLC0415

    return reproduce(prefect=False)


def test_finished_is_what_has_all_its_stages_of_the_walk_behind_it_and_its_results(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / "results" / name).mkdir(parents=True)
        for file in ("table.csv", "decision.json"):
            (tmp_path / "results" / name / file).write_text(json.dumps({}))
    walked = outcomes(
        a_fit="skipped", a_compare="ran", a_full="ran", b_compare="ran", b_full="failed", c_fit="ran", d_compare="ran"
    )  # fmt: skip
    assert experiments.finished(tmp_path, walked) == ["a"], "c was asked for in part; d has no table"
    assert experiments.unfinished(walked) == ["b"]


def test_a_branch_gets_an_experiment_whole_or_not_at_all(root: Path) -> None:
    reproduced()
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "made")
    before = recorded(root)
    (root / "in.txt").write_text("two\n")
    git(root, "commit", "--quiet", "-am", "other data")
    git(root, "checkout", "--quiet", "--detach")

    walked = reproduced()
    assert {each.stage: each.state for each in walked if not each.succeeded} == {
        "bad_compare": "failed", "page_over_all": "not run"
    }  # fmt: skip
    assert not (root / "results" / "bad").exists(), "a stage that failed leaves nothing half-written"
    paths = without_the_unfinished(root, walked)
    assert commit_results(root, "made-again", "without bad", paths) == "made-again"

    assert git(root, "status", "--porcelain") == ""
    assert git(root, "diff", "--name-only", "trunk", "made-again").split() == [
        "dvc.lock",
        "results/good/table.csv",
    ]
    changed = {stage for stage, lines in recorded(root).items() if lines != before[stage]}
    assert changed == {"good_fit", "good_compare"}
    (root / "bad.txt").unlink()
    states = {each.stage: each.state for each in reproduced()}
    assert (states["good_compare"], states["bad_fit"]) == ("skipped", "restored")


def test_where_nothing_was_ever_committed_nothing_of_what_failed_is(root: Path) -> None:
    (root / "in.txt").write_text("two\n")
    git(root, "commit", "--quiet", "-am", "other data")
    git(root, "checkout", "--quiet", "--detach")
    walked = reproduced()
    commit_results(root, "made", "without bad", without_the_unfinished(root, walked))
    changed = git(root, "diff", "--name-only", "trunk", "made").split()
    assert changed == ["dvc.lock", "results/good/decision.json", "results/good/table.csv"]
    assert set(recorded(root)) == {"good_fit", "good_compare"}


def test_where_nothing_was_finished_nothing_is_committed(root: Path) -> None:
    broken = PIPELINE.replace("cat in.txt > good.txt", "exit 3").replace("cat in.txt > bad.txt", "exit 3")
    (root / "dvc.yaml").write_text(broken)
    git(root, "commit", "--quiet", "-am", "broken")
    git(root, "checkout", "--quiet", "--detach")
    paths = without_the_unfinished(root, reproduced())
    assert commit_results(root, "made", "nothing", paths) is None
    assert git(root, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    "name", ["fpr_thresholds", "head_sweep", "hybrid_calibrator", "lens_shortcuts", "speech_temperature"]
)
def test_a_file_of_one_experiment_asks_for_that_one_alone(tmp_path: Path, name: str) -> None:
    """What a user's params.yaml says nothing of is left out: of the experiments that are here, all but one."""
    (tmp_path / "tasks").symlink_to(ROOT / "tasks")
    (tmp_path / "params.yaml").write_text(f"{name}: {{}}\n")
    stages = list(YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"])
    assert experiments.asked_for(tmp_path, stages) == [
        stage for stage in stages if stage.startswith(f"{name}_")
    ]
