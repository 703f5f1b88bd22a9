"""The recipe that inner validation likes best, whether it can be told from the next one there, and what test says."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from methods.heads.comparisons import cell
from methods.heads.noise import Confirmation, Difference, confirmation
from storage.files.inputs import InputError
from tasks.head_sweep.comparison.evaluation import Judged, recipe_name

Runs = list[int]
Verdict = Confirmation | Literal["not distinguishable"]


@dataclass(frozen=True)
class Choice:
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
    left_out: list[tuple[str, str]]

    @property
    def told(self) -> bool:
        return self.gain is not None and self.gain.above

    @property
    def chosen(self) -> Runs:
        return self.best if self.told else self.control

    @property
    def verdict(self) -> Verdict:
        """Of test on the best recipe, where validation could tell it from what it was compared with."""
        if self.gain is None:
            return "cannot tell"
        return confirmation(self.test) if self.told else "not distinguishable"


def choose(judged: Judged) -> Choice:
    """The recipe with the best validation macro F1, a mean over its seeds; of equal ones the control.

    It has to beat the control of its cell, paired, over validation groups and beyond the luck of seeds; where it is the
    control itself, the runner-up that answers otherwise. InputError where no recipe can be compared with the control.
    """
    recipes: dict[str, Runs] = {}
    for number, run in enumerate(judged.runs):
        recipes.setdefault(run.recipe, []).append(number)
    left_out = dict(_failed(judged))
    whole = {name: own for name, own in recipes.items() if name not in left_out}
    controls = {cell(judged.runs[own[0]].spec): own for own in recipes.values() if _is_control(judged, own)}
    left_out |= {
        name: "its cell has no run of the control at its seeds"
        for name, own in whole.items()
        if not _common(judged, own, controls.get(cell(judged.runs[own[0]].spec), []))
    }
    candidates = [own for name, own in whole.items() if name not in left_out]
    if not candidates:
        raise InputError(
            Path("params.yaml"), f"no recipe has all its runs and a run of the control {judged.control!r} beside it: "
            + "; ".join(f"{name}: {why}" for name, why in list(left_out.items())[:3]),
            field="head_sweep.plan.presets",
        )  # fmt: skip
    ranked = sorted(candidates, key=lambda own: (-_score(judged, own), not _is_control(judged, own)))
    best = ranked[0]
    control = controls[cell(judged.runs[best[0]].spec)]
    against = next(_others(judged, ranked), []) if best == control else control
    pairs = _common(judged, best, against)
    return Choice(
        best, control, against, judged.of_pairs(pairs, "validation"), judged.of_pairs(pairs, "test"),
        sorted(left_out.items()),
    )  # fmt: skip


def _failed(judged: Judged) -> Iterable[tuple[str, str]]:
    names = [recipe_name(facts) for facts in judged.failed]
    for name in dict.fromkeys(names):
        yield name, f"{names.count(name)} of its runs diverged"


def _others(judged: Judged, ranked: Sequence[Runs]) -> Iterator[Runs]:
    """After the first, those that answer otherwise at seeds that both have."""
    answers = {judged.runs[i].spec.answers for i in ranked[0]}
    for own in ranked[1:]:
        if not answers & {judged.runs[i].spec.answers for i in own} and _common(judged, ranked[0], own):
            yield own


def _common(judged: Judged, one: Runs, other: Runs) -> list[tuple[int, int]]:
    """Pairs of one seed."""
    place = {judged.runs[i].spec.seed: i for i in other}
    return [(i, place[judged.runs[i].spec.seed]) for i in one if judged.runs[i].spec.seed in place]


def _is_control(judged: Judged, own: Runs) -> bool:
    return judged.runs[own[0]].profile == judged.control


def _score(judged: Judged, own: Runs) -> float:
    return float(np.mean([judged.runs[i].validation.macro_f1_fg for i in own]))


def written(judged: Judged, own: Runs) -> dict[str, Any]:
    """The recipe alone, as a preset takes it: profile and its tokens, encoder, size, smoothing, seeds."""
    first = judged.runs[own[0]]
    spec = first.spec
    return {
        "profile": first.profile,
        "recipe": "-".join(token for token in spec.recipe.split("-") if not token.startswith("ls")),
        "encoder": spec.encoder,
        "size": {"name": first.size, "hidden": spec.hidden, "batch": spec.batch},
        "smoothing": spec.smoothing,
        "seeds": [judged.runs[i].spec.seed for i in own],
    }
