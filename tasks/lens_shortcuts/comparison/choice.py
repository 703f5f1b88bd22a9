"""The tree walked to its end, on placebo gates and as the plan had them, and what test says of the choice."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from methods.lenses.masking import mean_hidden
from methods.shortcuts.decision_tree import FAIL, PASS, GateGrade, Gates, Grades, MaskVariant, Outcome, decide
from methods.shortcuts.evaluation import Estimate
from methods.shortcuts.gate_results import family_level
from methods.shortcuts.grades import GradeEdges, GradeRules, clear_of_fail, model_grades
from methods.shortcuts.seed_differences import SeedDifference, seed_difference
from params.lens_shortcuts import Compare, TreeThresholds
from storage.lenses.stamps import ARCS
from tasks.lens_shortcuts.comparison.evaluation import TEST, VariantRun, grade_rules, graded, model_gates
from tasks.report.templates import Reason

MODES: tuple[Gates, ...] = ("placebo", "plan")
HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot tell"


@dataclass(frozen=True)
class TreeChoice:
    """runs: all variants; grades of the trained ones, by mode of the data gates; outcome: of the mode that decides."""

    runs: list[VariantRun]
    baseline: VariantRun
    mode: Gates
    grades: dict[Gates, dict[str, Grades]]
    outcomes: dict[Gates, Outcome]
    rules: GradeRules

    @property
    def outcome(self) -> Outcome:
        return self.outcomes[self.mode]

    @property
    def chosen(self) -> VariantRun | None:
        return next((run for run in self.runs if run.name == self.outcome.chosen), None)

    @property
    def trained(self) -> list[VariantRun]:
        return [run for run in self.runs if run.trained]

    @property
    def rivals(self) -> list[VariantRun]:
        """Variants with stamps and seeds in common with the control: their comparisons are one family."""
        control = self.baseline
        return [
            run
            for run in self.trained
            if run.name != control.name and run.mode == control.mode and shared_seeds(run, control)
        ]


@dataclass(frozen=True)
class GateConfirmation:
    """One gate of the choice on test: its figure, the edges, its grade by them, and whether it stays clear of FAIL."""

    found: Estimate
    edges: GradeEdges
    grade: GateGrade | None
    answer: str


Confirmations = Mapping[str, GateConfirmation]
Differences = Mapping[str, SeedDifference]


def tree_choice(runs: list[VariantRun], gates: Mapping[str, Path], answer: dict[str, Any]) -> TreeChoice:
    """answer: what the tree stage wrote, thresholds and baseline included."""
    baseline = next(run for run in runs if run.name == answer["baseline"])
    rules = grade_rules(TreeThresholds.model_validate(answer["thresholds"]))
    trained = [run for run in runs if run.trained]
    grades: dict[Gates, dict[str, Grades]] = {
        mode: {run.name: graded(run, gates[run.mode], mode, rules) for run in trained} for mode in MODES
    }
    masked = [run for run in trained if run.phases]
    spreads = {run.name: _ends(model_gates(run).theta_E_spread) for run in masked}
    outcomes = {
        mode: decide(
            grades[mode][baseline.name],
            {
                run.name: MaskVariant(grades[mode][run.name], spreads[run.name], mean_hidden(run.phases))
                for run in masked
            },
            mode,
            baseline.name,
        )
        for mode in MODES
    }
    return TreeChoice(runs, baseline, answer["gates"], grades, outcomes, rules)


def ranks(runs: list[VariantRun], fewest_seeds: int) -> dict[str, int | None]:
    """Place by mean report AUROC among variants of one mode with enough seeds; None: not ranked."""
    able = [run for run in runs if len(run.seeds) >= fewest_seeds]
    value = {run.name: float(np.mean([seed.report.auroc.value or 0.0 for seed in run.seeds])) for run in able}
    return {
        run.name: 1 + sum(value[other.name] > value[run.name] for other in able if other.mode == run.mode)
        if run in able
        else None
        for run in runs
    }


def letters(run: VariantRun, choice: TreeChoice) -> dict[str, str]:
    """Grades of the mode that decides, by column; Einstein radii as the worse of their two, and each of these."""
    grades: dict[str, GateGrade | None] = dict(vars(choice.grades[choice.mode][run.name]))
    radii = model_grades(model_gates(run), choice.rules)
    grades |= {name: radii[name] for name in ("theta_E_least", "theta_E_spread")}
    return {f"{name}_grade": letter(grade) for name, grade in grades.items()}


def letter(grade: GateGrade | None) -> str:
    return "undefined" if grade is None else grade.value


# --- test -------------------------------------------------------------------------------------------------------


def confirmations(choice: TreeChoice, params: Compare) -> dict[str, GateConfirmation]:
    """Every gate of the chosen model again, on test, or none where nothing was chosen: the edges are those of val, but
    for the AUROC that the plan asks of test."""
    if choice.chosen is None:
        return {}
    rules = replace(choice.rules, auroc=GradeEdges(params.test_auroc, params.test_auroc))
    model = model_gates(choice.chosen, TEST)
    grades, sides = model_grades(model, rules), model_grades(model, clear_of_fail(rules))
    return {
        name: GateConfirmation(getattr(model, name), getattr(rules, name), grades[name], _answer(sides[name]))
        for name in grades
    }


def confirmation(gates: Confirmations) -> str:
    """Holds: no gate's interval reaches its FAIL edge. Does not hold: one lies beyond it. Else it cannot be told."""
    answers = {each.answer for each in gates.values()}
    return next((answer for answer in (FAILS, UNKNOWN) if answer in answers), HOLDS)


def differences(choice: TreeChoice, level: float) -> dict[str, SeedDifference]:
    """Variant -> its test AUROC less the control's, over their seeds; all intervals hold together (Bonferroni)."""
    return {
        run.name: difference(run, choice, shared_seeds(run, choice.baseline), level) for run in choice.rivals
    }


def difference(run: VariantRun, choice: TreeChoice, seeds: list[int], level: float) -> SeedDifference:
    """Of these seeds, on the same stamps; its interval is one of the family's."""
    own, other = (each.trainings(seeds, ARCS, TEST) for each in (run, choice.baseline))
    each_level = family_level(level, len(choice.rivals))
    return seed_difference(own.logits[..., 0], other.logits[..., 0], own.positive, own.groups, each_level)


def shared_seeds(run: VariantRun, control: VariantRun) -> list[int]:
    return [seed for seed in run.status["seeds"] if seed in control.status["seeds"]]


def claim(found: SeedDifference, fewest_seeds: int) -> Reason:
    """So few trainings say nothing of a variant, whatever the stamps say of them."""
    if not found.excludes_zero:
        return Reason("alike")
    better = found.value > 0
    if found.seeds < fewest_seeds:
        return Reason("luck", {"higher": better, "seeds": found.seeds})
    return Reason("better" if better else "worse")


def _answer(side: GateGrade | None) -> str:
    if side is PASS:
        return HOLDS
    return FAILS if side is FAIL else UNKNOWN


def _ends(found: Estimate) -> tuple[float, float, float] | None:
    if found.value is None or found.low is None or found.high is None:
        return None
    return found.low, found.value, found.high
