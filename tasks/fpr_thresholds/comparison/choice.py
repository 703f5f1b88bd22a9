"""Which option the folds choose for each label, by the rule and under other conditions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.budgets.choice import Decisions, OptionChoice, Resampling, choose_for_label, choose_whole
from methods.budgets.evidence import FoldEvidence, budget_risk, fold_evidence
from methods.budgets.learnability import Help, LabelRows, OracleRecall, oracle_recall
from params.fpr_thresholds import Compare
from storage.files.inputs import InputError
from storage.messages.thresholds import Label, Thresholds
from tasks.fpr_thresholds.comparison.evaluation import help_rule

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FoldChoice:
    """oracle: of every label. options: the choice of each learnable label; where any label's fire counts, the same for
    all. risks (options, labels): that the rate exceeds the budget, by the calibration rows; NaN where a threshold never
    fires. evidence: per option, by label. advice: the choices under each condition of params."""

    oracle: dict[str, OracleRecall]
    options: dict[str, OptionChoice]
    risks: Floats
    evidence: list[dict[str, FoldEvidence]]
    advice: list[dict[str, OptionChoice]]

    @property
    def chosen(self) -> dict[str, int]:
        """Of every label, the number of its option: the control where no threshold can be shown to help."""
        return {label: self.options[label].chosen if label in self.options else 0 for label in self.oracle}

    @property
    def adopted(self) -> dict[str, int]:
        """Of the labels for which an option is eligible."""
        return {label: choice.chosen for label, choice in self.options.items() if choice.best is not None}

    def risk(self, label: str) -> float:
        return float(self.risks[self.chosen[label], list(self.oracle).index(label)])


def choose_in_folds(
    folds: Decisions, options: list[Thresholds], scores: NDArray[np.floating[Any]], params: Compare
) -> FoldChoice:
    labels = list(options[0].labels)
    _check_advice(labels, params)
    rule, budget = help_rule(params), params.selection.max_fpr
    oracle = {
        label: oracle_recall(LabelRows(scores[:, i], folds.positive[:, i], folds.group), rule)
        for i, label in enumerate(labels)
    }
    learnable = [label for label in labels if oracle[label].kind == Help.YES]
    return FoldChoice(
        oracle,
        _choices(folds, options, learnable, budget, params),
        _risks(options, budget),
        [
            {label: fold_evidence(folds, i, j, budget, params.level) for j, label in enumerate(labels)}
            for i in range(len(options))
        ],
        [
            _choices(
                folds,
                options,
                [each for each in learnable if advised.label in (None, each)],
                advised.max_fpr,
                params,
            )
            for advised in params.advice
        ],
    )


def _choices(
    folds: Decisions, options: list[Thresholds], learnable: list[str], max_fpr: float, params: Compare
) -> dict[str, OptionChoice]:
    """Only what can fire, and leaves no larger risk than the rule allows, is a candidate."""
    if not learnable:
        return {}
    labels, selection = list(options[0].labels), params.selection
    columns = [labels.index(label) for label in learnable]
    parts = len(learnable) if selection.risk_of == "all_labels" else 1
    small = _risks(options, max_fpr) <= selection.max_risk / parts * (1 + 1e-9)  # NaN is not
    whole = np.array([option.rule == "any_label" for option in options])
    resampling = Resampling(params.level, params.resamples, params.seed)
    if selection.risk_of == "any_label":
        candidates = whole & small[:, columns].all(axis=1)
        which = np.isin(labels, learnable)
        return dict.fromkeys(learnable, choose_whole(folds, which, max_fpr, candidates, resampling))
    return {
        label: choose_for_label(folds, column, max_fpr, ~whole & small[:, column], resampling)
        for label, column in zip(learnable, columns, strict=True)
    }


def _risks(options: list[Thresholds], max_fpr: float) -> Floats:
    return np.array([[_risk(entry, max_fpr) for entry in option.labels.values()] for option in options])


def _risk(entry: Label, max_fpr: float) -> float:
    """By rows or by different texts, whichever leaves more: a text that stands there often is one piece of evidence."""
    if np.isinf(entry.threshold):
        return np.nan
    by_rows = budget_risk(entry.allowed, entry.negatives, max_fpr)
    return max(by_rows, budget_risk(entry.fired_texts, entry.texts, max_fpr))


def _check_advice(labels: list[str], params: Compare) -> None:
    for number, rule in enumerate(params.advice):
        if rule.label is not None and rule.label not in labels:
            raise InputError(
                Path("params.yaml"),
                f"no label is called {rule.label!r}; there are {labels}: name one of these, or null for all",
                field=f"fpr_thresholds.compare.advice[{number}].label",
            )
