"""Walk the decision tree for the unmasked baseline: do the masked variants have to be trained, and why?"""

import sys
from pathlib import Path

from methods.shortcuts.decision_tree import TEST_MASKS, Outcome, decide
from methods.shortcuts.grades import Edges, Rules
from params.lens_shortcuts import Thresholds, Tree
from storage.files.documents import write_json
from storage.files.inputs import InputError
from tasks.lens_shortcuts.comparison.evaluation import Run, graded, load_runs

Files = dict[str, Path]  # mode -> its file


def main(params: Tree, stamps: Files, gates: Files, run: Files, tree: Path) -> None:
    """The file holds no figure, so that variants are trained anew only where the answer or the recipe changed."""
    baseline = next(each for each in load_runs(run, stamps) if each.mode == params.baseline)
    _require_one_recipe(load_runs(run, stamps))
    if not baseline.trained:
        raise InputError(
            Path("params.yaml"), f"the data has no {params.baseline} stamps (prepare.modes): name the mode that it has",
            field="lens_shortcuts.tree.baseline",
        )  # fmt: skip
    found = {
        mode: decide(
            graded(baseline, gates[params.baseline], mode, rules(params.thresholds)),
            None,
            mode,
            baseline.name,
        )
        for mode in ("placebo", "plan")
    }
    outcome: Outcome = found[params.gates]
    sys.stdout.write("\n".join([*outcome.path, f"{outcome.leaf}: {outcome.reason}"]) + "\n")
    write_json(
        tree,
        {
            "baseline": baseline.name,
            "mode": params.baseline,
            "gates": params.gates,
            "leaf": outcome.leaf,
            "masks_required": outcome.leaf == TEST_MASKS,
            "why": f"the tree's answer for {baseline.name} is {outcome.leaf!r} ({outcome.reason})",
            "thresholds": params.thresholds.model_dump(),
            "recipe": baseline.recipe.model_dump(),
        },
    )


def rules(thresholds: Thresholds) -> Rules:
    return Rules(**{name: Edges(**edges) for name, edges in thresholds.model_dump().items()})


def _require_one_recipe(runs: list[Run]) -> None:
    if any(each.recipe != runs[0].recipe for each in runs):
        raise InputError(
            runs[0].folder, "the unmasked models were trained with different recipes; train them again"
        )
