"""Runs that came finished: each profile beside the control, in the same cells at the same seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from methods.heads.noise import seed_spread
from methods.heads.run_differences import RunDifference, run_difference
from params.head_sweep import CompareFinished
from storage.files.inputs import InputError
from storage.heads.finished_runs import FinishedRun, FinishedSweep
from tasks.head_sweep.comparison.evaluation import Part

Pairs = list[tuple[FinishedRun, FinishedRun]]


@dataclass(frozen=True)
class FinishedEvaluation:
    """parts: those that the table has scores of, validation first. Differences are above 0 where they are better."""

    dataset: str
    control: str
    sweep: FinishedSweep
    level: float
    parts: Sequence[Part]

    @property
    def profiles(self) -> list[str]:
        """The control first, others as they first stand in the table."""
        return list(dict.fromkeys((self.control, *(run.profile for run in self.sweep.runs))))

    @property
    def seeds(self) -> list[str]:
        return list(dict.fromkeys(run.seed for run in self.sweep.runs))

    @property
    def cells(self) -> list[tuple[str, ...]]:
        return list(dict.fromkeys(run.place[0] for run in self.sweep.runs))

    def runs(self, profile: str) -> list[FinishedRun]:
        return [run for run in self.sweep.runs if run.profile == profile]

    def pairs(self, profile: str) -> Pairs:
        beside = {run.place: run for run in self.runs(self.control)}
        return [(run, beside[run.place]) for run in self.runs(profile) if run.place in beside]

    def difference(self, profile: str, part: Part) -> RunDifference | None:
        """None where there is no pair, and for the control."""
        pairs = self.pairs(profile) if profile != self.control else []
        if not pairs or part not in self.parts:
            return None
        sign = 1 if self.sweep.better == "higher" else -1
        values = [sign * (score(one, part) - score(other, part)) for one, other in pairs]
        return run_difference(
            values, [one.place[0] for one, _ in pairs], [one.unit for one, _ in pairs], self.level
        )

    def seed_sd(self, runs: Sequence[FinishedRun]) -> float | None:
        """Of one run's test score about its cell's mean; None where no cell has two."""
        return seed_spread([run.test for run in runs], [(run.profile, run.place[0]) for run in runs])


def score(run: FinishedRun, part: Part) -> float:
    """NaN where there is none."""
    value = run.test if part == "test" else run.validation
    return np.nan if value is None else value


def finished_evaluation(params: CompareFinished, tables: dict[str, FinishedSweep]) -> FinishedEvaluation:
    """InputError where params.yaml names no such table, or no such profile."""
    if params.dataset not in tables:
        raise InputError(
            Path("params.yaml"),
            f"no finished runs of {params.dataset!r}; head_sweep.prepare.datasets has those of {sorted(tables)}",
            field="head_sweep.compare.dataset",
        )
    sweep = tables[params.dataset]
    if params.control not in (profiles := sorted({run.profile for run in sweep.runs})):
        raise InputError(
            Path("params.yaml"), f"no run of profile {params.control!r}; the table has {profiles[:8]}",
            field="head_sweep.compare.control",
        )  # fmt: skip
    chooses = all(run.validation is not None for run in sweep.runs)
    return FinishedEvaluation(
        params.dataset,
        params.control,
        sweep,
        params.level,
        ("validation", "test") if chooses else ("test",),
    )
