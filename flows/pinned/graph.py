"""What DVC knows: the stages, what is stale and why; and DVC's work on one stage or with a remote."""

import re
import signal
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import networkx as nx
from dvc.dependency import ParamsDependency
from dvc.exceptions import DvcException
from dvc.lock import LockError
from dvc.repo import lock_repo
from dvc.repo.reproduce import get_active_graph
from dvc.stage import PipelineStage
from dvc.stage.decorators import rwlocked

from flows.pinned.errors import CannotRun, GraphError, LockConflict, Stopped
from flows.pinned.lock_file import record
from flows.pinned.one_stage import OneStage
from flows.pinned.remotes import reached
from flows.pinned.repository import causes_of, explained, forget_the_dead, opened
from flows.pinned.stage import Stage
from flows.studies.folder import repository
from flows.studies.freshness import value_at
from params.block import read_params

PIPELINE = "dvc.yaml"
SHELL = 128  # what a shell adds to the number of the signal that killed its command
KILLED = {SHELL + signal.SIGKILL, SHELL + signal.SIGTERM}


class StageError(GraphError):
    def __init__(self, message: str, reasons: tuple[str, ...], may_pass_again: bool) -> None:
        super().__init__(message)
        self.reasons, self.may_pass_again = reasons, may_pass_again


@dataclass(frozen=True)
class Reproduction:
    state: Literal["ran", "restored", "skipped"]
    reasons: tuple[str, ...]


def stages(root: Path) -> list[Stage]:
    """All stages of dvc.yaml, upstreams first. Stale: changed itself, or below a stage that is."""
    with opened(root) as repo, lock_repo(repo):
        forget_the_dead(repo)
        upstream = get_active_graph(repo.index.graph)  # edges go from a stage to its upstreams
        mine = {stage: stage.name for stage in upstream if isinstance(stage, PipelineStage)}
        files: dict[str, Any] = {}
        for stage in mine:  # else each would read dvc.lock anew
            stage.dvcfile = files.setdefault(stage.path, stage.dvcfile)
        values = cache(lambda path: read_params(Path(path)))  # and params.yaml
        order = nx.lexicographical_topological_sort(upstream.reverse(), key=lambda stage: stage.addressing)
        found: dict[str, Stage] = {}
        for stage in order:
            if stage not in mine:
                continue
            names = tuple(sorted(mine[up] for up in upstream.successors(stage) if up in mine))
            reasons = _stale_because(stage, values) or tuple(
                f"upstream {name} is stale" for name in names if found[name].stale
            )
            found[stage.name] = Stage(stage.name, names, reasons, _files(stage))
        return list(found.values())


def _files(stage: Any) -> tuple[str, ...]:
    """Inputs, outputs, and the objects of the cache that hold the outputs."""
    paths = [each.fs_path for each in (*stage.deps, *stage.outs)]
    for out in stage.outs:
        if out.use_cache and (held := out.get_obj()):
            oids = [each.value for _, _, each in held] if out.is_dir_checksum else []
            paths += map(out.cache.oid_to_path, [held.hash_info.value, *oids])
    return tuple(paths)


def reproduce_stage(
    root: Path,
    name: str,
    force: bool = False,
    environment: Mapping[str, str] | None = None,
    stop: threading.Event | None = None,
    obstacle: str = "",
) -> Reproduction:
    """Bring one stage up to date; safe in several threads at once. Raises `StageError`.

    With an `obstacle` its command cannot run here: it may still turn out unchanged, or come from the run-cache.
    """
    reasons: tuple[str, ...] = ()

    def reproduce(stage: Any, **options: Any) -> Any:
        nonlocal reasons
        if stop and stop.is_set():
            raise Stopped(f"{name} was not started")
        reasons = ("forced",) if options["force"] else _stale_because(stage)
        if obstacle and options["force"]:
            raise CannotRun(f"{name} {obstacle}")
        reproduced = _run(stage, **options) if reasons else stage.reproduce(**options)
        if reproduced:
            record(root, stage)
        return reproduced

    try:
        with opened(root, stop) as repo:
            repo.stage = OneStage(repo)
            repo.stage_cache.obstacle = f"{name} {obstacle}" if obstacle else ""
            target = f"{root / PIPELINE}:{name}"
            done = repo.reproduce(
                [target], single_item=True, force=force, repro_fn=reproduce, run_env=dict(environment or {})
            )
            restored = repo.stage_cache.restored
    except GraphError as error:
        causes = list(causes_of(error))
        exits = [int(code) for each in causes for code in re.findall(r"exited with (-?\d+)$", str(each))]
        killed_by = [-code if code < 0 else code - SHELL for code in exits if code < 0 or code in KILLED]
        locked = any(isinstance(each, LockError) for each in causes)
        said = str(error) if isinstance(error, LockConflict) else explained(causes)
        message = said or str(causes[-1])
        if killed_by:
            name_of = signal.Signals(killed_by[0]).name
            message += f"\nit was killed ({name_of}): by hand, or because memory ran out"
        raise StageError(message, reasons, bool(killed_by) or locked) from error
    return Reproduction("restored" if restored else "ran" if done else "skipped", reasons)


