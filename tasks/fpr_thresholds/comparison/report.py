"""The report: the decision, the table and what each option costs."""

from math import inf

import pandas as pd

from methods.budgets.diagnosis import RANKING
from methods.budgets.evaluation import VIOLATES
from params.fpr_thresholds import Compare
from tasks.fpr_thresholds.comparison.choice import FoldChoice
from tasks.fpr_thresholds.comparison.decision import REASONS, advice
from tasks.fpr_thresholds.comparison.evaluation import RecipeEvaluation
from tasks.report.decision import Decision
from tasks.report.templates import render, sentences


def page(
    decision: Decision,
    evaluations: list[RecipeEvaluation],
    choice: FoldChoice,
    table: pd.DataFrame,
    diagnosis: pd.DataFrame,
    capped: dict[str, int],
    sets: pd.DataFrame,
    snapshot: pd.DataFrame,
    params: Compare,
) -> str:
    names, budget = [each.option.option for each in evaluations], params.selection.max_fpr
    reasons = [
        advice(names, rule, each, choice, budget)
        for rule, each in zip(params.advice, choice.advice, strict=True)
    ]
    ranking = diagnosis["label"][diagnosis["diagnosis"] == RANKING].tolist()
    return render(
        "tasks/fpr_thresholds/comparison/report.md.j2",
        decision=decision,
        rows=table.to_dict("records"),
        label_rows=table[table["shift_threshold"].notna()].to_dict("records"),
        mined_rows=table[table["selected_threshold"].notna()].to_dict("records"),
        trade_offs=[(each, _trade_offs(each, evaluations, ranking)) for each in evaluations],
        guarantees=[each.option for each in evaluations if each.option.delta is not None],
        diagnoses=diagnosis.to_dict("records"),
        advice=list(zip(params.advice, sentences(REASONS, reasons), strict=True)),
        capped=capped,
        sets=sets,
        snapshot=snapshot,
        params=params,
    )


def _trade_offs(
    each: RecipeEvaluation, evaluations: list[RecipeEvaluation], ranking: list[str]
) -> dict[str, list[str]]:
    """By kind, the labels that the option leaves out, and its twins; kinds without any are left out."""
    thresholds = {other.option.option: other.thresholds for other in evaluations}
    own = thresholds.pop(each.option.option)
    silent = [label for label, threshold in zip(each.option.labels, own, strict=True) if threshold == inf]
    kinds = {
        "silent": silent,
        "broken": [label for label, result in each.by_label.items() if result.verdict == VIOLATES],
        "unfixed": [label for label in ranking if label not in silent],
        "twins": [name for name, theirs in thresholds.items() if theirs == own],
    }
    return {kind: named for kind, named in kinds.items() if named}
