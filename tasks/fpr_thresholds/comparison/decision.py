"""decision.json: what the folds chose, whether its budget holds on the holdout, and typed reasons for both."""

from dataclasses import asdict
from typing import Any

import numpy as np

from methods.budgets.choice import OptionChoice
from methods.budgets.comparison import OptionResult
from methods.budgets.evaluation import CANNOT_TELL, HOLDS, SILENT, VIOLATES, joint_verdict
from methods.budgets.evidence import FoldEvidence, negatives_to_decide
from params.fpr_thresholds import Advice, Compare
from storage.files.markdown import rounded
from tasks.fpr_thresholds.comparison.choice import FoldChoice, holdout_verdicts
from tasks.fpr_thresholds.comparison.evaluation import RecipeEvaluation
from tasks.report.figures import NAMED, holds_zero
from tasks.report.templates import Reason, sentences

REASONS = "tasks/fpr_thresholds/comparison/reasons.j2"
OUTCOME = {HOLDS: "holds", VIOLATES: "does not hold", CANNOT_TELL: "cannot tell", SILENT: "never fires"}


def decision(
    evaluations: list[RecipeEvaluation], choice: FoldChoice, params: Compare, order: str
) -> dict[str, Any]:
    """chosen, control, verdict (does the budget hold on the holdout), reasons, evidence. order: of ScoredRows."""
    names = [each.option.option for each in evaluations]
    chosen, budget = evaluations[choice.option.chosen], params.selection.max_fpr
    verdicts = holdout_verdicts(choice, chosen, budget)
    unlearnable = [label for label in chosen.by_label if label not in choice.learnable]
    reasons = [
        *([Reason("unlearnable", {"labels": unlearnable})] if unlearnable else []),
        *_why_chosen(names, choice, budget, params.level),
        _on_holdout(chosen, verdicts, budget, params.level),
        Reason("holdout_gain", {"result": chosen.micro}),
        *([] if order == "time" else [Reason("no_later_data", {"order": order})]),
    ]
    return {
        "chosen": chosen.option.option,
        "control": names[0],
        "verdict": OUTCOME[joint_verdict(list(verdicts.values()))],
        "reasons": sentences(REASONS, reasons),
        "evidence": {
            "budget": budget,
            "learnable_labels": choice.learnable,
            "folds": {
                name: {
                    "recall": None if np.isnan(recall) else rounded(recall),
                    "within_budget": bool(eligible),
                    "labels": {label: _fold_evidence(each) for label, each in evidence.items()},
                }
                for name, recall, eligible, evidence in zip(
                    names, choice.option.recall, choice.option.eligible, choice.evidence, strict=True
                )
            },
            "fold_recall_gain_over_control": choice.option.gain
            and [rounded(end) for end in choice.option.gain],
            "fewest_negatives_that_hold": negatives_to_decide(0.0, budget, params.level),
            "holdout": {
                label: _holdout_evidence(result, verdicts.get(label), budget, params.level)
                for label, result in chosen.by_label.items()
            },
        },
    }


def advice(
    names: list[str], rule: Advice, choice: OptionChoice | None, main: OptionChoice, budget: float
) -> Reason:
    """What would be chosen under the rule's condition; choice is None where its label is not learnable."""
    if choice is None:
        return Reason("advice_unlearnable", {"label": rule.label})
    if choice.best is None:
        return Reason("advice_stays", {"max_fpr": rule.max_fpr, "control": names[0]})
    too = main.best is not None and main.chosen != choice.chosen and choice.eligible[main.chosen]
    figures = {"names": names, "rule": rule, "choice": choice, "budget": budget}
    return Reason("advice", {**figures, "main": names[main.chosen] if too else None})


