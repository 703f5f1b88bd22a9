"""The tree walked to its end, on placebo gates and as the plan had them, and what test says of the choice."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from methods.decision_tree import Gates, Grade, Grades, Outcome, Variant, decide
from methods.grouped_ranking import difference_interval
from methods.shortcut_grades import Rules
from methods.stamp_evaluation import Estimate, mean_estimate
from params.lens_shortcuts import Compare, Thresholds
from storage.stamps import ARCS
from tasks.lens_shortcuts.judged import TEST, Run, graded, model_gates, over_seeds
from tasks.lens_shortcuts.tree import rules

MODES: tuple[Gates, ...] = ("placebo", "plan")


@dataclass(frozen=True)
class Decided:
    """runs: all variants; grades of the trained ones, by mode of the data gates; outcome: of the mode that decides."""

    runs: list[Run]
    baseline: Run
    mode: Gates
    grades: dict[Gates, dict[str, Grades]]
    outcomes: dict[Gates, Outcome]
    rules: Rules
    asked: dict[str, Any]

    @property
    def outcome(self) -> Outcome:
        return self.outcomes[self.mode]

    @property
    def chosen(self) -> Run | None:
        return next((run for run in self.runs if run.name == self.outcome.chosen), None)

    @property
    def trained(self) -> list[Run]:
        return [run for run in self.runs if run.trained]


def walk(runs: list[Run], gates: Mapping[str, Path], asked: dict[str, Any]) -> Decided:
    """asked: what the tree stage wrote, thresholds and baseline included."""
    baseline = next(run for run in runs if run.name == asked["baseline"])
    edges = rules(Thresholds.model_validate(asked["thresholds"]))
    trained = [run for run in runs if run.trained]
    found: dict[Gates, dict[str, Grades]] = {
        mode: {run.name: graded(run, gates[run.mode], mode, edges) for run in trained} for mode in MODES
    }
    masked = [run for run in trained if run.status["phases"]]
    spread = {run.name: model_gates(run).theta_E_spread.value for run in masked}
    outcomes = {
        mode: decide(
            found[mode][baseline.name],
            {name: Variant(found[mode][name], spread[name]) for name in spread},
            mode,
            baseline.name,
        )
        for mode in MODES
    }
    return Decided(runs, baseline, asked["gates"], found, outcomes, edges, asked)


def on_test(run: Run, params: Compare, edges: Rules) -> str:
    """Whether the choice holds on test: AUROC above what the plan asks, reliance not above its FAIL edge."""
    found = over_seeds(run.seeds, lambda seed: seed.test.auroc)
    reliance = over_seeds(run.seeds, lambda seed: seed.test.reliance)
    if found.low is None or found.high is None:
        return "cannot tell"
    fails_reliance = reliance.low is not None and reliance.low > edges.reliance.fails
    if found.high < params.test_auroc or fails_reliance:
        return "does not hold"
    sure = reliance.high is not None and reliance.high <= edges.reliance.fails
    return "holds" if found.low > params.test_auroc and sure else "cannot tell"


def against_baseline(run: Run, baseline: Run, seed: int, level: float) -> Estimate | None:
    """Test AUROC minus the baseline's of the same seed, on the same stamps; None where there is no such pair."""
    if run.name == baseline.name or run.mode != baseline.mode or seed not in baseline.status["seeds"]:
        return None
    own, other = (each.part(seed, ARCS, TEST)[1] for each in (run, baseline))
    low, value, high = difference_interval(
        own.logits[:, 0], other.logits[:, 0], own.positive, own.groups, level
    )
    return Estimate(value, low, high, int(own.positive.sum()))


def mean_against_baseline(run: Run, baseline: Run, level: float) -> Estimate | None:
    found = [against_baseline(run, baseline, seed.seed, level) for seed in run.seeds]
    known = [each for each in found if each is not None]
    return mean_estimate(known) if known else None


def ranks(runs: list[Run], fewest_seeds: int) -> dict[str, int | None]:
    """Place by mean report AUROC among variants of one mode with enough seeds; None: not ranked."""
    able = [run for run in runs if len(run.seeds) >= fewest_seeds]
    value = {run.name: float(np.mean([seed.report.auroc.value or 0.0 for seed in run.seeds])) for run in able}
    return {
        run.name: 1 + sum(value[other.name] > value[run.name] for other in able if other.mode == run.mode)
        if run in able
        else None
        for run in runs
    }


def letters(grades: Grades) -> dict[str, str]:
    return {f"{name}_grade": _grade(grade) for name, grade in vars(grades).items()}


def _grade(grade: Grade | None) -> str:
    return "undefined" if grade is None else grade.value
