"""Runs in a worktree: the checkout is never touched, one run at a time, nothing left behind but what may go on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.worktrees.branches import PushRefused, commit_results, fetch, push, require_remote, require_usable
from flows.worktrees.worktree import WorktreeError, at, commit_of, run, worktree
from tests.clone import IDENTITY
from tests.imports import ROOT


def git(folder: Path, *arguments: str) -> str:
    command = ["git", *IDENTITY, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose remote is named by a path that is relative to it."""
    root = tmp_path / "repository"
    (root / "results").mkdir(parents=True)
    (root / "results" / "table.csv").write_text("a\n1\n")
    (root / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    (root / ".gitignore").write_text("/.cache\n/.worktrees/\n")
    git(root, "init", "--quiet", "--initial-branch", "trunk")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.chdir(root)
    for command in (["init"], ["remote", "add", "--default", "store", "../store"]):
        run(root, "prepare", "dvc", *command, "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "first")
    return root


def test_a_worktree_has_the_commit_and_shares_cache_and_remotes(root: Path) -> None:
    (root / "results" / "table.csv").write_text("edited")
    with worktree(root, "HEAD", "one") as clean:
        assert clean == root / ".worktrees" / "one"
        assert (clean / "results" / "table.csv").read_text() == "a\n1\n"
        assert (clean / run(clean, "ask", "dvc", "cache", "dir").strip()).resolve() == root / ".dvc" / "cache"
        assert run(clean, "ask", "dvc", "remote", "list").split()[:2] == ["store", str(root.parent / "store")]
        assert git(clean, "status", "--porcelain") == ""
    assert not (root / ".worktrees" / "one").exists()
    assert git(root, "worktree", "list").count("\n") == 0
    assert (root / "results" / "table.csv").read_text() == "edited"


def test_a_second_run_of_the_same_name_is_refused_while_the_first_works(root: Path) -> None:
    with worktree(root, "HEAD", "one"):
        with worktree(root, "HEAD", "two"):
            pass
        with (
            pytest.raises(WorktreeError, match=r"another run works in \.worktrees/one"),
            worktree(root, "HEAD", "one"),
        ):
            pass
        assert (root / ".worktrees" / "one").exists()


def test_what_a_kill_left_is_removed_and_what_was_finished_is_kept(root: Path) -> None:
    script = (
        "import os; from pathlib import Path; from flows.worktrees.worktree import worktree\n"
        "with worktree(Path.cwd(), 'HEAD', 'one') as clean:\n"
        "    (clean / '.cache' / 'fit-1').write_text('finished'); (clean / 'half').touch(); os.kill(os.getpid(), 9)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode == -9
    assert (root / ".worktrees" / "one" / "half").exists()
    with worktree(root, "HEAD", "one") as clean:
        assert not (clean / "half").exists()
        assert (clean / ".cache" / "fit-1").read_text() == "finished"
        (clean / ".cache" / "fit-1").unlink()
    assert not (root / ".cache" / "worktree-one").exists()


def test_a_failure_inside_leaves_no_worktree(root: Path) -> None:
    with pytest.raises(KeyboardInterrupt), worktree(root, "HEAD", "one"):
        raise KeyboardInterrupt
    assert list((root / ".worktrees").iterdir()) == []


def test_an_unknown_revision_is_named(root: Path) -> None:
    with pytest.raises(WorktreeError, match="could not find the commit"):
        commit_of(root, "nowhere")
    assert at("nowhere") == "nowhere"
    assert at("HEAD") == f"HEAD ({commit_of(root, 'HEAD')[:8]})"
    assert at(commit_of(root, "HEAD")) == commit_of(root, "HEAD")


def recalibrated(root: Path, branch: str, table: str) -> str | None:
    with worktree(root, "trunk", "one") as clean:
        (clean / "results" / "table.csv").write_text(table)
        (clean / "scratch.txt").write_text("not a result")
        return commit_results(clean, branch, "Recalibrated")


def test_results_go_to_a_branch_and_never_to_the_checkout(root: Path) -> None:
    trunk = git(root, "rev-parse", "trunk")
    assert recalibrated(root, "new", "a\n2\n") == "new"
    assert git(root, "show", "new:results/table.csv") == "a\n2"
    assert git(root, "diff", "--name-only", "trunk", "new") == "results/table.csv"
    assert git(root, "rev-parse", "new^") == git(root, "rev-parse", "trunk") == trunk
    assert git(root, "branch", "--show-current") == "trunk"
    assert git(root, "status", "--porcelain") == ""


def test_nothing_is_committed_where_nothing_changed(root: Path) -> None:
    assert recalibrated(root, "new", "a\n1\n") is None
    assert git(root, "branch", "--list", "new") == ""


def test_a_branch_with_other_work_is_left_alone(root: Path) -> None:
    assert recalibrated(root, "new", "a\n2\n") == "new"
    before = git(root, "rev-parse", "new")
    assert recalibrated(root, "new", "a\n2\n") == "new"  # the same again
    assert recalibrated(root, "new", "a\n3\n") == "new-2"
    assert git(root, "rev-parse", "new") == before
    git(root, "merge", "--quiet", "--ff-only", "new")
    assert recalibrated(root, "new", "a\n4\n") == "new", "merged: it may move on"
    assert git(root, "show", "trunk:results/table.csv") == "a\n2"


@pytest.mark.parametrize(
    ("branch", "message"), [("trunk", "trunk is checked out"), ("a..b", "name of a branch")]
)
def test_a_branch_that_cannot_take_results_is_refused_before_anything_runs(
    root: Path, branch: str, message: str
) -> None:
    with pytest.raises(WorktreeError, match=message):
        require_usable(root, branch)


def test_a_branch_of_a_git_remote_is_fetched_and_other_refs_are_not(root: Path) -> None:
    origin = root.parent / "origin"
    git(root, "clone", "--quiet", str(root), str(origin))
    git(root, "remote", "add", "origin", str(origin))
    git(origin, "commit", "--quiet", "--allow-empty", "-m", "new")
    fetch(root, "origin/trunk")
    assert commit_of(root, "origin/trunk") == git(origin, "rev-parse", "trunk") != commit_of(root, "trunk")
    for ref in ("trunk", "HEAD", "feature/x"):
        fetch(root, ref)
    with pytest.raises(WorktreeError, match="could not fetch origin/nowhere"):
        fetch(root, "origin/nowhere")


@pytest.fixture
def shared(root: Path) -> Path:
    """A bare repository that the clone calls `shared`."""
    bare = root.parent / "shared.git"
    git(root, "init", "--quiet", "--bare", str(bare))
    git(root, "remote", "add", "shared", str(bare))
    return bare


def test_the_branch_and_nothing_else_is_pushed_and_may_grow(root: Path, shared: Path) -> None:
    for table in ("a\n2\n", "a\n3\n"):
        assert recalibrated(root, "new", table) == "new"
        push(root, "new", "shared")
        assert git(shared, "branch", "--format", "%(refname:short)") == "new"
        assert git(shared, "show", "new:results/table.csv") == table.strip()
        git(root, "merge", "--quiet", "--ff-only", "new")
    push(root, "new", "shared")  # once more is nothing


def test_a_branch_that_went_another_way_there_is_left_alone_and_stays_here(root: Path, shared: Path) -> None:
    recalibrated(root, "new", "a\n2\n")
    push(root, "new", "shared")
    other = root.parent / "other"
    git(root, "clone", "--quiet", "--branch", "new", str(shared), str(other))
    git(other, "commit", "--quiet", "--allow-empty", "-m", "of somebody else")
    git(other, "push", "--quiet", "origin", "new")
    git(root, "merge", "--quiet", "--ff-only", "new")
    recalibrated(root, "new", "a\n3\n")
    with pytest.raises(
        PushRefused, match=r"shared refused new(?s:.*)The results stay on branch new of this clone"
    ):
        push(root, "new", "shared")
    assert git(shared, "log", "-1", "--format=%s", "new") == "of somebody else"
    assert git(root, "show", "new:results/table.csv") == "a\n3"


def test_a_remote_that_does_not_answer_is_another_matter(root: Path, shared: Path) -> None:
    recalibrated(root, "new", "a\n2\n")
    shared.rename(shared.with_name("moved.git"))
    with pytest.raises(WorktreeError, match=r"could not push new to shared(?s:.*)The results stay") as raised:
        push(root, "new", "shared")
    assert not isinstance(raised.value, PushRefused)


def test_a_remote_that_nobody_knows_is_refused_before_anything_runs(root: Path, shared: Path) -> None:
    require_remote(root, "shared")
    with pytest.raises(
        WorktreeError, match=r"no git remote is called 'origin'(?s:.*)this clone has shared: `git remote add"
    ):
        require_remote(root, "origin")
