"""How long stages took when they last ran on this machine, in `.logs/`, and what of that is still to come."""

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flows.pinned.at_once import write_at_once
from flows.pinned.errors import GraphError
from flows.walk.order import Graph, StageOutcome
from flows.walk.plan import WalkPlan


def record(root: Path, stage: str, seconds: float) -> None:
    """Of a run that succeeded here: no out of DVC may hold it, as it differs from run to run."""
    path = _path(root, stage)
    with suppress(OSError, GraphError):  # an estimate is worth no failure
        path.parent.mkdir(exist_ok=True)
        write_at_once(path, f"{seconds:.1f}\n")


def former(root: Path, stage: str) -> float | None:
    """None where it never ran here, or what is written of it is no number."""
    with suppress(OSError, ValueError):
        return float(_path(root, stage).read_text())
    return None


def _path(root: Path, stage: str) -> Path:
    return root / ".logs" / f"{stage}.seconds"


@dataclass(frozen=True)
class TimeEstimate:
    """seconds: of each stage that may run, what it last took; None of one that never ran here."""

    upstreams: Graph
    seconds: Mapping[str, float | None]
    jobs: int

    @classmethod
    def of(cls, run: WalkPlan, jobs: int) -> "TimeEstimate":
        seconds = {name: former(run.root, name) for name in run.stages if run.may_run(name)}
        return cls(run.upstreams, seconds, max(jobs, 1))

    def left(self, settled: Collection[str], since: Mapping[str, float]) -> float | None:
        """Seconds, never fewer than the longest chain of stages takes. since: of each that runs, for how long it has.
        None where a stage that is still to end never ran here."""
        rest: dict[str, float] = {}
        for stage, last in self.seconds.items():
            if stage in settled:
                continue
            if last is None:
                return None
            rest[stage] = max(last - since.get(stage, 0.0), 0.0)
        ends: dict[str, float] = {}
        for stage, upstreams in self.upstreams.items():
            ends[stage] = rest.get(stage, 0.0) + max((ends.get(each, 0.0) for each in upstreams), default=0.0)
        return max([*ends.values(), sum(rest.values()) / self.jobs])

    def said(self, settled: Collection[str], since: Mapping[str, float]) -> str:
        seconds = self.left(settled, since)
        if seconds is None:
            unknown = [stage for stage, last in self.seconds.items() if last is None and stage not in settled]
            return f"time left not known: `.logs/` has no former run of {len(unknown)} of them"
        return "less than a minute left" if seconds < 60 else f"about {-(-int(seconds) // 60)} min left"


class Course:
    """A walk so far: which stages have settled, and for how long the others have been running."""

    def __init__(self, estimate: TimeEstimate | None = None) -> None:
        self._estimate = estimate
        self._since: dict[str, float] = {}
        self.done: set[str] = set()

    def settled(self, outcome: StageOutcome) -> None:
        self.done.add(outcome.stage)

    def moved(self, running: Collection[str]) -> None:
        now = time.monotonic()
        self._since = {stage: self._since.get(stage, now) for stage in running}

    def running(self) -> dict[str, float]:
        """Stage -> seconds."""
        now = time.monotonic()
        return {stage: now - since for stage, since in self._since.items()}

    def time_left(self) -> str:
        return self._estimate.said(self.done, self.running()) if self._estimate else ""
