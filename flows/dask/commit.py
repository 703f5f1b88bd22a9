"""The commit that workers clone: whether it holds what a walk needs, and from where it is cloned."""

import subprocess
from pathlib import Path

from flows.pinned.errors import GraphError
from flows.studies.folder import STUDIES
from flows.studies.folder import repository as code_root

AHEAD = ("params.yaml", "dvc.lock", "data.dvc")  # may differ from the commit: they go along as they are
UNHARMFUL = ("results/", "watch.dvc")  # stages that read the one run here, none reads the other


class CannotSpread(GraphError):
    """Why stages cannot run on other machines, and what to do about it."""


def head(root: Path) -> str:
    return _git(root, "rev-parse", "HEAD")


def refuse_what_no_worker_could_know(root: Path) -> None:
    """Raises CannotSpread: a worker has the commit, and what goes along with a job."""
    # --porcelain alone abbreviates untracked folders
    changed = [line[3:] for line in _git(root, "status", "--porcelain", "--untracked-files=all").splitlines()]
    folder = root.relative_to(code_root(root)).as_posix()
    place = "" if folder == "." else f"{folder}/"
    ahead, unharmful = tuple(place + path for path in AHEAD), tuple(place + path for path in UNHARMFUL)
    read = [
        path for path in changed if not path.startswith(f"{STUDIES}/") or (place and path.startswith(place))
    ]
    unknown = [path for path in read if path not in ahead and not path.startswith(unharmful)]
    if place and f"{place}dvc.yaml" not in _git(root, "ls-files", "--full-name").splitlines():
        raise CannotSpread(
            f"study {root.name} is in no commit that workers could clone: `git add {folder} && git commit -m 'study {root.name}'`"
        )
    if unknown:
        raise CannotSpread(
            f"not in the commit that workers clone: {', '.join(unknown[:5])}{' ...' if len(unknown) > 5 else ''}\n"
            f"commit it, then run this again (only {', '.join(AHEAD)} go along as they are)"
        )


def published(root: Path, commit: str) -> str:
    """Where workers on other machines clone from: the address of origin, if it has the commit."""
    url = _git(root, "config", "--get", "remote.origin.url")
    if not url:
        raise CannotSpread(
            "workers clone from origin, and there is none: `git remote add origin <url>`, and push"
        )
    if not _git(root, "for-each-ref", "--contains", commit, "refs/remotes/origin"):
        raise CannotSpread(f"workers clone from origin ({url}), which lacks {commit[:12]}: `git push` first")
    there = code_root(root) / url
    return str(there.resolve()) if there.exists() else url


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.rstrip("\n")
