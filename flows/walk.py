"""The order of a parallel run: what may start, what a failure takes with it, how an interrupt ends it."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from queue import SimpleQueue
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

    @property
    def succeeded(self) -> bool:
        return self.state not in ("failed", "not run")


class StageFuture(Protocol):
    def add_done_callback(self, fn: Callable[[Any], None], /) -> Any: ...

    def result(self) -> StageOutcome: ...


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


def walk(
    graph: Graph,
    submit: Callable[[str], StageFuture],
    interrupt: Callable[[], None],
    report: Callable[[StageOutcome], None],
) -> list[StageOutcome]:
    """Submit each stage once its upstreams have succeeded; return the outcomes in the graph's order.

    A failure costs its own descendants only. `interrupt` ends what runs; it is called until all of it has ended,
    since a stage may be starting its process just then.
    """
    waiting = {stage: set(upstreams) for stage, upstreams in graph.items()}
    outcomes: dict[str, StageOutcome] = {}
    running: set[str] = set()
    ended: set[str] = set()
    finished: SimpleQueue[tuple[str, StageFuture]] = SimpleQueue()

    def start(stage: str) -> None:
        def note_the_end(_: object) -> None:
            ended.add(stage)
            finished.put((stage, future))

        del waiting[stage]
        future = submit(stage)
        running.add(stage)
        future.add_done_callback(note_the_end)

    def settle(outcome: StageOutcome) -> None:
        outcomes[outcome.stage] = outcome
        report(outcome)

    try:
        while waiting or running:
            for stage in [stage for stage, upstreams in waiting.items() if not upstreams]:
                start(stage)
            stage, future = finished.get()
            running.discard(stage)
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
    except BaseException:
        interrupt()
        while not running <= ended:
            time.sleep(0.05)
            interrupt()
        raise
    return [outcomes[stage] for stage in graph]
