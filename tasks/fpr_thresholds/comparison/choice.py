"""Which option the folds choose, by the rule and under other conditions, and what the holdout says of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.budgets.choice import Decisions, OptionChoice, choose
from methods.budgets.diagnosis import learnable
from methods.budgets.evaluation import SILENT, budget_verdict
from methods.budgets.evidence import FoldEvidence, fold_evidence
from params.fpr_thresholds import Compare
from storage.files.inputs import InputError
from tasks.fpr_thresholds.comparison.evaluation import RecipeEvaluation


@dataclass(frozen=True)
class FoldChoice:
    """learnable: the labels that choose. evidence: per option, by label. advice: the choice under each condition of
    params, None where there is no learnable label to give it on."""

    learnable: list[str]
    option: OptionChoice
    evidence: list[dict[str, FoldEvidence]]
    advice: list[OptionChoice | None]


def choose_in_folds(
    folds: Decisions, scores: NDArray[np.floating[Any]], labels: list[str], params: Compare
) -> FoldChoice:
    for number, rule in enumerate(params.advice):
        if rule.label is not None and rule.label not in labels:
            raise InputError(
                Path("params.yaml"),
                f"no label is called {rule.label!r}; there are {labels}: name one of these, or null for all",
                field=f"fpr_thresholds.compare.advice[{number}].label",
            )
    learns = np.array(
        [learnable(scores[:, i], folds.positive[:, i], params.level) for i in range(len(labels))]
    )

    def by(max_fpr: float, label: str | None = None) -> OptionChoice:
        which = learns if label is None else learns & (np.array(labels) == label)
        return choose(folds, max_fpr, which, params.level, params.resamples, params.seed)

    those = [label for label, is_ in zip(labels, learns, strict=True) if is_]
    budget = params.selection.max_fpr
    return FoldChoice(
        those,
        by(budget),
        [
            {label: fold_evidence(folds, i, j, budget, params.level) for j, label in enumerate(labels)}
            for i in range(len(folds.fired))
        ],
        [
            by(rule.max_fpr, rule.label) if those and rule.label in (None, *those) else None
            for rule in params.advice
        ],
    )


def holdout_verdicts(choice: FoldChoice, chosen: RecipeEvaluation, max_fpr: float) -> dict[str, str]:
    """Whether the chosen option keeps the rule's budget on each learnable label."""
    results = {label: chosen.by_label[label] for label in choice.learnable}
    return {
        label: SILENT
        if result.verdict == SILENT
        else budget_verdict(result.fpr_floor or 0.0, result.fpr_bound or 1.0, max_fpr)
        for label, result in results.items()
    }
