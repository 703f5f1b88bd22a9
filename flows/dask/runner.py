"""Stages on the workers of a Dask cluster, which share nothing with this clone but a git repository and a DVC remote.

A worker clones the commit, pulls what the stage reads, reproduces it, pushes what came out; here its lines of dvc.lock
are taken over and its outputs pulled. Stages that write into git run here. Dask itself gives the stage of a worker that
died to another one.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from distributed import CancelledError, Client, KilledWorker, LocalCluster
from distributed.diagnostics.plugin import UploadFile

from flows.dask import exchange
from flows.dask import worker as dask_worker
from flows.dask.commit import AHEAD, CannotSpread, head, published, refuse_what_no_worker_could_know
from flows.pinned import graph
from flows.pinned.errors import CannotRun, GraphError
from flows.pinned.remotes import Remote, remote_of
from flows.pinned.repository import causes_of
from flows.studies.folder import repository as code_root
from flows.walk import resources
from flows.walk.logs import begin_log, log_path
from flows.walk.order import StageOutcome
from flows.walk.plan import WalkPlan
from flows.walk.reasons import because
from flows.walk.runners import LocalProcesses, local_processes
from params.resources import Amounts

GIB = 2**30
ELSEWHERE = "is to run on a worker"
WITHOUT_WORKERS = 60.0  # seconds that stages wait for a first, or for another one


@contextmanager
def on_dask(run: WalkPlan, address: str | None) -> Iterator["DaskWorkers"]:
    """`address` is a scheduler's; without one, a cluster of this machine's cores. Raises CannotSpread."""
    # Those of config.local stay on this machine: workers on others have their own.
    remote = remote_of(run.root, with_credentials=address is None)
    if remote is None:
        raise CannotSpread(
            "stages on a Dask cluster meet in a DVC remote that all its workers reach: `dvc remote add -d <name> <url>`"
        )
    refuse_what_no_worker_could_know(run.root)
    commit = head(run.root)
    repository = str(code_root(run.root)) if address is None else published(run.root, commit)
    with _client(run, address) as client, local_processes(run) as here:
        yield DaskWorkers(run, client, here, repository, commit, remote)


class DaskWorkers:
    may_grow = True  # workers come and go

    def __init__(
        self,
        run: WalkPlan,
        client: Client,
        here: LocalProcesses,
        repository: str,
        commit: str,
        remote: Remote,
    ) -> None:
        self._run, self._client, self._here = run, client, here
        self._repository, self._commit, self._remote = repository, commit, remote
        self._stopped = threading.Event()
        self._topic = f"calibration-flows-{uuid4().hex}"
        self._futures: dict[str, Any] = {}
        self._starts: dict[str, list[str]] = {}  # stage -> the workers it was started on
        to_run = {name for name in run.stages if run.may_run(name)}
        self._bound = exchange.bound_to_git(run.root, to_run)
        self._read_later = {upstream for name in to_run - self._bound for upstream in run.upstreams[name]}
        exchange.push_inputs(run.root, to_run - self._bound, made_later=to_run)
        self._last_seen = time.monotonic()
        if to_run - self._bound:
            _wait_for_a_worker(client)
        self._module = _taught(client)
        client.subscribe_topic(self._topic, self._told)  # type: ignore[no-untyped-call]

    @property
    def jobs(self) -> int:
        return _cores_of(self._workers())

    @property
    def has(self) -> Amounts:
        workers = self._workers()
        gpus = sum(map(_gpus_of, workers))
        memory = sum(each["memory_limit"] or 0 for each in workers) / GIB
        return Amounts(cpu=_cores_of(workers), gpu=gpus, memory=memory or resources.machine(0).memory)

    def _workers(self) -> list[dict[str, Any]]:
        """Those that are there now. Raises CannotSpread where none has been for a while, and stages wait for one."""
        info = self._client.scheduler_info(n_workers=-1)
        workers = list(info["workers"].values())
        if workers or not self._futures:
            self._last_seen = time.monotonic()
        elif time.monotonic() - self._last_seen > WITHOUT_WORKERS:
            raise CannotSpread(_no_worker(str(info["address"])))
        return workers

    def reproduce(self, name: str) -> StageOutcome:
        outcome = self._here.reproduce(name) if name in self._bound else self._known(name)
        if outcome is None:
            return self._on_a_worker(name)
        if outcome.succeeded and name in self._read_later:
            try:
                exchange.push_stage(self._run.root, name)
            except GraphError as error:
                return StageOutcome(
                    name, "failed", outcome.reason, error=f"not pushed for its readers: {error}"
                )
        return outcome

    def interrupt(self) -> None:
        self._stopped.set()
        for future in list(self._futures.values()):
            future.cancel(force=True)
        self._here.interrupt()

    def _known(self, name: str) -> StageOutcome | None:
        """Unchanged after all, or in the run-cache of this clone."""
        if self._run.force:
            return None
        try:
            done = graph.reproduce_stage(self._run.root, name, obstacle=ELSEWHERE)
        except graph.StageError as error:
            if any(isinstance(each, CannotRun) for each in causes_of(error)):
                return None
            return StageOutcome(name, "failed", because(error.reasons), error=str(error))
        return StageOutcome(name, done.state, because(done.reasons) or "its inputs came out the same")

    def _on_a_worker(self, name: str) -> StageOutcome:
        root = self._run.root
        self._starts[name] = []
        begin_log(root, name)
        module = self._module
        key = f"{name}-{uuid4().hex}"
        gpus = min(self._run.needs[name].gpus_welcome, max(map(_gpus_of, self._workers()), default=0))
        future = self._client.submit(
            lambda job: import_module(module).run_stage(job, key),
            self._job(name),
            key=key,
            pure=False,
            resources={"GPU": gpus} if gpus else None,
        )
        self._futures[name] = future
        try:
            if self._stopped.is_set():
                future.cancel(force=True)  # type: ignore[no-untyped-call]
            reply = future.result()
            outcome = StageOutcome(**reply["outcome"])
            if outcome.succeeded:
                exchange.adopt(root, name, reply["lock"])
        except CancelledError:
            return StageOutcome(name, "failed", "", error=f"{name} was ended")
        except KilledWorker as error:
            return StageOutcome(name, "failed", "", error=f"every worker that ran {name} died: {error}")
        except Exception as error:  # whatever a worker raised is this stage's failure
            return StageOutcome(name, "failed", "", error=f"{type(error).__name__}: {error}")
        finally:
            del self._futures[name]
        return self._with_its_workers(outcome)

    def _with_its_workers(self, outcome: StageOutcome) -> StageOutcome:
        *died, last = self._starts[outcome.stage] or ["a worker"]
        where = f"on {last}" + (f", after {' and '.join(died)} died" if died else "")
        return StageOutcome(**{**vars(outcome), "reason": f"{outcome.reason}; {where}"})

    def _job(self, name: str) -> dask_worker.Job:
        files = {
            each: (self._run.root / each).read_text() for each in AHEAD if (self._run.root / each).exists()
        }
        return {
            "topic": self._topic,
            "stage": name,
            "force": self._run.force,
            "repository": self._repository,
            "commit": self._commit,
            "files": files,
            "folder": self._run.root.relative_to(code_root(self._run.root)).as_posix(),
            "remote": {"name": self._remote.name, "settings": dict(self._remote.settings)},
        }

    def _told(self, event: tuple[float, dict[str, str]]) -> None:
        """A worker started a stage, or says what the stage printed."""
        message = event[1]
        path = self._run.root / log_path(message["stage"])
        if "text" in message:
            with path.open("a") as log:
                log.write(message["text"])
        else:
            self._starts.setdefault(message["stage"], []).append(message["worker"])
            begin_log(self._run.root, message["stage"])


def _cores_of(workers: Iterable[dict[str, Any]]) -> int:
    return max(1, sum(int(each["nthreads"]) for each in workers))


def _gpus_of(worker: dict[str, Any]) -> int:
    """As it says itself: `dask worker --resources GPU=1`."""
    return int(worker["resources"].get("GPU", 0))


def _wait_for_a_worker(client: Client) -> None:
    try:
        client.wait_for_workers(1, timeout=WITHOUT_WORKERS)
    except TimeoutError as error:
        raise CannotSpread(_no_worker(client.scheduler_info()["address"])) from error


def _no_worker(address: str) -> str:
    return (
        f"the Dask scheduler at {address} has had no worker for {WITHOUT_WORKERS:g} s: start one with "
        f"`dask worker {address} --nthreads 1`, then run this again: what was finished is kept"
    )


def _taught(client: Client) -> str:
    """Gives `dask_worker` to all workers, also to those that join later; the name that it has there."""
    source = Path(dask_worker.__file__).read_bytes()
    module = f"calibration_flows_{hashlib.sha256(source).hexdigest()[:12]}"  # other commits have their own
    with TemporaryDirectory() as folder:
        copy = Path(folder) / f"{module}.py"
        copy.write_bytes(source)
        client.register_plugin(UploadFile(str(copy)), name=module)
    return module


@contextmanager
def _client(run: WalkPlan, address: str | None) -> Iterator[Client]:
    for name in ("distributed", "distributed.worker", "distributed.nanny", "distributed.scheduler"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if address is not None:
        try:
            client = Client(address, timeout=30, set_as_default=False)  # type: ignore[no-untyped-call]
        except OSError as error:
            raise CannotSpread(f"no Dask scheduler answers at {address}: {error}") from error
        with client:
            yield client
        return
    scratch = code_root(run.root) / ".cache" / "dask"
    scratch.mkdir(parents=True, exist_ok=True)
    with (
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=run.jobs or resources.cores(),
            threads_per_worker=1,
            dashboard_address=None,
            local_directory=str(scratch),
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,  # type: ignore[no-untyped-call]
    ):
        yield client