def pull(root: Path, targets: list[str]) -> None:
    with opened(root) as repo, reached(repo):
        repo.pull([f"{root / PIPELINE}:{name}" for name in targets], run_cache=True, allow_missing=True)


def push(root: Path) -> None:
    with opened(root) as repo, reached(repo):
        repo.push(run_cache=True)


def has_remote(root: Path) -> bool:
    with opened(root) as repo:
        return bool(repo.config["core"].get("remote"))


def require_remote(root: Path) -> None:
    if not has_remote(root):
        raise GraphError("no DVC remote is set: `dvc remote add -d <name> <url>`")


def _stale_because(stage: Any, values: Callable[[str], Any] | None = None) -> tuple[str, ...]:
    """DVC's own test (`Stage.changed`), in words. `values`: of a params file, where many stages ask for the same."""
    root = Path(stage.repo.root_dir)
    if stage.name not in stage.dvcfile.lockfile_contents.get("stages", {}):
        return ("never ran",)
    reasons = ["command changed"] if stage.cmd_changed else []
    if stage.is_callback or stage.always_changed:
        reasons.append("runs every time")
    for dep in [] if stage.frozen else stage.deps:
        if (
            isinstance(dep, ParamsDependency)
            and dep.exists
            and dep.params
            and dep.hash_info.value is not None
        ):
            stated = (values or (lambda path: read_params(Path(path))))(dep.fs_path)
            reasons += [
                f"parameter {key} changed" for key in _changed_params(dep.hash_info.value, stated, dep.params)
            ]
        elif status := next(iter(dep.status().values()), None):
            reasons.append(f"dependency {_relative(dep.fs_path, root)} {_IN_WORDS.get(status, status)}")
    for out in stage.outs:
        status = next(iter(out.status().values()), None)
        if status:
            reasons.append(f"output {_relative(out.fs_path, root)} {_IN_WORDS.get(status, status)}")
    return tuple(reasons)


_IN_WORDS = {
    "modified": "changed",
    "deleted": "missing",
    "new": "is new",
    "not in cache": "is not in the cache",
}


def _changed_params(locked: Mapping[str, Any], stated: Any, names: Iterable[str]) -> list[str]:
    """As DVC compares them, name by name. `locked`: dotted name -> value; `stated`: the whole params file."""
    now = {name: value for name in names if (value := value_at(stated, name, _ABSENT)) is not _ABSENT}
    return [key for name in names for key in _changed_keys(locked, now, name)]


_ABSENT = object()


def _changed_keys(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> list[str]:
    """Dotted names of the innermost values under `name` that differ; lists count as one value."""
    before, after = old.get(name), new.get(name)
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [*before, *(key for key in after if key not in before)]
        return [f"{name}.{leaf}" for key in keys for leaf in _changed_keys(before, after, key)]
    return [name] if before != after or (name in old) != (name in new) else []


def _relative(path: str, root: Path) -> str:
    """To the study's folder, or else to the repository that it lies in."""
    for base in (root, repository(root)):
        if Path(path).is_relative_to(base):
            return str(Path(path).relative_to(base))
    return path


@rwlocked(read=["deps"], write=["outs"])  # type: ignore[untyped-decorator]
def _run(stage: Any, **options: Any) -> Any:
    """With its paths to itself from the start: DVC would remove the outs first, then ask whether it may."""
    try:
        return stage.reproduce(**options)
    except BaseException:
        _put_back(stage)
        raise


def _put_back(stage: Any) -> None:
    """Its outs as dvc.lock has them, or none: a command that did not end well leaves nothing half-written."""
    with suppress(DvcException, OSError):
        for out in stage.reload().outs:
            if not out.persist:
                out.remove()
                if out.use_cache and out.hash_info and not out.changed_cache():
                    out.checkout(force=True)
