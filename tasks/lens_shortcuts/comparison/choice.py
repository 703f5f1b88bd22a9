"""The tree walked to its end, on placebo gates and as the plan had them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from methods.lenses.masking import mean_hidden
from methods.shortcuts.decision_tree import Gates, Grade, Grades, Outcome, Variant, decide
from methods.shortcuts.evaluation import Estimate
from methods.shortcuts.grades import Rules, model_grades
from params.lens_shortcuts import Thresholds
from tasks.lens_shortcuts.comparison.evaluation import Run, graded, model_gates
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
    outcomes = {
        mode: decide(
            found[mode][baseline.name],
            {
                run.name: Variant(
                    found[mode][run.name], _ends(model_gates(run).theta_E_spread), mean_hidden(run.phases)
                )
                for run in masked
            },
            mode,
            baseline.name,
        )
        for mode in MODES
    }
    return Decided(runs, baseline, asked["gates"], found, outcomes, edges, asked)


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


def letters(run: Run, decided: Decided) -> dict[str, str]:
    """Grades of the mode that decides, by column; Einstein radii as the worse of their two, and each of these."""
    found: dict[str, Grade | None] = dict(vars(decided.grades[decided.mode][run.name]))
    radii = model_grades(model_gates(run), decided.rules)
    found |= {name: radii[name] for name in ("theta_E_least", "theta_E_spread")}
    return {f"{name}_grade": letter(grade) for name, grade in found.items()}


def letter(grade: Grade | None) -> str:
    return "undefined" if grade is None else grade.value


def _ends(found: Estimate) -> tuple[float, float, float] | None:
    if found.value is None or found.low is None or found.high is None:
        return None
    return found.low, found.value, found.high
