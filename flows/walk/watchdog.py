"""No process of a stage outlives the walk that started it: a small process beside each walk sees to that.

Its standard input is a pipe that only the walk holds open, so it ends when the walk does, however the walk does. All
processes of a walk carry the walk's marker in their environment: that also finds those in sessions of their own, and
those whose parent is gone.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

MARKER = "REPRODUCE_RUN"
GRACE = 5.0  # seconds between SIGTERM and SIGKILL
ENDED_WELL = b"."


@contextmanager
def watching(marker: str) -> Iterator[None]:
    """While the body runs. If it does not come to its end, no process of the walk is left afterwards."""
    watcher = subprocess.Popen(
        [sys.executable, "-P", __file__, marker],  # -P: modules here must not hide the standard library's
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name != MARKER},
        start_new_session=True,  # neither Ctrl-C nor the end of the terminal is meant for it
    )
    assert watcher.stdin
    try:
        yield
        with suppress(OSError):
            watcher.stdin.write(ENDED_WELL)
            watcher.stdin.flush()
    finally:
        with suppress(OSError):
            watcher.stdin.close()
        watcher.wait()


def end_processes(marker: str, grace: float = GRACE) -> bool:
    """SIGTERM, then SIGKILL, for every process of the walk but this one. False: there was none.

    They are not waited for: DVC's thread does that, and a second waiter would take the exit code from it, which
    would then read as 0.
    """
    import psutil  # noqa: PLC0415 - a watchdog that is never needed starts in no time

    def alive(process: psutil.Process) -> bool:
        with suppress(psutil.Error):
            return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
        return False

    processes = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARKER) == marker and alive(process):
                process.terminate()
                processes.append(process)
    deadline = time.monotonic() + grace
    try:
        while any(alive(each) for each in processes) and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:  # a second Ctrl-C ends the grace
        for process in processes:
            with suppress(psutil.Error):
                process.kill()
    return bool(processes)


def main() -> None:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    if sys.stdin.buffer.read() != ENDED_WELL:
        while end_processes(sys.argv[1]):  # what was just being started comes to light the next time
            pass


if __name__ == "__main__":
    main()
