"""Full training waits for a person, is off without one, and leaves the checkout alone."""

import asyncio
import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from flows.pinned.study_repository import initialise
from flows.worktrees.worktree import run
from tests.clone import IDENTITY
from tests.imports import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]

PIPELINE = """
stages:
  lens_shortcuts_compare:
    cmd: >-
      mkdir -p artifacts/lens_shortcuts; cp choice.json artifacts/lens_shortcuts/chosen.json;
      cp prepared_facts.json artifacts/lens_shortcuts/prepared.json
    deps: [choice.json, prepared_facts.json]
    outs: [artifacts/lens_shortcuts/chosen.json, artifacts/lens_shortcuts/prepared.json]
  lens_shortcuts_whole:
    cmd: grep enabled params.yaml > whole.txt
    deps: [artifacts/lens_shortcuts/chosen.json]
    params: [lens_shortcuts.whole]
    outs: [whole.txt]
  lens_shortcuts_full:
    cmd: cp whole.txt full.txt
    deps: [artifacts/lens_shortcuts/chosen.json, whole.txt]
    params: [lens_shortcuts.full]
    outs: [full.txt]
"""
PARAMS = """
lens_shortcuts:
  sample: {share: 0.1}
  whole: # off
    enabled: false # until somebody says so
  full:
    seeds: [1]
    network: {width: 64, epochs: 50, device: cpu}
"""
PREPARED = {
    "kind": "rendered",
    "counts": {
        "unpaired": {"train": {"stamps": 29108}, "val": {"stamps": 100240}, "test": {"stamps": 88528}}
    },
}
CHOICE = {"chosen": "B1", "mode": "unpaired", "leaf": "success", "reason": "every gate passes"}
BRANCH = "lens-full-training"


