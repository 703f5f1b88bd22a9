"""What a list of runs has to train: equal first phases once, second phases as forks, the rest from logits alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from methods.heads.specs import HeadSpec


@dataclass(frozen=True)
class SweepPlan:
    """trainings: first phases, each trained once. forks: recipes that go on from the best state of one (hard mining,
    cRT). post_hoc: runs that share all weights with another run listed before them, or need a temperature or an
    adjustment only."""

    runs: tuple[HeadSpec, ...]
    trainings: tuple[HeadSpec, ...]
    forks: tuple[HeadSpec, ...]
    post_hoc: tuple[HeadSpec, ...]

    @property
    def states(self) -> tuple[HeadSpec, ...]:
        """Recipes of weights that some run reads, in order of first use."""
        return tuple(dict.fromkeys(run.state for run in self.runs))


def plan(specs: Sequence[HeadSpec]) -> SweepPlan:
    """ValueError where two runs have one id."""
    seen: set[str] = set()
    for spec in specs:
        if spec.id in seen:
            raise ValueError(f"{spec.id} stands in the sweep twice; every run needs a recipe of its own")
        seen.add(spec.id)
    trainings = tuple(dict.fromkeys(spec.trained for spec in specs))
    forks = tuple(dict.fromkeys(spec.state for spec in specs if spec.state != spec.trained))
    owner: dict[HeadSpec, HeadSpec] = {}
    for spec in sorted(specs, key=lambda each: each != each.state):  # a run that is its own state owns it
        owner.setdefault(spec.state, spec)
    shared = tuple(spec for spec in specs if owner[spec.state] != spec)
    return SweepPlan(tuple(specs), trainings, forks, shared)
