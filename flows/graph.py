"""What DVC knows: the stages, what is stale and why, the lock file, the pinned data. Nothing else imports dvc."""

import hashlib
import logging
import re
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import networkx as nx
from dvc.dependency import ParamsDependency
from dvc.exceptions import CacheLinkError, DvcException
from dvc.lock import LockBase, LockError
from dvc.repo import Repo, lock_repo
from dvc.repo.reproduce import get_active_graph
from dvc.stage import PipelineStage
from dvc.stage.cache import StageCache
from dvc.stage.serialize import to_lockfile
from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

PIPELINE, LOCK, DATA_PIN = "dvc.yaml", "dvc.lock", "data.dvc"
KILLED = {137, 143}  # what a shell makes of SIGKILL and SIGTERM
LOCK_HEAD = "schema: '2.0'\nstages:\n"
_turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


class GraphError(RuntimeError):
    """What DVC refused, in words; `__cause__` has its own error."""


class StageError(GraphError):
    def __init__(self, message: str, reasons: tuple[str, ...], may_pass_again: bool) -> None:
        super().__init__(message)
        self.reasons, self.may_pass_again = reasons, may_pass_again


class Stopped(GraphError):
    pass


@dataclass(frozen=True)
class Stage:
    name: str
    upstreams: tuple[str, ...]
    reasons: tuple[str, ...]  # why it is stale; empty: up to date

    @property
    def stale(self) -> bool:
        return bool(self.reasons)


@dataclass(frozen=True)
class Reproduction:
    state: Literal["ran", "restored", "skipped"]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class DataStatus:
    state: Literal["not pinned", "missing", "changed", "clean"]
    changed: tuple[str, ...] = ()  # paths under data/; folders alone where the cache lacks the pinned listing
    folders: Mapping[str, str] = field(default_factory=dict)  # folder under data/ -> digest of what it holds


def stages(root: Path) -> list[Stage]:
    """All stages of dvc.yaml, upstreams first. Stale: changed itself, or below a stage that is."""
    with _repo(root) as repo, lock_repo(repo):
        upstream = get_active_graph(repo.index.graph)  # edges go from a stage to its upstreams
        mine = {stage: stage.name for stage in upstream if isinstance(stage, PipelineStage)}
        order = nx.lexicographical_topological_sort(upstream.reverse(), key=lambda stage: stage.addressing)
        found: dict[str, Stage] = {}
        for stage in order:
            if stage not in mine:
                continue
            names = tuple(sorted(mine[up] for up in upstream.successors(stage) if up in mine))
            reasons = _stale_because(stage) or tuple(
                f"upstream {name} is stale" for name in names if found[name].stale
            )
            found[stage.name] = Stage(stage.name, names, reasons)
        return list(found.values())


def reproduce_stage(
    root: Path,
    name: str,
    force: bool = False,
    environment: Mapping[str, str] | None = None,
    stop: threading.Event | None = None,
) -> Reproduction:
    """Bring one stage up to date; safe in several threads at once. Raises `StageError`."""
    reasons: tuple[str, ...] = ()

    def reproduce(stage: Any, **options: Any) -> Any:
        nonlocal reasons
        if stop and stop.is_set():
            raise Stopped(f"{name} was not started")
        reasons = ("forced",) if options["force"] else _stale_because(stage)
        reproduced = stage.reproduce(**options)
        if reproduced:
            _record(root, stage)
        return reproduced

    try:
        with _repo(root, stop) as repo:
            target = f"{root / PIPELINE}:{name}"
            done = repo.reproduce(
                [target], single_item=True, force=force, repro_fn=reproduce, run_env=dict(environment or {})
            )
            restored = repo.stage_cache.restored
    except GraphError as error:
        chain = list(_causes(error))
        exits = [int(code) for each in chain for code in re.findall(r"exited with (-?\d+)$", str(each))]
        killed = any(code < 0 or code in KILLED for code in exits)
        locked = any(isinstance(each, LockError) for each in chain)
        raise StageError(str(chain[-1]), reasons, killed or locked) from error
    return Reproduction("restored" if restored else "ran" if done else "skipped", reasons)


def sort_lock(root: Path) -> None:
    """The same bytes whatever the order in which stages ended; DVC itself would write them so, too."""
    path = root / LOCK
    if path.exists() and (after := _rewritten(path.read_text())) != path.read_text():
        _write_at_once(path, after)