def git(folder: Path, *arguments: str) -> str:
    command = ["git", *IDENTITY, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with a DVC remote, and a git remote that it calls `shared`."""
    root = tmp_path / "repository"
    root.mkdir()
    files = {
        "dvc.yaml": PIPELINE,
        "params.yaml": PARAMS,
        "choice.json": json.dumps(CHOICE),
        "prepared_facts.json": json.dumps(PREPARED),
        ".gitignore": "/artifacts/\n/full.txt\n/whole.txt\n/.cache\n/.logs\n/.worktrees/\n",
    }
    for name, text in files.items():
        (root / name).write_text(text)
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.chdir(root)
    git(root, "init", "--quiet", "--initial-branch", "trunk")
    for command in (["init"], ["remote", "add", "--default", "store", "../store"]):
        run(root, "prepare", "dvc", *command, "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "first")
    git(root, "init", "--quiet", "--bare", str(tmp_path / "shared.git"))
    git(root, "remote", "add", "shared", str(tmp_path / "shared.git"))
    return root


def start(**given: Any) -> Any:
    """The state that the run ends in, computed in a thread."""
    from flows.lens_full_training import lens_full_training  # noqa: PLC0415 - after the server's settings

    ended: list[Any] = []
    thread = threading.Thread(
        target=lambda: ended.append(lens_full_training(hours=0.2, return_state=True, **given)), daemon=True
    )
    thread.start()
    return thread, ended


async def _paused() -> Any:
    from prefect import get_client  # noqa: PLC0415

    async with get_client() as client:
        runs = await client.read_flow_runs()
    return next((run for run in runs if run.state_name == "Paused"), None)


def answer(given: dict[str, Any], **parameters: Any) -> Any:
    from prefect.flow_runs import resume_flow_run  # noqa: PLC0415

    thread, ended = start(**parameters)
    deadline = time.monotonic() + 300
    while (paused := asyncio.run(_paused())) is None:
        assert time.monotonic() < deadline, "the run never paused"
        assert thread.is_alive(), ended
        time.sleep(0.3)
    resume_flow_run(paused.id, run_input=given)
    thread.join(300)
    assert ended, "the run never ended"
    return ended[0]


def ticked(**others: Any) -> dict[str, Any]:
    from flows.lens_full_training import CHECKLIST  # noqa: PLC0415

    return {**dict.fromkeys(CHECKLIST, True), "approved": True, "approver": "a person", **others}


def assert_untouched(root: Path) -> None:
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "branch", "--show-current") == "trunk"
    assert not (root / ".worktrees" / BRANCH).exists()


def test_approved_it_trains_in_a_worktree_and_edit_and_results_share_a_commit_of_a_branch(root: Path) -> None:
    state = answer(ticked(), git_remote="shared")
    assert state.type.value == "COMPLETED", state.message
    assert state.message == f"lens_shortcuts_full: ran; on branch {BRANCH}, pushed to shared"
    assert_untouched(root)
    shared = root.parent / "shared.git"
    assert git(shared, "branch", "--format", "%(refname:short)") == BRANCH
    assert git(shared, "diff", "--name-only", f"{BRANCH}^", BRANCH) == "dvc.lock\nparams.yaml"
    assert git(shared, "show", f"{BRANCH}:params.yaml") == PARAMS.replace("false", "true").strip()
    assert "approved by a person" in git(shared, "log", "-1", "--format=%s", BRANCH)
    other = root.parent / "other"
    git(root, "clone", "--quiet", "--branch", BRANCH, str(shared), str(other))
    run(other, "pull", "dvc", "pull", "--quiet", "full.txt")
    assert (other / "full.txt").read_text().strip() == "enabled: true # until somebody says so"


def test_with_a_point_unticked_nothing_runs(root: Path) -> None:
    state = answer(ticked(resources=False))
    assert state.type.value == "FAILED"
    assert "a person left unticked: resources" in state.message
    assert git(root, "branch", "--list", BRANCH) == ""
    assert_untouched(root)


def test_without_a_choice_nobody_is_asked_and_with_a_yes_beforehand_neither(root: Path) -> None:
    thread, ended = start(granted_by="ben")
    thread.join(300)
    assert ended[0].message == f"lens_shortcuts_full: ran; on branch {BRANCH}", ended[0]
    assert "approved by ben" in git(root, "log", "-1", "--format=%s", BRANCH)

    (root / "choice.json").write_text(json.dumps({**CHOICE, "chosen": None, "leaf": "stop as shortcut"}))
    git(root, "commit", "--quiet", "--all", "-m", "no choice")
    thread, ended = start()
    thread.join(300)
    assert ended[0].name == "NothingToTrain"
    assert "stop as shortcut" in ended[0].message
    assert_untouched(root)


def test_a_study_is_trained_in_its_own_folder_and_one_of_another_experiment_is_refused(root: Path) -> None:
    study = root / "studies" / "mine"
    files = {
        "run_stage.py": "",
        "tasks/lens_shortcuts/prepare.py": "",
        "tasks/head_sweep/prepare.py": "",
        "studies/mine/dvc.yaml": PIPELINE,
        "studies/mine/params.yaml": f"runtime: {{}}\n{PARAMS}",
        "studies/mine/choice.json": json.dumps(CHOICE),
        "studies/mine/prepared_facts.json": json.dumps(PREPARED),
        "studies/other/params.yaml": "runtime: {}\nhead_sweep: {}\n",
        ".gitignore": "artifacts/\nfull.txt\nwhole.txt\n.cache\n.logs\n/.worktrees/\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    initialise(study)
    initialise(study.parent / "other")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "two studies")
    thread, ended = start(granted_by="ben", study="mine")
    thread.join(300)
    assert ended[0].message == f"lens_shortcuts_full: ran; on branch {BRANCH}", ended[0]
    changed = git(root, "diff", "--name-only", f"{BRANCH}^", BRANCH).splitlines()
    assert changed == ["studies/mine/dvc.lock", "studies/mine/params.yaml"]
    assert "enabled: true" in git(root, "show", f"{BRANCH}:studies/mine/params.yaml")
    assert_untouched(root)
    for name, said in (("other", "is one of head_sweep: full training is of"), ("no", "has no study 'no'")):
        thread, ended = start(granted_by="ben", study=name)
        thread.join(300)
        assert ended[0].type.value == "FAILED"
        assert said in ended[0].message
        assert "\n" not in ended[0].message


def test_without_a_dvc_remote_the_branch_is_pushed_and_the_run_says_what_is_not_behind_it(root: Path) -> None:
    run(root, "forget", "dvc", "remote", "remove", "store")
    git(root, "commit", "--quiet", "--all", "-m", "no remote")
    thread, ended = start(granted_by="ben", git_remote="shared")
    thread.join(300)
    assert (
        f"on branch {BRANCH}, pushed to shared without its outputs (no DVC remote is set" in ended[0].message
    )
    assert git(root.parent / "shared.git", "branch", "--format", "%(refname:short)") == BRANCH


def test_the_form_has_the_checklist_above_the_signature() -> None:
    from flows.lens_full_training import CHECKLIST  # noqa: PLC0415
    from flows.walk.approval import form_of  # noqa: PLC0415

    properties = form_of(CHECKLIST).model_json_schema()["properties"]
    assert list(properties) == [*CHECKLIST, "approved", "approver", "note"]
    assert [properties[name]["description"] for name in CHECKLIST] == list(CHECKLIST.values())


def test_the_form_states_choice_stamps_and_recipe_of_the_real_params(tmp_path: Path) -> None:
    from flows.lens_full_training import facts  # noqa: PLC0415

    path = tmp_path / "prepared.json"
    path.write_text(json.dumps(PREPARED))
    text = facts(CHOICE, ROOT / "examples" / "lens_plan.yaml", path)
    assert all(
        words in text
        for words in (
            "**B1**", "unpaired", "every gate passes",
            "stamps: train 29,108, val 100,240, test 88,528, the whole manifest, rendered first",
            "on a share of 0.1", "epochs: 50 at most for each of 3 seeds (1, 2, 3)", "width: 64",
            "device: auto (this worker has", "learning_rate 0.0001",
        )
    )  # fmt: skip
    assert "enabled" not in text
    assert "share of 1\n" in facts(CHOICE, ROOT / "params.yaml", path)


def test_only_the_one_word_of_the_real_params_changes(tmp_path: Path) -> None:
    from flows.lens_full_training import enable  # noqa: PLC0415

    path = tmp_path / "params.yaml"
    before = (ROOT / "params.yaml").read_text()
    path.write_text(before)
    enable(path)
    changed = [
        (old, new)
        for old, new in zip(before.splitlines(), path.read_text().splitlines(), strict=True)
        if old != new
    ]
    assert changed == [("    enabled: false", "    enabled: true")]
