"""What a Dask worker does for one stage: clone the commit, and let the clone's own code pull, reproduce and push.

This file is sent to the workers, so it stands on the standard library and Dask alone: a worker needs git, the remote
and the environment, and no copy of this repository.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypedDict

from distributed import Worker, get_worker

POLL = 0.2  # seconds
TELL = 1.0


class RemoteSettings(TypedDict):
    name: str
    settings: Mapping[
        str, str
    ]  # where it is; credentials only where the worker is on the coordinator's machine


class Job(TypedDict):
    topic: str  # of the events that tell the coordinator what happens
    stage: str
    force: bool
    repository: str  # where git clones from
    commit: str
    folder: str  # of the walk, in the repository
    files: Mapping[
        str, str
    ]  # path in it -> text, where the coordinator's working copy is ahead of the commit
    remote: RemoteSettings


class CloneError(RuntimeError):
    pass


def run_stage(job: Job, key: str) -> dict[str, Any]:
    """The reply of `flows.dask.remote_stage`. Raises CloneError where it could not even start."""
    worker = get_worker()
    worker.log_event(job["topic"], {"stage": job["stage"], "worker": worker.address})
    with _clone(Path(worker.local_directory), job) as clone:
        folder = clone / job["folder"]
        for name, text in job["files"].items():
            (folder / name).write_text(text)
        reply = clone / ".dvc" / "tmp" / "reply.json"
        reply.unlink(missing_ok=True)
        log = folder / ".logs" / f"{job['stage']}.log"
        log.unlink(missing_ok=True)
        printed = clone / ".dvc" / "tmp" / "printed.log"
        command = [sys.executable, "-m", "flows.dask.remote_stage", job["stage"], str(reply), job["folder"]]
        with printed.open("w") as output:
            process = subprocess.Popen(
                command + ["--force"] * job["force"],
                cwd=clone,
                env=_environment(clone),
                stdin=subprocess.PIPE,  # ends with this worker, and the stage with it
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            _watch(process, worker, job, key, log)
        if not reply.exists():
            raise CloneError(
                f"{job['stage']} gave no reply on {worker.address}:\n{printed.read_text()[-2000:]}"
            )
        answer: dict[str, Any] = json.loads(reply.read_text())
        return answer


def _watch(process: "subprocess.Popen[bytes]", worker: Worker, job: Job, key: str, log: Path) -> None:
    """Until its end, or until nobody wants its result any more; what it prints is told on the way."""
    told = 0
    next_time = 0.0
    while True:
        ended = process.poll() is not None
        if ended or time.monotonic() > next_time:
            next_time = time.monotonic() + TELL
            text = log.read_bytes()[told:] if log.exists() else b""
            if text:
                told += len(text)
                worker.log_event(job["topic"], {"stage": job["stage"], "text": text.decode(errors="replace")})
        if ended:
            return
        task = worker.state.tasks.get(key)
        if task is None or task.state not in ("executing", "long-running"):
            assert process.stdin
            process.stdin.close()
            process.wait()
            return
        time.sleep(POLL)


@contextmanager
def _clone(base: Path, job: Job) -> Iterator[Path]:
    """A clone at the job's commit that no other thread of this worker uses now; they share one cache."""
    for number in count():
        path = base / f"{job['commit'][:12]}-{number}"
        lock = (base / f"{path.name}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        with lock:
            _check_out(path, base / "cache", job)
            yield path
        return


def _check_out(path: Path, cache: Path, job: Job) -> None:
    complete = path / ".dvc" / "config.local"  # written last
    if not complete.exists():
        shutil.rmtree(path, ignore_errors=True)
        _git("clone", "--quiet", "--no-checkout", job["repository"], str(path))
        _git("-C", str(path), "checkout", "--quiet", "--detach", job["commit"])
        (path / ".dvc" / "tmp").mkdir(exist_ok=True)
    name = job["remote"]["name"]
    lines = [
        "[core]",
        f"remote = {name}",
        "[cache]",
        f"dir = {cache}",
        f"['remote \"{name}\"']",
        *(f"{key} = {value}" for key, value in job["remote"]["settings"].items()),
    ]
    complete.touch(mode=0o600)
    complete.write_text("\n".join(lines) + "\n")


def _git(*arguments: str) -> None:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CloneError(f"git {' '.join(arguments)} failed on a worker: {done.stderr.strip()}")


def _environment(clone: Path) -> dict[str, str]:
    """The worker's Python comes first; nothing of the worker's own walk or thread settings goes along."""
    mine = {
        name: value for name, value in os.environ.items() if not name.startswith(("STAGE_", "REPRODUCE_"))
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), mine.get("PATH", "")])
    return mine | {"PATH": path, "PYTHONPATH": str(clone), "DVC_NO_ANALYTICS": "1"}
