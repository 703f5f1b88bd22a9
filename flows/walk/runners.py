"""Where the stages of a walk run: `StageRunner` is all that a walk knows of it. Here, processes of this machine."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from glob import escape
from typing import Protocol
from uuid import uuid4

from flows.pinned import graph
from flows.walk import durations, progress, resources, watchdog
from flows.walk.logs import log_state, log_tail
from flows.walk.order import StageOutcome
from flows.walk.plan import WalkPlan
from flows.walk.reasons import because
from params.resources import Amounts


class StageRunner(Protocol):
    @property
    def has(self) -> Amounts:
        """What the stages that run at once may take together."""

    @property
    def jobs(self) -> int:
        """How many run at once where the user did not say."""

    @property
    def may_grow(self) -> bool:
        """Whether `has` and `jobs` may change while stages run."""

    def reproduce(self, name: str) -> StageOutcome:
        """Bring one stage up to date; in any of many threads. A stage's own failure is an outcome, not an exception.

        Only called once all its upstreams have succeeded, and for stages with `WalkPlan.may_run`.
        """

    def interrupt(self) -> None:
        """End what runs; called until all `reproduce` have returned."""


def threads(plan: WalkPlan, runner: StageRunner) -> int:
    """As many as may ever run at once; they start as they are needed."""
    return plan.jobs or (max(runner.jobs, len(plan.stages)) if runner.may_grow else runner.jobs)


def budget(plan: WalkPlan, runner: StageRunner) -> resources.Budget:
    reread = (lambda: (runner.has, plan.jobs or runner.jobs)) if runner.may_grow else None
    return resources.Budget(runner.has, plan.needs, plan.jobs or runner.jobs, reread)


RunnerFactory = Callable[[WalkPlan], AbstractContextManager[StageRunner]]


@contextmanager
def local_processes(run: WalkPlan) -> Iterator["LocalProcesses"]:
    """Ends with the walk: whatever ends this process, also SIGKILL, ends the processes of its stages."""
    marker = uuid4().hex
    if run.force:
        _forget_finished(run)
    with watchdog.watching(marker):
        yield LocalProcesses(run, marker)


def _forget_finished(run: WalkPlan) -> None:
    """What killed stages have left to go on from: who forces a stage wants all of it made again."""
    for name in run.stages:
        for folder in (run.root / ".cache").glob(f"{escape(name)}-*"):
            shutil.rmtree(folder, ignore_errors=True)


class LocalProcesses:
    may_grow = False

    def __init__(self, run: WalkPlan, marker: str) -> None:
        self._run, self._marker = run, marker
        self._stop = threading.Event()
        self._gpus = _Devices(any(need.gpus_welcome for need in run.needs.values()))
        self.has = resources.machine(len(self._gpus.all))
        self.jobs = resources.cores()

    def reproduce(self, name: str) -> StageOutcome:
        run, need = self._run, self._run.needs[name]
        start, log_before = time.monotonic(), log_state(run.root, name)
        with self._gpus.taken(need.gpus_welcome) as gpus:
            environment = {watchdog.MARKER: self._marker} | gpus
            if progress.is_live() or (run.jobs or self.jobs) > 1:
                environment["STAGE_ECHO"] = "0"  # into its log alone
            try:
                done = graph.reproduce_stage(
                    run.root,
                    name,
                    run.force,
                    environment,
                    self._stop,
                    resources.shortage(need, self.has),
                )
            except graph.StageError as error:
                return StageOutcome(
                    name,
                    "failed",
                    because(error.reasons),
                    time.monotonic() - start,
                    str(error),
                    log_tail(run.root, name, log_before),
                    error.may_pass_again and not self._stop.is_set(),
                    error.reasons,
                )
        reason = because(done.reasons) or "its inputs came out the same"
        seconds, tail = time.monotonic() - start, ""
        if done.state == "ran":
            tail = log_tail(run.root, name, log_before)
            durations.record(run.root, name, seconds)
        return StageOutcome(name, done.state, reason, seconds, log_tail=tail, details=done.reasons)

    def interrupt(self) -> None:
        self._stop.set()
        watchdog.end_processes(self._marker)


class _Devices:
    """The machine's GPUs, handed out one stage each. `Budget` admits no stage while they are out."""

    def __init__(self, wanted: bool) -> None:
        self.all = resources.gpu_devices() if wanted else []
        self._free = list(self.all)
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, number: int) -> Iterator[dict[str, str]]:
        """The environment that shows a stage the devices it has, and no other: one that states none sees none."""
        with self._lock:
            mine, self._free = self._free[:number], self._free[number:]
        try:
            yield {"CUDA_VISIBLE_DEVICES": ",".join(mine)}
        finally:
            with self._lock:
                self._free = sorted([*self._free, *mine], key=self.all.index)


def up_to_date(name: str) -> StageOutcome:
    return StageOutcome(name, "skipped", "up to date")