def lock_hash(root: Path) -> str:
    return hashlib.sha256((root / LOCK).read_bytes()).hexdigest() if (root / LOCK).exists() else "none"


def pull(root: Path, targets: list[str]) -> None:
    with _repo(root) as repo:
        repo.pull([f"{root / PIPELINE}:{name}" for name in targets], run_cache=True, allow_missing=True)


def push(root: Path) -> None:
    with _repo(root) as repo:
        repo.push(run_cache=True)


def has_remote(root: Path) -> bool:
    with _repo(root) as repo:
        return bool(repo.config["core"].get("remote"))


def data_status(root: Path) -> DataStatus:
    """data/ against data.dvc."""
    if not (root / DATA_PIN).exists():
        return DataStatus("not pinned")
    with _repo(root) as repo, lock_repo(repo):
        out = _data(repo).outs[0]
        if not out.exists:
            return DataStatus("missing")
        # dry: hash what is there, put nothing into the cache
        *_, found = out._build(
            out.cache, out.fs_path, out.fs, out.hash_name, ignore=out.dvcignore, dry_run=True
        )
        if found.hash_info == out.hash_info:
            return DataStatus("clean")
        folders = _folder_digests(found)
        pinned = out.get_obj()
        if pinned is not None:
            old, new = _listing(pinned), _listing(found)
            changed = [path for path in old.keys() | new.keys() if old.get(path) != new.get(path)]
        else:
            known = _pinned_folders(_data(repo))
            changed = [
                f"{name}/" for name in known.keys() | folders.keys() if known.get(name) != folders.get(name)
            ]
        return DataStatus("changed", tuple(sorted(changed)), folders)


def restore_data(root: Path) -> bool:
    """Check data/ out over whatever is there, from the cache or from a remote. False: neither has all of it.

    Asked first, since a forced checkout from an incomplete cache deletes what it cannot replace.
    """
    with _repo(root) as repo:
        pin = str(root / DATA_PIN)
        if _data(repo).outs[0].changed_cache() and repo.config["core"].get("remote"):
            with suppress(DvcException):
                repo.fetch([pin])
        complete_now = not _data(repo).outs[0].changed_cache()
        if complete_now:
            repo.checkout([pin], force=True)
        return complete_now


def cache_data(root: Path) -> None:
    """Put data/ into the cache. data.dvc stays as it is."""
    with _repo(root) as repo, lock_repo(repo):
        pin = _data(repo)
        if pin.outs[0].changed_cache():
            pin.commit()


def pin_data(root: Path) -> None:
    """Write data.dvc, with a digest of each folder, so that a clone with no cache can say which one differs."""
    with _repo(root) as repo:
        (pin,) = repo.add([str(root / "data")])
        out = pin.outs[0]
        text = parse_yaml_for_update((root / DATA_PIN).read_text(), DATA_PIN)
        text["meta"] = {"pinned": out.hash_info.value, "folders": _folder_digests(out.get_obj())}
    _write_at_once(root / DATA_PIN, dumps_yaml(text))


def _stale_because(stage: Any) -> tuple[str, ...]:
    """DVC's own test (`Stage.changed`), in words."""
    root = Path(stage.repo.root_dir)
    if stage.name not in stage.dvcfile.lockfile_contents.get("stages", {}):
        return ("never ran",)
    reasons = ["command changed"] if stage.cmd_changed else []
    if stage.is_callback or stage.always_changed:
        reasons.append("runs every time")
    for dep in [] if stage.frozen else stage.deps:
        status = next(iter(dep.status().values()), None)
        path = _relative(dep.fs_path, root)
        if isinstance(dep, ParamsDependency) and isinstance(status, dict):
            old, new = dep.hash_info.value or {}, dep.read_params()
            for name in status:
                reasons += [f"parameter {key} changed" for key in _changed_keys(old, new, name) or [name]]
        elif status:
            reasons.append(f"dependency {path} {_IN_WORDS.get(status, status)}")
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


