"""A Dask scheduler and three workers on this machine, each in an empty folder of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

NAMES = ("one", "two", "three")


class Cluster:
    def __init__(self, address: str, workers: list["subprocess.Popen[bytes]"]) -> None:
        self.address, self.workers = address, workers

    def worker_above(self, pid: int) -> "subprocess.Popen[bytes]":
        above = {parent.pid for parent in psutil.Process(pid).parents()}
        return next(worker for worker in self.workers if worker.pid in above)


@contextmanager
def cluster_of_three(folder: Path) -> Iterator[Cluster]:
    with scheduler(folder) as address:
        workers = [started_worker(folder / name, address) for name in NAMES]
        try:
            wait_until(lambda: _connected(address) == len(NAMES), "three workers")
            yield Cluster(address, workers)
        finally:
            for process in workers:
                process.terminate()
                process.wait()


@contextmanager
def scheduler(folder: Path) -> Iterator[str]:
    """Its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ("--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    process = _started(folder / "scheduler", "dask_scheduler", *options)
    address = f"tcp://127.0.0.1:{port}"
    try:
        wait_until(lambda: _connected(address) is not None, "the scheduler")
        yield address
    finally:
        process.terminate()
        process.wait()


def started_worker(folder: Path, address: str) -> "subprocess.Popen[bytes]":
    """With one thread, in an empty folder of its own."""
    options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", ".")
    return _started(folder, "dask_worker", address, *options)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)


def _started(folder: Path, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
    folder.mkdir(parents=True)
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{program}", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _connected(address: str) -> int | None:
    """How many workers there are; None: not even the scheduler answers."""
    from distributed import Client  # noqa: PLC0415 - an extra

    with suppress(OSError), Client(address, timeout=10, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        return len(client.scheduler_info(n_workers=-1)["workers"])
    return None
