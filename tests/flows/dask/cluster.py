"""A Dask scheduler and its workers as processes, each in an empty folder of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil


class Cluster:
    def __init__(self, address: str, workers: list["subprocess.Popen[bytes]"]) -> None:
        self.address, self.workers = address, workers

    def worker_above(self, pid: int) -> "subprocess.Popen[bytes]":
        above = {parent.pid for parent in psutil.Process(pid).parents()}
        return next(worker for worker in self.workers if worker.pid in above)

    def process_of(self, stage: str) -> psutil.Process | None:
        """The Python process that runs `<experiment>.<step> [option]` on one of the workers."""
        for worker in self.workers:
            with suppress(psutil.Error):
                for process in psutil.Process(worker.pid).children(recursive=True):
                    with suppress(psutil.Error):
                        _, *command = process.cmdline()
                        if (
                            command[:1]
                            and command[0].endswith("run_stage.py")
                            and command[1:] == stage.split()
                        ):
                            return process
        return None


@contextmanager
def cluster_of(workers: int, folder: Path, environment: Mapping[str, str] = os.environ) -> Iterator[Cluster]:
    with scheduler(folder) as address:
        running = [started_worker(folder / f"worker{i}", address, environment) for i in range(1, workers + 1)]
        try:
            wait_until(lambda: _connected(address) == workers, f"{workers} workers")
            yield Cluster(address, running)
        finally:
            for process in running:
                process.terminate()
                process.wait()


@contextmanager
def scheduler(folder: Path) -> Iterator[str]:
    """Its address."""
    port = free_port()
    options = ("--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    process = _started(folder / "scheduler", os.environ, "dask_scheduler", *options)
    address = f"tcp://127.0.0.1:{port}"
    try:
        wait_until(lambda: _connected(address) is not None, "the scheduler")
        yield address
    finally:
        process.terminate()
        process.wait()


def started_worker(
    folder: Path, address: str, environment: Mapping[str, str] = os.environ
) -> "subprocess.Popen[bytes]":
    """With one thread."""
    options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", ".")
    return _started(folder, environment, "dask_worker", address, *options)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], what: str, seconds: int = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)


def _started(
    folder: Path, environment: Mapping[str, str], program: str, *arguments: str
) -> "subprocess.Popen[bytes]":
    """Knows nothing of this checkout: there is no PYTHONPATH."""
    folder.mkdir(parents=True)
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{program}", *arguments],
        cwd=folder,
        env={name: value for name, value in environment.items() if name != "PYTHONPATH"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _connected(address: str) -> int | None:
    """How many workers there are; None: not even the scheduler answers."""
    from distributed import Client  # noqa: PLC0415 - an extra

    with suppress(OSError), Client(address, timeout=10, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        return len(client.scheduler_info(n_workers=-1)["workers"])
    return None
