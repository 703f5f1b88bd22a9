"""A commit in a folder of its own beside the checkout, `.worktrees/<name>`: what runs there touches no working copy."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flows.pinned.remotes import folders_of

FOLDER = Path(".worktrees")
SHOWN = 2000  # characters of each stream of a command that failed


class WorktreeError(RuntimeError):
    """The commit could not be checked out, or nothing could be run there; the message says at which step and why."""


def commit_of(root: Path, rev: str) -> str:
    return run(root, "find the commit", "git", "rev-parse", "--verify", f"{rev}^{{commit}}").strip()


def committed_file(root: Path, commit: str, path: str) -> bytes | None:
    """None where the commit has no such file, or the clone no such commit."""
    done = subprocess.run(["git", "show", f"{commit}:{path}"], cwd=root, capture_output=True, check=False)
    return None if done.returncode else done.stdout


def at(rev: str) -> str:
    """For people: what they asked for, and the commit that this is in the clone of the working directory."""
    try:
        commit = commit_of(Path.cwd(), rev)[:8]
    except WorktreeError:  # whoever goes on to use it says so
        return rev
    return rev if commit.startswith(rev) or rev.startswith(commit) else f"{rev} ({commit})"


@contextmanager
def worktree(root: Path, rev: str, name: str) -> Iterator[Path]:
    """The commit in `.worktrees/<name>`, with the remotes and the cache of `root`; gone afterwards, whatever happens.

    Raises WorktreeError, also while another run works in the folder of that name. What a killed run left there is
    removed; what its costly stages had finished (`.cache`) is kept for the next run of the same name.
    """
    path = root / FOLDER / name
    with _alone(root, name):
        _remove(root, path)
        run(root, "check out", "git", "worktree", "add", "--quiet", "--detach", str(path), rev)
        try:
            _share_storage(root, path)
            finished = root / ".cache" / f"worktree-{name}"
            finished.mkdir(parents=True, exist_ok=True)
            (path / ".cache").symlink_to(finished)
            yield path
            with suppress(OSError):  # not empty: a stage that failed goes on there next time
                finished.rmdir()
        finally:
            _remove(root, path)


def run(folder: Path, what: str, *command: str, may_fail: bool = False) -> str:
    """What the command printed. Raises WorktreeError, unless it may fail."""
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    if may_fail:
        return done.stdout + done.stderr
    if done.returncode:
        shown = f"{done.stdout[-SHOWN:]}{done.stderr[-SHOWN:]}"
        raise WorktreeError(f"could not {what} ({' '.join(command)}):\n{shown}")
    return done.stdout


def environment() -> dict[str, str]:
    """This process's own, less what belongs to the walk that it may be part of; its Python comes first.

    Git asks for no password: nobody is there to answer.
    """
    mine = {
        name: value for name, value in os.environ.items() if not name.startswith(("STAGE_", "REPRODUCE_"))
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), mine.get("PATH", "")])
    return mine | {"PATH": path, "GIT_TERMINAL_PROMPT": "0"}


@contextmanager
def _alone(root: Path, name: str) -> Iterator[None]:
    """The kernel gives the lock back when its holder ends, however it ends."""
    lock = root / ".dvc" / "tmp" / f"worktree-{name}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise WorktreeError(
                f"another run works in {FOLDER / name}: wait for its end, or end it"
            ) from error
        yield


def _remove(root: Path, path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)  # follows no link: `.cache` stays
    subprocess.run(["git", "worktree", "prune"], cwd=root, check=False, capture_output=True)


def _share_storage(root: Path, path: Path) -> None:
    """Remotes and credentials of this checkout that git does not hold, and paths that are relative to it."""
    local = root / ".dvc" / "config.local"
    if local.exists():
        shutil.copyfile(local, path / ".dvc" / "config.local")
    cache, remotes = folders_of(root)
    settings = {"cache.dir": cache} | {f"remote.{each.name}.url": Path(each.url) for each in remotes}
    for name, folder in settings.items():
        run(path, f"share {name}", "dvc", "config", "--local", name, str(folder.resolve()))
