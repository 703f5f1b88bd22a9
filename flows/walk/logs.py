"""What a stage prints goes to `.logs/<stage>.log`; here it is read, while it grows and afterwards."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TAIL = 20  # lines
POLL = 1.0  # seconds
AT_ONCE = 100  # lines: what a stage prints faster is in its log alone


def log_path(stage: str) -> Path:
    return Path(".logs") / f"{stage}.log"


def begin_log(root: Path, stage: str) -> None:
    """Another, empty file in its place: who follows the old one notices."""
    path = root / log_path(stage)
    path.parent.mkdir(exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text("")
    new.replace(path)


LogState = tuple[int, int, int] | None  # inode, bytes, time of the last change; None: no log


def log_state(root: Path, stage: str) -> LogState:
    """Of the stage's log as it is now: while it stays so, it is an earlier run's. (Clocks of file systems are coarse.)"""
    try:
        status = (root / log_path(stage)).stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def log_tail(root: Path, stage: str, before: LogState) -> str:
    """The end of what the stage printed; empty where it printed nothing since its log was as `before`."""
    if log_state(root, stage) in (None, before):
        return ""
    return "\n".join((root / log_path(stage)).read_text(errors="replace").splitlines()[-TAIL:])


@contextmanager
def followed(root: Path, stage: str, emit: Callable[[str], None]) -> Iterator[None]:
    """While the body runs, hand on whole lines as they are printed."""
    done = threading.Event()
    follower = _Follower(root, stage, emit)

    def follow() -> None:
        while not done.wait(POLL):
            follower.emit_new(whole_lines=True)
        follower.emit_new(whole_lines=False)

    thread = threading.Thread(target=follow, name=f"follows {stage}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class _Follower:
    """Hands on each line once. A log that is begun anew, as by a worker that takes over, is read from its start."""

    def __init__(self, root: Path, stage: str, emit: Callable[[str], None]) -> None:
        self._root, self._stage, self._emit = root, stage, emit
        self._before = log_state(root, stage)
        self._inode, self._read = -1, 0

    def emit_new(self, whole_lines: bool) -> None:
        state = log_state(self._root, self._stage)
        if state is None or state == self._before:
            return
        self._before = None  # begun; the same size and time may come again
        inode, size, _ = state
        if inode != self._inode or size < self._read:
            self._inode, self._read = inode, 0
        path = self._root / log_path(self._stage)
        with suppress(OSError):
            with path.open("rb") as file:
                file.seek(self._read)
                new = file.read()
            if whole_lines:
                new = new[: new.rfind(b"\n") + 1]
            self._read += len(new)
            if lines := new.decode(errors="replace").splitlines():
                skipped = len(lines) - AT_ONCE
                more = [f"... {skipped} more lines in {log_path(self._stage)}"] if skipped > 0 else []
                self._emit("\n".join([*more, *lines[-AT_ONCE:]]))
