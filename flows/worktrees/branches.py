"""What a run works on and what it made, as branches: the user's checkout and its branch are never touched."""

import re
import subprocess
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from flows.pinned import lock_file
from flows.pinned.repository import LOCK
from flows.walk import experiments
from flows.walk.order import StageOutcome
from flows.worktrees.worktree import WorktreeError, run

MADE = ("dvc.lock", "results")
REFUSED = re.compile(r"^!\t", re.MULTILINE)  # `git push --porcelain`
IDENTITY = ("-c", "user.name=calibration-flows", "-c", "user.email=calibration-flows@localhost")


class PushRefused(WorktreeError):
    """The remote was reached and wants none of it: trying again does not help."""


def fetch(root: Path, ref: str) -> None:
    """Bring a branch of a git remote (`origin/main`) up to date; other refs are what this clone has."""
    remote, slash, branch = ref.partition("/")
    if slash and remote in _remotes(root):
        run(root, f"fetch {ref}", "git", "fetch", "--quiet", remote, branch)


def require_usable(root: Path, branch: str) -> None:
    """Raises WorktreeError for what cannot name a branch, and for a branch that somebody works on."""
    run(root, f"use {branch!r} as the name of a branch", "git", "check-ref-format", "--branch", branch)
    if _checked_out(root, branch):
        raise WorktreeError(
            f"{branch} is checked out: results go to a branch that nobody works on; name another"
        )


def require_remote(root: Path, remote: str) -> None:
    """Raises WorktreeError where this clone knows no such git remote."""
    if remote not in (known := _remotes(root)):
        raise WorktreeError(
            f"no git remote is called {remote!r}, so no branch can be pushed to it; this clone has "
            f"{', '.join(known) or 'none'}: `git remote add {remote} <url>`"
        )


def commit_results(clean: Path, branch: str, message: str, paths: Sequence[str] = MADE) -> str | None:
    """In a worktree: commit what changed of `paths`; the branch that now holds it, None if nothing changed.

    A branch that has gone another way stays as it is: the commit then goes to `<branch>-2`, `<branch>-3`, ...
    """
    made = [path for path in paths if (clean / path).exists()]
    run(clean, "stage the results", "git", "add", "--all", "--", *made)
    if _succeeds(clean, "diff", "--cached", "--quiet"):
        return None
    who = () if _succeeds(clean, "config", "user.email") else IDENTITY
    # Hooks and signatures are for people: nobody is there to answer them.
    options = ("-c", "commit.gpgsign=false")
    run(clean, "commit the results", "git", *who, *options, "commit", "--quiet", "--no-verify", "-m", message)
    for name in (branch if i == 1 else f"{branch}-{i}" for i in count(1)):
        if not _succeeds(clean, "rev-parse", "--verify", "--quiet", f"refs/heads/{name}"):
            break
        if _succeeds(clean, "diff", "--quiet", name, "HEAD"):
            return name  # an earlier run made the same
        if _succeeds(clean, "merge-base", "--is-ancestor", name, "HEAD") and not _checked_out(clean, name):
            break
    run(clean, f"move {name}", "git", "branch", "--force", name, "HEAD")
    return name


def put_back(clean: Path, folder: str, but: Sequence[str]) -> None:
    """In a worktree: a folder as the commit has it, except for folders in it."""
    kept = tuple(f"{path}/" for path in but)
    committed = run(
        clean, "list what is committed", "git", "ls-tree", "-r", "-z", "--name-only", "HEAD", folder
    )
    if files := [path for path in committed.split("\0") if path and not path.startswith(kept)]:
        run(clean, f"put {folder} back", "git", "checkout", "--quiet", "HEAD", "--", *files)
    new = ["git", "clean", "-d", "--quiet", "--force", *(f"--exclude=/{path}" for path in kept), "--", folder]
    run(clean, f"put {folder} back", *new)


def without_the_unfinished(clean: Path, outcomes: Sequence[StageOutcome]) -> tuple[str, ...]:
    """In a worktree: dvc.lock and results/ as the commit has them, but for what was finished; what a commit may hold.

    A table beside the lock of newer inputs could not be made again from the branch, so an experiment goes there whole
    or not at all. What its stages did get done stays in the run-cache.
    """
    lost = experiments.unfinished(outcomes)
    stages = {each.stage for name in lost for each in experiments.of(name, outcomes)}
    stages |= {each.stage for each in outcomes if not each.succeeded}
    committed = run(clean, "read the committed dvc.lock", "git", "ls-tree", "--name-only", "HEAD", LOCK)
    before = run(clean, "read the committed dvc.lock", "git", "show", f"HEAD:./{LOCK}") if committed else ""
    lock_file.put_back(clean, before, stages)
    made = [f"results/{name}" for name in experiments.finished(clean, outcomes)]
    put_back(clean, "results", but=made)
    return (LOCK, *made)


def push(clean: Path, branch: str, remote: str) -> None:
    """That branch and nothing else, as it is there already or grown on. Raises WorktreeError, PushRefused."""
    ref = f"refs/heads/{branch}"
    command = ("git", "push", "--porcelain", "--no-verify", remote, f"{ref}:{ref}")
    try:
        run(clean, f"push {branch} to {remote}", *command)
    except WorktreeError as error:
        stay = f"The results stay on branch {branch} of this clone: `git push {remote} {branch}`"
        if REFUSED.search(str(error)):
            raise PushRefused(
                f"{remote} refused {branch}: it may hold commits of others, or take none from here.\n{error}\n{stay}, "
                "once that is settled, or name another branch"
            ) from error
        raise WorktreeError(f"{error}\n{stay}") from error


def _remotes(root: Path) -> list[str]:
    return run(root, "list git remotes", "git", "remote").split()


def _checked_out(root: Path, branch: str) -> bool:
    listed = run(root, "list worktrees", "git", "worktree", "list", "--porcelain").splitlines()
    return f"branch refs/heads/{branch}" in listed


def _succeeds(folder: Path, *arguments: str) -> bool:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False).returncode == 0
