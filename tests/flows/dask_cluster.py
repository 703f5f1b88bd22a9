"""A Dask scheduler and its workers as processes, each in an empty folder of its own."""

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


@contextmanager
def cluster_of(workers: int, folder: Path, environment: Mapping[str, str]) -> Iterator[Cluster]:
    """Knows nothing of this checkout: there is no PYTHONPATH."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    clean = {name: value for name, value in environment.items() if name != "PYTHONPATH"}

    def start(name: str, *command: str) -> "subprocess.Popen[bytes]":
        (folder / name).mkdir()
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder / name,
            env=clean,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    serve = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    work = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", "."]
    scheduler = start("scheduler", "distributed.cli.dask_scheduler", *serve)
    running = [
        start(f"worker{i}", "distributed.cli.dask_worker", address, *work) for i in range(1, workers + 1)
    ]
    try:
        wait_until(lambda: _connected(address) == workers, f"{workers} workers")
        yield Cluster(address, running)
    finally:
        for process in [*running, scheduler]:
            process.terminate()
            process.wait()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _connected(address: str) -> int:
    from distributed import Client  # noqa: PLC0415 - an extra

    with suppress(OSError), Client(address, timeout=10, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        return len(client.scheduler_info(n_workers=-1)["workers"])
    return 0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)