def _changed_keys(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> list[str]:
    """Dotted names of the innermost values under `name` that differ; lists count as one value."""
    before, after = old.get(name), new.get(name)
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [*before, *(key for key in after if key not in before)]
        return [f"{name}.{leaf}" for key in keys for leaf in _changed_keys(before, after, key)]
    return [name] if before != after or (name in old) != (name in new) else []


def _relative(path: str, root: Path) -> str:
    return str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path


def _record(root: Path, stage: Any) -> None:
    """Replace the stage's lines in dvc.lock; `sort_lock` puts them in order at the end.

    DVC parses and writes the whole file for each stage, which is most of what a small stage costs, and truncates
    it first, so that a kill at that moment loses it.
    """
    path, entry = root / LOCK, dumps_yaml({"stages": to_lockfile(stage)}).removeprefix("stages:\n")
    lock = path.read_text() if path.exists() else LOCK_HEAD
    if not lock.startswith(LOCK_HEAD) or re.search(r"^\w", lock.removeprefix(LOCK_HEAD), re.MULTILINE):
        lock = _rewritten(lock)
    name = entry.partition("\n")[0]
    others = re.sub(rf"^{re.escape(name)}\n(?: {{4}}.*\n|\n)*", "", lock, flags=re.MULTILINE)
    _write_at_once(path, others + entry)
    stage.repo.scm_context.track_file(LOCK)


def _rewritten(lock: str) -> str:
    """As DVC writes it, stages sorted and last."""
    data = parse_yaml_for_update(lock, LOCK)
    data["stages"] = dict(sorted(data.pop("stages", {}).items()))
    return str(dumps_yaml(data))


def _write_at_once(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text)
    partial.replace(path)


def _data(repo: Any) -> Any:
    return repo.stage.load_one(str(Path(repo.root_dir) / DATA_PIN))


def _listing(tree: Any) -> dict[str, str]:
    return {"/".join(key): hash_info.value for key, _, hash_info in tree}


def _folder_digests(tree: Any) -> dict[str, str]:
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for path, value in sorted(_listing(tree).items()):
        lines[path.partition("/")[0]].append(f"{path} {value}\n")
    return {folder: hashlib.md5("".join(each).encode()).hexdigest() for folder, each in lines.items()}


def _pinned_folders(pin: Any) -> dict[str, str]:
    meta = pin.meta or {}
    return meta["folders"] if meta.get("pinned") == pin.outs[0].hash_info.value else {}


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


@contextmanager
def _repo(root: Path, stop: threading.Event | None = None) -> Iterator[Any]:
    """DVC without its chatter (its progress bars obey the log level), and with its refusals as `GraphError`."""
    if Path.cwd().resolve() != root.resolve():
        raise GraphError(f"DVC's run-cache works in the repository's root only: cd {root}")
    for name in ("dvc", "dvc_data", "dvc_objects"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with Repo(str(root)) as repo:
            repo.lock = _InTurn(repo.lock, _turns[repo.root_dir], stop)
            repo.stage_cache = _NotingCache(repo)
            yield repo
    except (DvcException, CacheLinkError) as error:
        if (root / LOCK).exists() and "<<<<<<<" in (root / LOCK).read_text():
            raise GraphError("dvc.lock has a merge conflict: see README, 'A conflict in dvc.lock'") from error
        raise GraphError("; ".join(dict.fromkeys(map(str, _causes(error))))) from error


class _NotingCache(StageCache):  # type: ignore[misc]
    restored = False

    def restore(self, stage: Any, **options: Any) -> None:
        super().restore(stage, **options)
        self.restored = True


class _InTurn(LockBase):  # type: ignore[misc]
    """DVC's lock, which the threads of this process hand on at once; DVC alone polls for it twice a second.

    Waits for other processes without end, unless told to stop.
    """

    def __init__(self, lock: Any, turn: threading.Lock, stop: threading.Event | None) -> None:
        super().__init__(lock.lockfile)
        self._inner, self._turn, self._stop = lock, turn, stop
        lock._friendly = False  # no progress bar while waiting

    def lock(self) -> None:
        self._turn.acquire()
        while True:
            try:
                self._inner.lock()
                return
            except BaseException as error:
                if not isinstance(error, LockError) or (self._stop and self._stop.is_set()):
                    self._turn.release()
                    raise

    def unlock(self) -> None:
        try:
            self._inner.unlock()
        finally:
            self._turn.release()

    @property
    def is_locked(self) -> bool:
        return bool(self._inner.is_locked)

    def __enter__(self) -> None:
        self.lock()

    def __exit__(self, *_: object) -> None:
        self.unlock()
