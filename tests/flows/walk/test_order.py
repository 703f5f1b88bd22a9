import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.walk.order import StageOutcome, UnknownTarget, restricted, walk
from flows.walk.resources import NOTHING, Budget

Graph = dict[str, list[str]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Upstreams first, as DVC's order has them."""
    size = draw(st.integers(1, 12))
    names = [f"s{i}" for i in range(size)]
    return {
        name: sorted(draw(st.sets(st.sampled_from(names[:i]), max_size=3))) if i else []
        for i, name in enumerate(names)
    }


@dataclass
class Done:
    """A stage that has ended before anyone could ask."""

    outcome: StageOutcome

    def add_done_callback(self, fn: Callable[[Any], None], /) -> None:
        fn(self)

    def result(self) -> StageOutcome:
        return self.outcome


def never(*_: object) -> None:
    raise AssertionError("nothing was to be interrupted")


class Ignored:
    def settled(self, outcome: StageOutcome) -> None:
        pass

    def moved(self, running: Collection[str], waiting: Mapping[str, str]) -> None:
        pass


def anything(jobs: int = 4) -> Budget:
    """As many at once as there are jobs."""
    return Budget(NOTHING, {}, jobs)


def ancestors(graph: Graph, stage: str) -> set[str]:
    return set(graph[stage]).union(*(ancestors(graph, upstream) for upstream in graph[stage]))


@given(graphs(), st.sets(st.integers(0, 11)))
def test_a_failure_costs_its_descendants_and_nothing_else(graph: Graph, broken_at: set[int]) -> None:
    broken = {f"s{i}" for i in broken_at}
    submitted: list[str] = []

    def submit(stage: str) -> Done:
        assert ancestors(graph, stage) <= set(submitted), "started before its upstreams"
        submitted.append(stage)
        return Done(StageOutcome(stage, "failed" if stage in broken else "ran", ""))

    outcomes = {each.stage: each for each in walk(graph, anything(), submit, never, Ignored())}
    assert list(outcomes) == list(graph)
    assert len(submitted) == len(set(submitted))
    for stage, outcome in outcomes.items():
        lost = ancestors(graph, stage) & broken
        expected = "not run" if lost else "failed" if stage in broken else "ran"
        assert outcome.state == expected
        if lost:
            assert outcome.reason.split()[1] in lost


@given(graphs(), st.data())
def test_a_target_brings_its_ancestors_along_and_nothing_else(graph: Graph, data: st.DataObject) -> None:
    target = data.draw(st.sampled_from(sorted(graph)))
    wanted = restricted(graph, [target])
    assert set(wanted) == {target} | ancestors(graph, target)
    assert list(wanted) == [stage for stage in graph if stage in wanted]


def test_a_target_may_be_a_matrix_or_an_experiment() -> None:
    graph: Graph = {"e_prepare": [], "e_fit@1": ["e_prepare"], "e_fit@2": ["e_prepare"], "other_fit": []}
    assert set(restricted(graph, ["e_fit"])) == {"e_prepare", "e_fit@1", "e_fit@2"}
    assert set(restricted(graph, ["e"])) == set(graph) - {"other_fit"}
    with pytest.raises(UnknownTarget, match=r"no stage is called 'e_fitt'.*e_fit@"):
        restricted(graph, ["e_fitt"])


def test_independent_stages_run_at_the_same_time() -> None:
    together = threading.Barrier(4)

    def run(stage: str) -> StageOutcome:
        together.wait(timeout=10)
        return StageOutcome(stage, "ran", "")

    graph: Graph = {f"s{i}": [] for i in range(8)}
    with ThreadPoolExecutor(4) as pool:
        outcomes = walk(graph, anything(), lambda stage: pool.submit(run, stage), never, Ignored())
    assert all(each.state == "ran" for each in outcomes)


def test_an_interrupt_ends_what_runs_starts_no_more_and_is_passed_on() -> None:
    stopped = threading.Event()
    interrupts: list[float] = []
    impatience = [KeyboardInterrupt, SystemExit]
    ended: list[str] = []

    def run(stage: str) -> StageOutcome:
        assert stopped.wait(timeout=10)
        time.sleep(0.2)  # some take their time
        ended.append(stage)
        return StageOutcome(stage, "failed", "")

    def interrupt() -> None:
        interrupts.append(time.monotonic())
        if impatience:
            raise impatience.pop()
        stopped.set()

    class Interrupting(Ignored):
        def settled(self, outcome: StageOutcome) -> None:
            raise KeyboardInterrupt

    graph: Graph = {"quick": [], "long": [], "longer": [], "later": ["long"]}
    with ThreadPoolExecutor(3) as pool:

        def submit(stage: str) -> Any:
            return Done(StageOutcome(stage, "ran", "")) if stage == "quick" else pool.submit(run, stage)

        with pytest.raises(KeyboardInterrupt):
            walk(graph, anything(), submit, interrupt, Interrupting())
        assert sorted(ended) == ["long", "longer"]
    assert len(interrupts) > 3, "asked once, though a stage may have been about to start its process"


def test_an_observer_is_told_what_runs_and_what_each_other_stage_waits_for() -> None:
    graph: Graph = {"a": [], "b": [], "c": ["a", "b"], "d": ["c"]}
    seen: list[tuple[list[str], dict[str, str]]] = []

    class Noting(Ignored):
        def moved(self, running: Collection[str], waiting: Mapping[str, str]) -> None:
            seen.append((list(running), dict(waiting)))

    walk(graph, anything(jobs=1), lambda stage: Done(StageOutcome(stage, "ran", "")), never, Noting())
    assert seen == [
        (["a"], {"b": "its turn", "c": "a and b", "d": "c"}),
        (["b"], {"c": "b", "d": "c"}),
        (["c"], {"d": "c"}),
        (["d"], {}),
        ([], {}),
    ]
