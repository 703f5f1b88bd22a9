"""A Prefect server and a worker as processes, as `make ui` and `make worker` start them, and what the server knows."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from flows.walk import settings
from tests.clone import Clone

PREFECT = [sys.executable, "-m", "prefect"]
ENDED = ("COMPLETED", "FAILED", "CRASHED")


class Server:
    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Its database is locked now and then while a run writes: 503, and it wants to be asked again."""
        for _ in range(60):
            answer = httpx.request(method, f"{self.url}/{path}", json=content or None, timeout=60)
            if answer.status_code != 503:
                break
            time.sleep(1)
        answer.raise_for_status()
        return answer

    def find(self, what: str, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("POST", f"{what}/filter", **query).json()
        return found


@contextmanager
def running_server(home: Path) -> Iterator[Server]:
    """What `make ui` starts, on a port and in a folder of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | settings.environment(home)
    url = f"http://127.0.0.1:{port}/api"
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=home)
    try:
        wait_until(lambda: _answers(url), "the server")
        yield Server(url)
    finally:
        end(process)


@contextmanager
def running_worker(clone: Clone) -> Iterator[None]:
    command = [*PREFECT, "worker", "start", "--pool", "calibration", "--install-policy", "never"]
    with (clone.path.parent / "worker.log").open("w") as log:
        process = subprocess.Popen(command, cwd=clone.path, env=clone.environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Prefect ends itself with SIGINT, which a test run in the background of a shell ignores."""
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def wait_until(condition: Callable[[], object], what: str, seconds: int = 600) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.5)


def of_run(run: dict[str, Any]) -> dict[str, Any]:
    return {"flow_runs": {"id": {"any_": [run["id"]]}}}


def log_of(server: Server, run: dict[str, Any]) -> str:
    """What has reached the server: a run sends its lines in batches, the last of them after it has ended."""
    found = server.find("logs", logs={"flow_run_id": {"any_": [run["id"]]}})
    return "\n".join(each["message"] for each in found)


def run_of(server: Server, deployment: str, number: int = 1) -> dict[str, Any]:
    """The first run of the deployment that has ended, or the second, ..."""
    found: list[dict[str, Any]] = []

    def ended() -> bool:
        query = {"deployments": {"name": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC"}
        runs = server.find("flow_runs", **query)
        found[:] = [each for each in runs if each["state_type"] in ENDED]
        return len(found) >= number

    wait_until(ended, f"a run of {deployment}")
    return found[number - 1]
