"""What a clone gives to and takes from the DVC remote for one stage, so that another machine can run it."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from flows.pinned.graph import PIPELINE
from flows.pinned.lock_file import splice
from flows.pinned.remotes import reached
from flows.pinned.repository import opened


def bound_to_git(root: Path, names: Collection[str]) -> set[str]:
    """Stages that write into git, or read what a stage wrote there: these run where the working copy is."""
    with opened(root) as repo:
        stages = {name: _stage(repo, root, name) for name in names}
        return {
            name
            for name, stage in stages.items()
            if not all(out.use_cache for out in stage.outs)
            or not all(out.use_cache for out in _inputs(repo, stage))
        }


def pull_inputs(root: Path, name: str) -> None:
    """What the stage reads of data/ and of other stages, as dvc.lock and data.dvc pin it."""
    with opened(root) as repo:
        stage = _stage(repo, root, name)
        paths = [dep.fs_path for dep in stage.deps if _made_by(repo, dep.fs_path)]
        if paths:
            with reached(repo):
                repo.pull(paths, force=True)


def push_inputs(root: Path, names: Collection[str], made_later: Collection[str]) -> None:
    """What these stages read and none of those that will run makes: data/, and what was up to date before."""
    with opened(root) as repo:
        wanted = {
            out.fs_path: None
            for name in names
            for out in _inputs(repo, _stage(repo, root, name))
            if getattr(out.stage, "name", None) not in made_later
        }
        if wanted:
            with reached(repo):
                repo.push(list(wanted))


def push_stage(root: Path, name: str) -> None:
    """What the stage made, and its entry in the run-cache."""
    with opened(root) as repo, reached(repo):
        repo.push([_target(root, name)], run_cache=True)


def adopt(root: Path, name: str, entry: str) -> None:
    """Take over what another machine made of a stage: its lines of dvc.lock, then its outputs from the remote."""
    with opened(root) as repo:
        with repo.lock:
            splice(root, entry)
        with reached(repo):
            repo.pull([_target(root, name)], force=True)


def _target(root: Path, name: str) -> str:
    return f"{root / PIPELINE}:{name}"


def _stage(repo: Any, root: Path, name: str) -> Any:
    return repo.stage.load_one(str(root / PIPELINE), name)


def _made_by(repo: Any, path: str) -> list[Any]:
    """The outputs that hold the path, or that it holds; none for what git holds."""
    return [
        out
        for out in repo.index.outs
        if Path(path).is_relative_to(out.fs_path) or Path(out.fs_path).is_relative_to(path)
    ]


def _inputs(repo: Any, stage: Any) -> list[Any]:
    return [out for dep in stage.deps for out in _made_by(repo, dep.fs_path)]
