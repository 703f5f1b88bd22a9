"""What a walk is over: the stages that were asked for, what is stale of them, and what each takes of the machine."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.pinned import data_folder, graph
from flows.walk import resources
from flows.walk.experiments import asked_for
from flows.walk.order import restricted
from params.resources import Amounts


@dataclass(frozen=True)
class WalkPlan:
    """One walk over the stages that were asked for and those upstream of them."""

    root: Path
    stages: Mapping[str, graph.Stage]
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
    """Asks DVC what is stale, once data/ has been found to be what it should be."""
    data_folder.require(root)
    wanted = wanted_stages(root, targets)
    needs = resources.needs(root / "params.yaml", (name for name in wanted if force or wanted[name].stale))
    return WalkPlan(root, wanted, needs, force, jobs)


def wanted_stages(root: Path, targets: Iterable[str] | None) -> dict[str, graph.Stage]:
    """The targets, or all that params.yaml asks for, and the stages upstream of them."""
    stages = {stage.name: stage for stage in graph.stages(root)}
    upstreams = {name: stage.upstreams for name, stage in stages.items()}
    return {name: stages[name] for name in restricted(upstreams, targets or asked_for(root, list(stages)))}
