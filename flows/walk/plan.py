"""What a walk is over: the stages that were asked for, what is stale of them, and what each takes of the machine."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.pinned import memory
from flows.pinned.stage import Stage
from flows.walk import resources
from flows.walk.experiments import asked_for
from flows.walk.order import UnknownTarget, restricted
from params.resources import Amounts


@dataclass(frozen=True)
class WalkPlan:
    """One walk over the stages that were asked for and those upstream of them."""

    root: Path
    stages: Mapping[str, Stage]
    needs: Mapping[str, Amounts]
    force: bool
    jobs: int | None  # stages at once; None: as many as the runner likes

    @property
    def nothing_to_do(self) -> bool:
        return not any(self.may_run(name) for name in self.stages)

    @property
    def upstreams(self) -> dict[str, tuple[str, ...]]:
        return {name: stage.upstreams for name, stage in self.stages.items()}

    def may_run(self, name: str) -> bool:
        return self.force or self.stages[name].stale


def plan(root: Path, targets: Iterable[str] | None, force: bool, jobs: int | None) -> WalkPlan:
    """What is stale: as it was found the last time if no file was touched since, or else asked of DVC."""
    wanted = (None if force else up_to_date(root, targets)) or _wanted(root, targets, _found(root))
    needs = resources.needs(root / "params.yaml", (name for name in wanted if force or wanted[name].stale))
    return WalkPlan(root, wanted, needs, force, jobs)


def up_to_date(root: Path, targets: Iterable[str] | None) -> dict[str, Stage] | None:
    """The stages that a walk would be over, if it is known without DVC that none of them is stale."""
    known = memory.recall(root)
    try:
        return None if known is None else _wanted(root, targets, known)
    except UnknownTarget:  # DVC may know it
        return None


def wanted_stages(root: Path, targets: Iterable[str] | None) -> dict[str, Stage]:
    """The targets, or all that params.yaml asks for, and the stages upstream of them."""
    from flows.pinned import graph  # noqa: PLC0415 - DVC takes a second to import

    return _wanted(root, targets, graph.stages(root))


def _found(root: Path) -> list[Stage]:
    """By DVC, once data/ has been found to be what it should be."""
    from flows.pinned import data_folder, graph  # noqa: PLC0415 - DVC takes a second to import

    began = time.time_ns()
    data_folder.require(root)
    stages = graph.stages(root)
    memory.remember(root, _wanted(root, None, stages).values(), data_folder.simulator_code(root), began)
    return stages


def _wanted(root: Path, targets: Iterable[str] | None, found: Iterable[Stage]) -> dict[str, Stage]:
    stages = {stage.name: stage for stage in found}
    upstreams = {name: stage.upstreams for name, stage in stages.items()}
    return {name: stages[name] for name in restricted(upstreams, targets or asked_for(root, list(stages)))}
