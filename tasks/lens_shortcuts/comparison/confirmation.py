"""What test says: whether the choice holds there, and whether a variant ranks better than the control."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from methods.shortcuts.decision_tree import FAIL, PASS, Grade
from methods.shortcuts.evaluation import Estimate
from methods.shortcuts.gate_results import family_level
from methods.shortcuts.grades import Edges, clear_of_fail, model_grades
from methods.shortcuts.seed_differences import SeedDifference, seed_difference
from methods.statistics.ranking import Scores
from params.lens_shortcuts import Compare
from storage.lenses.stamps import ARCS
from tasks.lens_shortcuts.comparison.choice import Decided
from tasks.lens_shortcuts.comparison.evaluation import TEST, Run, model_gates

HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot tell"


@dataclass(frozen=True)
class Checked:
    """One gate of the choice on test: its figure, the edges, its grade by them, and whether it stays clear of FAIL."""

    found: Estimate
    edges: Edges
    grade: Grade | None
    answer: str


def on_test(run: Run, decided: Decided, params: Compare) -> dict[str, Checked]:
    """Every gate of a model again, on test: the edges are those of val, but for the AUROC that the plan asks of test."""
    asked = Edges(params.test_auroc, params.test_auroc)
    rules = replace(decided.rules, auroc=asked)
    model = model_gates(run, TEST)
    grades, sides = model_grades(model, rules), model_grades(model, clear_of_fail(rules))
    return {
        name: Checked(getattr(model, name), getattr(rules, name), grades[name], _answer(sides[name]))
        for name in grades
    }


def confirmed(checked: Mapping[str, Checked]) -> str:
    """Holds: no gate's interval reaches its FAIL edge. Does not hold: one lies beyond it. Else it cannot be told."""
    answers = {each.answer for each in checked.values()}
    return next((answer for answer in (FAILS, UNKNOWN) if answer in answers), HOLDS)


def compared(decided: Decided) -> list[Run]:
    """Variants with stamps and seeds in common with the control: their comparisons are one family."""
    control = decided.baseline
    return [
        run
        for run in decided.trained
        if run.name != control.name and run.mode == control.mode and shared_seeds(run, control)
    ]


def comparisons(decided: Decided, level: float) -> dict[str, SeedDifference]:
    """Variant -> its test AUROC less the control's, over their seeds; all intervals hold together (Bonferroni)."""
    return {
        run.name: against_control(run, decided, shared_seeds(run, decided.baseline), level)
        for run in compared(decided)
    }


def against_control(run: Run, decided: Decided, seeds: list[int], level: float) -> SeedDifference:
    """Of these seeds, on the same stamps; its interval is one of the family's."""
    scores: list[tuple[Scores, Scores]] = []
    for seed in seeds:
        own, other = (each.part(seed, ARCS, TEST)[1] for each in (run, decided.baseline))
        scores.append((own.logits[:, 0], other.logits[:, 0]))
    each_level = family_level(level, len(compared(decided)))
    return seed_difference(scores, own.positive, own.groups, each_level)


def shared_seeds(run: Run, control: Run) -> list[int]:
    return [seed for seed in run.status["seeds"] if seed in control.status["seeds"]]


def told(found: SeedDifference, fewest_seeds: int) -> str:
    """In words; so few trainings say nothing of a variant, whatever the stamps say of them."""
    if not found.excludes_zero:
        return "not distinguishable"
    if found.seeds < fewest_seeds:
        trainings = "one training" if found.seeds == 1 else f"{found.seeds} trainings"
        higher = "higher" if found.value > 0 else "lower"
        return f"{higher} on these stamps, not distinguishable from the luck of {trainings}"
    return "better" if found.value > 0 else "worse"


def _answer(side: Grade | None) -> str:
    if side is PASS:
        return HOLDS
    return FAILS if side is FAIL else UNKNOWN
