"""The order of a parallel run: what may start, what a failure takes with it, how an interrupt ends it."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from queue import Empty, SimpleQueue
from typing import Any, Literal, Protocol

Graph = Mapping[str, Collection[str]]  # stage -> its upstream stages, upstreams first


@dataclass(frozen=True)
class StageOutcome:
    stage: str
    state: Literal["ran", "restored", "skipped", "failed", "not run"]
    reason: str
    seconds: float = 0.0
    error: str = ""
    log_tail: str = ""
    may_pass_again: bool = False  # killed or locked out, rather than wrong
    details: Sequence[str] = ()  # the reason file by file, as DVC has it

    @property
    def succeeded(self) -> bool:
        return self.state not in ("failed", "not run")


class StageFuture(Protocol):
    def add_done_callback(self, fn: Callable[[Any], None], /) -> Any: ...

    def result(self) -> StageOutcome: ...


class StagesFailed(RuntimeError):
    def __init__(self, outcomes: Sequence[StageOutcome]) -> None:
        self.outcomes = outcomes
        super().__init__("failed: " + ", ".join(each.stage for each in outcomes if each.state == "failed"))


class UnknownTarget(ValueError):
    pass


def restricted(graph: Graph, targets: Iterable[str]) -> dict[str, list[str]]:
    """The targets and everything upstream of them; a matrix or an experiment stands for all its stages."""
    wanted: set[str] = set()
    pending = [stage for target in targets for stage in _matching(graph, target)]
    while pending:
        stage = pending.pop()
        if stage not in wanted:
            wanted.add(stage)
            pending.extend(graph[stage])
    return {stage: list(upstreams) for stage, upstreams in graph.items() if stage in wanted}


def _matching(graph: Graph, target: str) -> list[str]:
    matches = [stage for stage in graph if stage == target or stage.startswith(f"{target}@")]
    matches = matches or [stage for stage in graph if stage.startswith(f"{target}_")]
    if not matches:
        near = get_close_matches(target, graph) or sorted(graph)
        raise UnknownTarget(
            f"no stage is called {target!r}; dvc.yaml has, for example, {', '.join(near[:5])}"
        )
    return matches


def downstream(graph: Graph, stage: str) -> set[str]:
    found: set[str] = set()
    for name, upstreams in graph.items():
        if stage in upstreams or not found.isdisjoint(upstreams):
            found.add(name)
    return found


class Admission(Protocol):
    """Which stages may start beside those that run: `flows.walk.resources.Budget`."""

    @property
    def patience(self) -> float | None:
        """Seconds after which to ask again, though no stage has ended; None: nothing changes until one does."""

    def admit(self, ready: Iterable[str], /) -> list[str]: ...

    def release(self, stage: str, /) -> None: ...

    def waits_for(self, stage: str, /) -> str: ...


class Observer(Protocol):
    def settled(self, outcome: StageOutcome, /) -> None:
        """One stage has its outcome."""

    def moved(self, running: Collection[str], waiting: Mapping[str, str], /) -> None:
        """What runs now, and what each other stage waits for."""


def walk(
    graph: Graph,
    admission: Admission,
    submit: Callable[[str], StageFuture],
    interrupt: Callable[[], None],
    observer: Observer,
) -> list[StageOutcome]:
    """Submit each stage once its upstreams have succeeded and it is admitted; the outcomes in the graph's order.

    A failure costs its own descendants only. `interrupt` ends what runs; it is called until all of it has ended,
    since a stage may be starting its process just then.
    """
    waiting = {stage: set(upstreams) for stage, upstreams in graph.items()}
    outcomes: dict[str, StageOutcome] = {}
    running: dict[str, None] = {}
    ended: set[str] = set()
    finished: SimpleQueue[tuple[str, StageFuture]] = SimpleQueue()

    def start(stage: str) -> None:
        def note_the_end(_: object) -> None:
            ended.add(stage)
            finished.put((stage, future))

        del waiting[stage]
        future = submit(stage)
        running[stage] = None
        future.add_done_callback(note_the_end)

    def settle(outcome: StageOutcome) -> None:
        outcomes[outcome.stage] = outcome
        observer.settled(outcome)

    def what_waits() -> dict[str, str]:
        return {
            stage: " and ".join(sorted(upstreams)) if upstreams else admission.waits_for(stage)
            for stage, upstreams in waiting.items()
        }

    told: tuple[tuple[str, ...], dict[str, str]] | None = None
    try:
        while waiting or running:
            for stage in admission.admit([stage for stage, upstreams in waiting.items() if not upstreams]):
                start(stage)
            if (now := (tuple(running), what_waits())) != told:
                observer.moved(*now)
                told = now
            try:
                stage, future = finished.get(timeout=admission.patience)
            except Empty:
                continue
            del running[stage]
            admission.release(stage)
            outcome = future.result()
            settle(outcome)
            if outcome.succeeded:
                for upstreams in waiting.values():
                    upstreams.discard(stage)
            else:
                lost = downstream(graph, stage)
                for blocked in [name for name in waiting if name in lost]:
                    del waiting[blocked]
                    settle(StageOutcome(blocked, "not run", f"upstream {stage} failed"))
        observer.moved((), {})
    except BaseException:
        _insist(interrupt, lambda: ended.issuperset(running))
        raise
    return [outcomes[stage] for stage in graph]


def _insist(interrupt: Callable[[], None], all_ended: Callable[[], bool]) -> None:
    """A second Ctrl-C or SIGTERM must not leave behind what the first one is ending."""
    while True:
        with suppress(KeyboardInterrupt, SystemExit):
            interrupt()
            if all_ended():
                return
            time.sleep(0.05)
