"""One opened DVC repository: its lock handed on between threads, its refusals in words, what a kill left cleared."""

import errno
import json
import logging
import shlex
import sqlite3
import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from dvc.exceptions import CacheLinkError, DvcException
from dvc.lock import LockBase, LockError, make_lock
from dvc.repo import Repo
from dvc.rwlock import RWLOCK_FILE, RWLOCK_LOCK
from dvc.stage.cache import RunCacheNotFoundError, StageCache
from rich.console import Console

from flows.pinned.errors import CannotRun, GraphError, LockConflict

LOCK = "dvc.lock"
_turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


def causes_of(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


@contextmanager
def opened(root: Path, stop: threading.Event | None = None) -> Iterator[Any]:
    """DVC without its chatter (its progress bars obey the log level), and with its refusals as `GraphError`."""
    if Path.cwd().resolve() != root.resolve():
        raise GraphError(f"DVC's run-cache works in the repository's root only: cd {root}")
    logging.getLogger("dvc").setLevel(logging.CRITICAL)
    for name in ("dvc_data", "dvc_objects"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.ERROR)
        logger.handlers, logger.propagate = [_FAILURES], False
    try:
        with Repo(str(root)) as repo:
            repo.lock = _InTurn(repo.lock, _turns[repo.root_dir], stop)
            repo.stage_cache = _NotingCache(repo)
            yield repo
    except (DvcException, CacheLinkError, OSError, sqlite3.Error) as error:
        if (root / LOCK).exists() and "<<<<<<<" in (root / LOCK).read_text():
            raise LockConflict(
                "dvc.lock has a merge conflict: see README, 'A conflict in dvc.lock'"
            ) from error
        causes = list(causes_of(error))
        raise GraphError(explained(causes) or "; ".join(dict.fromkeys(map(str, causes)))) from error


class _Failures(logging.Handler):
    """Why single files could not be moved: DVC's exceptions only count them."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: deque[tuple[float, BaseException]] = deque(maxlen=1000)

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            self.noted.append((record.created, record.exc_info[1]))


_FAILURES = _Failures()


def failures_since(start: float) -> list[BaseException]:
    return [failure for at, failure in list(_FAILURES.noted) if at >= start]


def explained(causes: Sequence[BaseException]) -> str:
    """What a user can do about it; empty where nobody but the code knows."""
    deepest = causes[-1]
    numbers = {each.errno for each in causes if isinstance(each, OSError)}
    if any(isinstance(each, LockError) for each in causes):
        return f"another DVC command is at work here: let it end, then run this again\n{deepest}"
    if numbers & FULL:
        return f"the disk is full: {deepest}\nmake room, then run this again: what was finished is kept"
    if numbers & _NOT_ALLOWED:
        return (
            f"not allowed to write there: {deepest}\nallow it, then run this again: what was finished is kept"
        )
    if isinstance(deepest, sqlite3.Error):
        return f"DVC's own database cannot be used ({deepest}): is the disk full, or not to be written to?"
    return ""


FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


def forget_the_dead(repo: Any) -> None:
    """DVC's table of who works on which path, without what a kill may leave in it.

    That is half a table, or rows whose process number is another process's by now: one that started after the table
    was written. (Rows whose process is gone DVC drops itself.)
    """
    path = Path(repo.tmp_dir) / RWLOCK_FILE
    guard = make_lock(
        str(path.with_name(RWLOCK_LOCK)),
        tmp_dir=repo.tmp_dir,
        hardlink_lock=repo.config["core"]["hardlink_lock"],
    )
    with suppress(FileNotFoundError), guard:
        text = path.read_text()
        try:
            table = {"write": {}, "read": {}} | json.loads(text)
            kept = {
                "write": {at: row for at, row in table["write"].items() if _wrote(row, path)},
                "read": {
                    at: [row for row in rows if _wrote(row, path)] for at, rows in table["read"].items()
                },
            }
        except (ValueError, KeyError, AttributeError, TypeError):  # half of it
            path.unlink()
            return
        if kept != table:
            path.write_text(json.dumps(kept))


def _wrote(row: dict[str, Any], path: Path) -> bool:
    try:
        return bool(psutil.Process(int(row["pid"])).create_time() <= path.stat().st_mtime)
    except psutil.NoSuchProcess:
        return True


class _NotingCache(StageCache):  # type: ignore[misc]
    restored = False
    obstacle = ""  # why the stage's command could not run here

    def restore(self, stage: Any, **options: Any) -> None:
        try:
            super().restore(stage, **options)
        except RunCacheNotFoundError:
            if self.obstacle:
                raise CannotRun(self.obstacle) from None
            raise
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
        said = False
        while True:
            try:
                self._inner.lock()
                return
            except BaseException as error:
                if not isinstance(error, LockError) or (self._stop and self._stop.is_set()):
                    self._turn.release()
                    raise
                if not said:
                    said = True
                    console = Console(stderr=True, soft_wrap=True, highlight=False)
                    console.print(f"waiting for another DVC command to end{self._whose()}", markup=False)

    def _whose(self) -> str:
        with suppress(OSError, ValueError, psutil.Error):
            pid = int(Path(self.lockfile).read_text())
            return f" (process {pid}: {shlex.join(psutil.Process(pid).cmdline())})"
        return ""

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
