"""The recipe that inner validation likes best, whether it can be told from the next one there, and what test says."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from methods.heads.comparisons import cell
from methods.heads.noise import Confirmation, Difference, confirmation
from storage.files.inputs import InputError
from tasks.head_sweep.comparison.evaluation import SweepEvaluation, recipe_name
from tasks.report.templates import Reason, sentences

Runs = list[int]
Verdict = Confirmation | Literal["not distinguishable"]


@dataclass(frozen=True)
class RecipeChoice:
    """Runs of each seed of one recipe. best: first on inner validation; control: of its cell; against: what it is
    compared with, the control or, where it is the control, the runner-up (empty where there is none).

    gain, test: best less against over their common seeds, on validation and on test. left_out: recipes that could not
    be chosen, and why.
    """

    best: Runs
    control: Runs
    against: Runs
    gain: Difference | None
    test: Difference | None
    left_out: Mapping[str, Reason]

    @property
    def distinguishable(self) -> bool:
        return self.gain is not None and self.gain.above

    @property
    def chosen(self) -> Runs:
        return self.best if self.distinguishable else self.control

    @property
    def verdict(self) -> Verdict:
        """Of test on the best recipe, where validation could tell it from what it was compared with."""
        if self.gain is None:
            return "cannot tell"
        return confirmation(self.test) if self.distinguishable else "not distinguishable"


def choose(sweep: SweepEvaluation) -> RecipeChoice:
    """The recipe with the best validation macro F1, a mean over its seeds; of equal ones the control.

    It has to beat the control of its cell, paired, over validation groups and beyond the luck of seeds; where it is the
    control itself, the runner-up that answers otherwise. InputError where no recipe can be compared with the control.
    """
    left_out = _divergence(sweep)
    whole = {name: own for name, own in sweep.recipes.items() if name not in left_out}
    controls = {
        cell(sweep.runs[own[0]].spec): own for own in sweep.recipes.values() if _is_control(sweep, own)
    }
    left_out |= {
        name: Reason("no_control")
        for name, own in whole.items()
        if not _common(sweep, own, controls.get(cell(sweep.runs[own[0]].spec), []))
    }
    candidates = [own for name, own in whole.items() if name not in left_out]
    if not candidates:
        whys = zip(
            left_out, sentences("tasks/head_sweep/comparison/reasons.j2", left_out.values()), strict=True
        )
        raise InputError(
            Path("params.yaml"), f"no recipe has all its runs and a run of the control {sweep.control!r} beside it: "
            + "; ".join(f"{name}: {why}" for name, why in list(whys)[:3]),
            field="head_sweep.plan.presets",
        )  # fmt: skip
    ranked = sorted(candidates, key=lambda own: (-_score(sweep, own), not _is_control(sweep, own)))
    best = ranked[0]
    control = controls[cell(sweep.runs[best[0]].spec)]
    against = next(_others(sweep, ranked), []) if best == control else control
    pairs = _common(sweep, best, against)
    return RecipeChoice(
        best, control, against, sweep.of_pairs(pairs, "validation"), sweep.of_pairs(pairs, "test"),
        {name: left_out[name] for name in sorted(left_out)},
    )  # fmt: skip


def _divergence(sweep: SweepEvaluation) -> dict[str, Reason]:
    runs = Counter(recipe_name(facts) for facts in sweep.failed)
    return {name: Reason("divergence", {"runs": number}) for name, number in runs.items()}


def _others(sweep: SweepEvaluation, ranked: Sequence[Runs]) -> Iterator[Runs]:
    """After the first, those that answer otherwise at seeds that both have."""
    answers = {sweep.runs[i].spec.answers for i in ranked[0]}
    for own in ranked[1:]:
        if not answers & {sweep.runs[i].spec.answers for i in own} and _common(sweep, ranked[0], own):
            yield own


def _common(sweep: SweepEvaluation, one: Runs, other: Runs) -> list[tuple[int, int]]:
    """Pairs of one seed."""
    place = {sweep.runs[i].spec.seed: i for i in other}
    return [(i, place[sweep.runs[i].spec.seed]) for i in one if sweep.runs[i].spec.seed in place]


def _is_control(sweep: SweepEvaluation, own: Runs) -> bool:
    return sweep.runs[own[0]].profile == sweep.control


def _score(sweep: SweepEvaluation, own: Runs) -> float:
    return float(np.mean([sweep.runs[i].validation.macro_f1_fg for i in own]))


def recommendation(sweep: SweepEvaluation, choice: RecipeChoice) -> dict[str, Any]:
    """The recommended recipe, as a preset takes it, and the one that it was compared with."""
    other = choice.against if choice.chosen == choice.best else choice.best
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