def _why_chosen(names: list[str], folds: FoldChoice, budget: float, level: float) -> list[Reason]:
    choice, labels = folds.option, folds.learnable
    if not labels:
        return [Reason("nothing_to_choose_by")]
    if choice.best is None:
        return [Reason("none_eligible", {"budget": budget})]
    eligible = [name for name, is_ in zip(names, choice.eligible, strict=True) if is_]
    chosen, recall = names[choice.chosen], choice.recall[choice.chosen]
    best = {"best": names[choice.best], "best_recall": choice.recall[choice.best]}
    reasons = [
        Reason("eligible", {"budget": budget, "labels": labels, "options": eligible}),
        Reason("most_recall", best)
        if choice.best == choice.chosen
        else Reason("simpler", {**best, "chosen": chosen, "recall": recall}),
    ]
    if not choice.eligible[0]:
        reasons += _control_left_out(names[0], chosen, folds, budget, level)
    if choice.chosen and choice.gain is not None:
        positives = sum(folds.evidence[0][label].positives for label in labels)
        gain = (recall - choice.recall[0], *choice.gain)
        reasons.append(Reason("fold_gain", {"positives": positives, "gain": gain}))
        if not choice.eligible[0] and holds_zero(*choice.gain):
            reasons.append(Reason("within_rule_alone", {"chosen": chosen}))
    return reasons


def _control_left_out(
    control: str, chosen: str, folds: FoldChoice, budget: float, level: float
) -> list[Reason]:
    """The rule compares point rates; what the rows can tell stands beside it, label by label where there are few."""
    before, after = folds.evidence[0], folds.evidence[folds.option.chosen]
    silent = [label for label in folds.learnable if not before[label].caught]
    over = [label for label in folds.learnable if before[label].false_positives > before[label].allowed]
    figures = {"control": control, "budget": budget}
    reasons = [Reason("control_silent", {"control": control, "labels": silent})] if silent else []
    if len(over) > NAMED:
        surely = sum(before[label].lower_bound > budget for label in over)
        return [*reasons, Reason("control_over_labels", {**figures, "labels": len(over), "surely": surely})]
    figures |= {"chosen": chosen, "risk": 1 - level}
    return reasons + [
        Reason("control_over", {**figures, "label": label, "its": before[label], "own": after[label]})
        for label in over
    ]


def _on_holdout(chosen: RecipeEvaluation, verdicts: dict[str, str], budget: float, level: float) -> Reason:
    """Label by label where there are few; else how many of each, and the labels that break it."""
    if not verdicts:
        return Reason("holdout_not_judged", {"budget": budget})
    kinds, results = list(verdicts.values()), chosen.by_label
    fewest = negatives_to_decide(0.0, budget, level) if CANNOT_TELL in kinds else None
    if len(verdicts) > NAMED:
        counts = {outcome: kinds.count(kind) for kind, outcome in OUTCOME.items()}
        broken = [label for label, verdict in verdicts.items() if verdict == VIOLATES][:NAMED]
        return Reason(
            "holdout_counts", {"budget": budget, "counts": counts, "broken": broken, "fewest": fewest}
        )
    labels = [
        (label, OUTCOME[verdict], results[label], _to_decide(results[label], verdict, budget, level))
        for label, verdict in verdicts.items()
    ]
    return Reason("holdout_labels", {"budget": budget, "labels": labels, "fewest": fewest})


def _fold_evidence(evidence: FoldEvidence) -> dict[str, float]:
    figures = asdict(evidence)
    return {
        name: rounded(figures[name]) if isinstance(figures[name], float) else figures[name]
        for name in figures
        if name != "allowed"
    }


def _holdout_evidence(
    result: OptionResult, verdict: str | None, budget: float, level: float
) -> dict[str, Any]:
    tp, fp, fn, tn = (count or 0 for count in (result.tp, result.fp, result.fn, result.tn))
    return {
        "recall": None if result.recall is None else rounded(result.recall),
        "positives": tp + fn,
        "false_positives": fp,
        "negatives": fp + tn,
        "upper_bound": rounded(result.fpr_bound or 0.0),
        "budget": OUTCOME[verdict] if verdict else sentences(REASONS, [Reason("not_judged")])[0],
        "negatives_to_decide_at_this_rate": _to_decide(result, verdict, budget, level),
    }


def _to_decide(result: OptionResult, verdict: str | None, budget: float, level: float) -> int | None:
    if verdict != CANNOT_TELL or result.fpr is None:
        return None
    return negatives_to_decide(result.fpr, budget, level)
