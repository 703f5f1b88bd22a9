"""A study as a commit holds it: its folder in a worktree of that commit."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.studies.folder import PARAMS, STUDIES, StudyError
from flows.studies.inside import inside
from flows.worktrees.worktree import run


@contextmanager
def of_the_commit(clean: Path, study: str | None) -> Iterator[Path]:
    """The working directory inside; None: the worktree itself. Raises StudyError where the commit has no such study."""
    folder = clean if study is None else clean / STUDIES / study
    if not (folder / PARAMS).exists() and study is not None:
        commit = run(clean, "name the commit", "git", "rev-parse", "--short", "HEAD").strip()
        raise StudyError(
            f"commit {commit} has no study {study!r}: `git add {STUDIES}/{study} && git commit -m 'study {study}'`"
        )
    with inside(folder, refresh=False):
        yield folder


def committed_studies(root: Path, commit: str) -> list[str]:
    listed = run(root, "list the studies", "git", "ls-tree", "-d", "--name-only", commit, f"{STUDIES}/")
    return sorted(Path(path).name for path in listed.splitlines())
