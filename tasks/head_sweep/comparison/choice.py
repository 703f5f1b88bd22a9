"""The recipe that inner validation shows to be better than its control, all recipes judged at once, and what test says."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from methods.heads.comparisons import Pair, cell
from methods.heads.contrasts import Confirmation, Contrast, confirmation
from storage.files.inputs import InputError
from tasks.head_sweep.comparison.evaluation import SweepEvaluation, recipe_name
from tasks.report.templates import Reason

Runs = list[int]
Verdict = Confirmation | Literal["not distinguishable", "one seed"]
FEWEST_SEEDS = 2


@dataclass(frozen=True)
class RecipeChoice:
    """Runs of each seed of one recipe. control: the one that stays or is replaced; challenger: the recipe that replaces it
    or came nearest to it, against: the control of its cell. Both empty where no recipe could be compared.

    gain, test: challenger less against, on validation among all recipes, on test alone. left_out: recipes that could not
    be chosen, and why.
    """

    control: Runs
    challenger: Runs
    against: Runs
    gain: Contrast | None
    test: Contrast | None
    replaced: bool
    left_out: Mapping[str, Reason]

    @property
    def chosen(self) -> Runs:
        return self.challenger if self.replaced else self.control

    @property
    def verdict(self) -> Verdict:
        """Of test on the challenger, where validation shows it to be better."""
        if self.replaced:
            return confirmation(self.test)
        one_seed = any(why.kind == "one_seed" for why in self.left_out.values())
        return "one seed" if self.gain is None and one_seed else "not distinguishable"


def choose(sweep: SweepEvaluation) -> RecipeChoice:
    """Of the recipes whose validation macro F1, a mean over seeds, is shown to be above that of their cell's control, at
    once for all, the best; where none is, or one of another cell's control is as good, the best control.

    A recipe with one seed, or with a run that diverged or ended at its limit of epochs, is not compared. InputError
    where there is no run of the control.
    """
    controls = {
        cell(sweep.runs[own[0]].spec): own for own in sweep.recipes.values() if _is_control(sweep, own)
    }
    if not controls:
        raise InputError(
            Path("params.yaml"), "no recipe has all its runs and a run of the control "
            f"{sweep.control!r} beside it: all of those diverged", field="head_sweep.plan.presets",
        )  # fmt: skip
    left_out = _left_out(sweep, controls)
    challengers = _distinct(sweep, left_out)
    beside = [controls[cell(sweep.runs[own[0]].spec)] for own in challengers]
    pairs = [_common(sweep, own, control) for own, control in zip(challengers, beside, strict=True)]
    found = sweep.compared(pairs, "validation")
    scores = [_score(sweep, own) for own in challengers]
    best_control = max(controls.values(), key=lambda own: _score(sweep, own))
    least = _score(sweep, best_control)
    shown = [i for i, each in enumerate(found) if each and each.above and scores[i] > least]
    out = {name: left_out[name] for name in sorted(left_out)}
    if not challengers:
        return RecipeChoice(best_control, [], [], None, None, False, out)
    best = max(shown or range(len(challengers)), key=lambda i: scores[i])
    return RecipeChoice(
        beside[best] if shown else best_control, challengers[best], beside[best], found[best],
        sweep.compared([pairs[best]], "test")[0], bool(shown), out,
    )  # fmt: skip


def _left_out(
    sweep: SweepEvaluation, controls: Mapping[tuple[str, int, int, float], Runs]
) -> dict[str, Reason]:
    diverged = Counter(recipe_name(facts) for facts in sweep.failed)
    left_out = {name: Reason("divergence", {"runs": number}) for name, number in diverged.items()}
    for name, own in sweep.recipes.items():
        unended = sum(not sweep.runs[i].converged for i in own)
        control = controls.get(cell(sweep.runs[own[0]].spec), [])
        seeds = len(_common(sweep, own, control))
        if name in left_out:
            continue
        if unended:
            left_out[name] = Reason("unended", {"runs": unended})
        elif not seeds:
            left_out[name] = Reason("no_control")
        elif seeds < FEWEST_SEEDS:
            left_out[name] = Reason("one_seed")
    return left_out


def _distinct(sweep: SweepEvaluation, left_out: Mapping[str, Reason]) -> list[Runs]:
    """Recipes to compare with a control; of those that answer alike, the control among them, the first."""
    seen = {
        sweep.runs[i].spec.answers for own in sweep.recipes.values() if _is_control(sweep, own) for i in own
    }
    found = []
    for name, own in sweep.recipes.items():
        answers = {sweep.runs[i].spec.answers for i in own}
        if name not in left_out and not answers & seen:
            found.append(own)
            seen |= answers
    return found


def _common(sweep: SweepEvaluation, one: Runs, other: Runs) -> list[Pair]:
    """Pairs of one seed whose trainings ended by themselves."""
    place = {sweep.runs[i].spec.seed: i for i in other if sweep.runs[i].converged}
    return [(i, place[sweep.runs[i].spec.seed]) for i in one if sweep.runs[i].spec.seed in place]


def _is_control(sweep: SweepEvaluation, own: Runs) -> bool:
    return sweep.runs[own[0]].profile == sweep.control


def _score(sweep: SweepEvaluation, own: Runs) -> float:
    return float(np.mean([sweep.runs[i].validation.macro_f1_fg for i in own]))


def recommendation(sweep: SweepEvaluation, choice: RecipeChoice) -> dict[str, Any]:
    """The recommended recipe, as a preset takes it, and the one that it was compared with."""
    other = choice.against if choice.replaced else choice.challenger
    return {
        **_preset(sweep, choice.chosen),
        "against": _preset(sweep, other) if other else None,
        "verdict": choice.verdict,
    }


def _preset(sweep: SweepEvaluation, own: Runs) -> dict[str, Any]:
    """Profile and its tokens, encoder, size, smoothing, seeds."""
    first = sweep.runs[own[0]]
    spec = first.spec
    return {
        "profile": first.profile,
        "recipe": "-".join(token for token in spec.recipe.split("-") if not token.startswith("ls")),
        "encoder": spec.encoder,
        "size": {"name": first.size, "hidden": spec.hidden, "batch": spec.batch},
        "smoothing": spec.smoothing,
        "seeds": [sweep.runs[i].spec.seed for i in own],
    }
