"""Walk the decision tree for the unmasked baseline: do the masked variants have to be trained, and why?"""

import sys
from pathlib import Path

from methods.shortcuts.decision_tree import Leaf, decide
from params.lens_shortcuts import Tree
from storage.files.documents import write_json
from storage.files.inputs import InputError
from tasks.lens_shortcuts.comparison.evaluation import VariantRun, grade_rules, graded, load_runs
from tasks.report.templates import Reason, sentences

Files = dict[str, Path]  # mode -> its file


def main(params: Tree, stamps: Files, gates: Files, run: Files, tree: Path) -> None:
    """The file holds no figure, so that variants are trained anew only where the answer or the recipe changed."""
    runs = load_runs(run, stamps)
    baseline = next(each for each in runs if each.mode == params.baseline)
    _require_one_recipe(runs)
    if not baseline.trained:
        raise InputError(
            Path("params.yaml"), f"the data has no {params.baseline} stamps (prepare.modes): name the mode that it has",
            field="lens_shortcuts.tree.baseline",
        )  # fmt: skip
    rules = grade_rules(params.thresholds)
    grades = graded(baseline, gates[params.baseline], params.gates, rules)
    outcome = decide(grades, None, params.gates, baseline.name)
    claims = [Reason(*claim) for claim in outcome.claims]
    leaf, reason, *path = sentences("tasks/lens_shortcuts/comparison/reasons.j2", claims)
    answer = Reason("tree_answer", {"name": baseline.name, "leaf": leaf, "reason": reason})
    (why,) = sentences("tasks/lens_shortcuts/comparison/reasons.j2", [answer])
    sys.stdout.write("\n".join([*path, f"{leaf}: {reason}"]) + "\n")
    write_json(
        tree,
        {
            "baseline": baseline.name,
            "mode": params.baseline,
            "gates": params.gates,
            "leaf": leaf,
            "masks_required": outcome.leaf == Leaf.TEST_MASKS,
            "why": why,
            "thresholds": params.thresholds.model_dump(),
            "recipe": baseline.recipe.model_dump(),
        },
    )


def _require_one_recipe(runs: list[VariantRun]) -> None:
    if any(each.recipe != runs[0].recipe for each in runs):
        raise InputError(
            runs[0].folder, "the unmasked models were trained with different recipes; train them again"
        )
