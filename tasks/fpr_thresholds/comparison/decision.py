"""decision.json: what the folds chose for each label, whether its budget holds on the holdout, and typed reasons."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np

from methods.budgets.better_options import BetterRecall
from methods.budgets.choice import OptionChoice
from methods.budgets.comparison import OptionResult
from methods.budgets.evaluation import CANNOT_TELL, HOLDS, VIOLATES, joint_verdict
from methods.budgets.learnability import Help
from methods.budgets.thresholds import negatives_needed
from methods.statistics.sample_sizes import negatives_at_power
from params.fpr_thresholds import Advice, Compare
from storage.files.markdown import rounded
from tasks.fpr_thresholds.comparison.choice import FoldChoice
from tasks.fpr_thresholds.comparison.evaluation import Combination
from tasks.report.decision import Action, BetterOption, Decision, Grade, Requirement, stated
from tasks.report.figures import NAMED
from tasks.report.templates import Reason, sentences

REASONS = "tasks/fpr_thresholds/comparison/reasons.j2"
POWER = 0.8
GRADES = {HOLDS: Grade.HOLDS, VIOLATES: Grade.FAILS, CANNOT_TELL: Grade.CANNOT_TELL}
ACTIONS = {HOLDS: Action.SHIP, VIOLATES: Action.REDESIGN, CANNOT_TELL: Action.COLLECT}
FIRST = (Action.REDESIGN, Action.COLLECT, Action.SHIP, Action.KEEP)


def decision(
    names: list[str],
    choice: FoldChoice,
    holdout: Combination,
    better: dict[str, list[BetterRecall]],
    params: Compare,
    order: str,
) -> Decision:
    """better: by label. order: of ScoredRows. The action over all is that of the learnable labels, where there are any, by
    bounds that hold for all of them at once; each label has its own in the evidence."""
    actions = {label: _action(label, choice, holdout.by_label[label].verdict) for label in choice.oracle}
    at_once = {label: _at_once(label, holdout) for label in choice.oracle}
    verdicts = [at_once[label] for label in choice.adopted]
    decisive = [_action(label, choice, at_once[label]) for label in choice.options or choice.oracle]
    return Decision(
        format=1,
        experiment="fpr_thresholds",
        action=next(action for action in FIRST if action in decisive),
        grade=GRADES[joint_verdict(verdicts)] if verdicts else Grade.NOT_JUDGED,
        chosen={label: names[number] for label, number in choice.chosen.items()},
        control=names[0],
        better_than_chosen=list(_better(names, better)),
        would_change=list(_requirements(choice, holdout, params)),
        reasons=stated(REASONS, list(_reasons(names, choice, holdout, params, order))),
        evidence=_evidence(names, choice, holdout, params, actions),
    )


def advice(
    names: list[str], rule: Advice, choices: dict[str, OptionChoice], main: FoldChoice, budget: float
) -> Reason:
    """What would be chosen under the rule's condition; no choice where its label is not learnable."""
    if not choices:
        return Reason("advice_unlearnable", {"label": rule.label})
    eligible = {label: choice for label, choice in choices.items() if choice.best is not None}
    if not eligible:
        return Reason("advice_stays", {"max_fpr": rule.max_fpr, "control": names[0]})
    if len(eligible) > NAMED:
        counts = Counter(names[choice.chosen] for choice in eligible.values())
        return Reason("advice_counts", {"counts": dict(counts)})
    too = {
        label: names[main.adopted[label]]
        for label, choice in eligible.items()
        if label in main.adopted
        and main.adopted[label] != choice.chosen
        and choice.eligible[main.adopted[label]]
    }
    return Reason("advice", {"names": names, "rule": rule, "choices": eligible, "budget": budget, "too": too})


def _at_once(label: str, holdout: Combination) -> str:
    """Of many labels some are above a budget that all of them keep: broken is what is so for all bounds at once."""
    verdict = holdout.by_label[label].verdict
    return CANNOT_TELL if verdict == VIOLATES and label not in holdout.broken else verdict


def _action(label: str, choice: FoldChoice, verdict: str) -> Action:
    if label not in choice.options:
        return Action.REDESIGN if choice.oracle[label].kind == Help.NO else Action.COLLECT
    return ACTIONS[verdict] if label in choice.adopted else Action.KEEP


def _better(names: list[str], better: dict[str, list[BetterRecall]]) -> Iterable[BetterOption]:
    for label, options in better.items():
        figure = sentences(REASONS, [Reason("recall_of", {"label": label})])[0]
        for each in options:
            ends = {"gain": rounded(each.gain), "low": rounded(each.low), "high": rounded(each.high)}
            yield BetterOption(name=names[each.option], figure=figure, **ends)


def _requirements(choice: FoldChoice, holdout: Combination, params: Compare) -> Iterable[Requirement]:
    budget, level = params.selection.max_fpr, params.level
    for label, result in holdout.by_label.items():
        if label in choice.adopted and result.verdict == CANNOT_TELL:
            rate, present = _rate(holdout, result, params)
            yield _requirement("budget_held", label, "negatives", present, _needed(rate, budget, level))
        oracle = choice.oracle[label]
        if oracle.kind == Help.NO:
            yield _requirement("threshold_helps", label, "positives", oracle.positives, None)
        elif oracle.kind == Help.UNCLEAR:
            share = oracle.caught / max(oracle.positives, 1)
            needed = _needed(share, params.selection.least_recall, level)
            yield _requirement("threshold_helps", label, "positives", oracle.positives, needed)


def _requirement(claim: str, label: str, unit: str, present: int, needed: int | None) -> Requirement:
    text = sentences(REASONS, [Reason(claim, {"label": label})])[0]
    return Requirement(claim=text, unit=unit, present=present, needed=needed, power=POWER)


def _needed(rate: float, budget: float, level: float) -> int | None:
    size = negatives_at_power(rate, budget, level, POWER)
    return None if size is None else size.n


def _rate(holdout: Combination, result: OptionResult, params: Compare) -> tuple[float, int]:
    """The rate that is held against the budget, and of how many rows: of a label's negatives or of the clean ones. With
    half a false positive more (Jeffreys): that none fired does not say that none will."""
    if params.selection.risk_of == "any_label":
        rows, fired = holdout.clean, (holdout.micro.any_label_fpr or 0.0) * holdout.clean
    else:
        rows, fired = (result.fp or 0) + (result.tn or 0), result.fp or 0
    return (fired + 0.5) / (rows + 1), rows


def _reasons(
    names: list[str], choice: FoldChoice, holdout: Combination, params: Compare, order: str
) -> Iterable[Reason]:
    budget, adopted = params.selection.max_fpr, choice.adopted
    yield _on_holdout(choice, holdout, params)
    for kind in (Help.NO, Help.UNCLEAR):
        those = {label: each for label, each in choice.oracle.items() if each.kind == kind}
        if those:
            figures = {"labels": those, "budget": budget, "least": params.selection.least_recall}
            yield Reason("no_help" if kind == Help.NO else "help_unclear", figures)
    refused = [label for label in choice.options if label not in adopted]
    if refused:
        yield Reason(
            "none_eligible", {"labels": refused, "budget": budget, "max_risk": params.selection.max_risk}
        )
    if adopted:
        yield from _why_chosen(names, choice, params)
        yield Reason("holdout_gain", {"result": holdout.micro})
    if order != "time":
        yield Reason("no_later_data", {"order": order})


def _why_chosen(names: list[str], folds: FoldChoice, params: Compare) -> Iterable[Reason]:
    adopted, selection = folds.adopted, params.selection
    if len(adopted) > NAMED:
        yield Reason("choice_counts", {"counts": dict(Counter(names[each] for each in adopted.values()))})
    else:
        for label, number in adopted.items():
            eligible = [names[i] for i in np.flatnonzero(folds.options[label].eligible)]
            figures = {"label": label, "names": names, "choice": folds.options[label], "eligible": eligible}
            yield Reason("choice", {**figures, "positives": folds.evidence[number][label].positives})
    risks = [folds.risk(label) for label in adopted]
    total = max(risks) if selection.risk_of == "any_label" else min(sum(risks), 1.0)
    yield Reason(
        "joint_risk",
        {"risk_of": selection.risk_of, "most": max(risks), "total": total, "labels": list(adopted)},
    )
    left = [label for label in adopted if not folds.options[label].eligible[0]]
    if left:
        yield from _control_left_out(names[0], left, folds, params)


def _control_left_out(control: str, left: list[str], folds: FoldChoice, params: Compare) -> Iterable[Reason]:
    """Over the budget in the folds, or of too few rows to promise it."""
    budget, before = params.selection.max_fpr, folds.evidence[0]
    over = [label for label in left if before[label].false_positives > before[label].allowed]
    if len(left) > NAMED:
        surely = sum(before[label].lower_bound > budget for label in over)
        yield Reason(
            "control_left_out_labels",
            {"control": control, "budget": budget, "labels": len(left), "over": len(over), "surely": surely},
        )
        return
    for label in left:
        risk = float(folds.risks[0, list(folds.oracle).index(label)])
        figures = {"control": control, "budget": budget, "label": label, "its": before[label]}
        yield Reason("control_left_out", {**figures, "risk": risk, "max_risk": params.selection.max_risk})


def _on_holdout(choice: FoldChoice, holdout: Combination, params: Compare) -> Reason:
    """Label by label where there are few; else how many of each, and the labels that break it."""
    budget, level, labels = params.selection.max_fpr, params.level, list(choice.adopted)
    if not labels:
        return Reason("holdout_not_judged", {"budget": budget, "learnable": list(choice.options)})
    verdicts = [holdout.by_label[label].verdict for label in labels]
    fewest = negatives_needed(budget, 1 - level) if CANNOT_TELL in verdicts else None
    figures = {"budget": budget, "fewest": fewest}
    if params.selection.risk_of == "any_label":
        outcome, micro = GRADES[verdicts[0]].value, holdout.micro
        return Reason("holdout_any_label", {**figures, "outcome": outcome, "micro": micro})
    if len(labels) > NAMED:
        counts = {grade.value: verdicts.count(kind) for kind, grade in GRADES.items()}
        broken = [label for label, kind in zip(labels, verdicts, strict=True) if kind == VIOLATES][:NAMED]
        return Reason("holdout_counts", {**figures, "counts": counts, "broken": broken})
    results = [
        (label, GRADES[kind].value, holdout.by_label[label])
        for label, kind in zip(labels, verdicts, strict=True)
    ]
    return Reason("holdout_labels", {**figures, "labels": results})


def _evidence(
    names: list[str], choice: FoldChoice, holdout: Combination, params: Compare, actions: dict[str, Action]
) -> dict[str, Any]:
    selection = params.selection
    return {
        "budget": selection.max_fpr,
        "risk_of": selection.risk_of,
        "max_risk": selection.max_risk,
        "fewest_negatives_that_hold": negatives_needed(selection.max_fpr, 1 - params.level),
        "labels": {
            label: {
                "action": actions[label],
                "option": names[choice.chosen[label]],
                "adopted": label in choice.adopted,
                "oracle": {**_figures(oracle), "kind": oracle.kind.value},
                "risk": _finite(choice.risk(label)),
                "fold_recall_gain_over_control": [rounded(end) for end in choice.options[label].gain]
                if label in choice.options
                else None,
                "holdout": _holdout_evidence(holdout.by_label[label]),
            }
            for label, oracle in choice.oracle.items()
        },
        "folds": {
            name: {
                label: {
                    **_figures(each),
                    "risk": _finite(float(choice.risks[number, column])),
                    "eligible": label in choice.options and bool(choice.options[label].eligible[number]),
                }
                for column, (label, each) in enumerate(choice.evidence[number].items())
            }
            for number, name in enumerate(names)
        },
    }


def _figures(record: Any) -> dict[str, Any]:
    return {
        name: rounded(value) if isinstance(value, float) else value
        for name, value in asdict(record).items()
        if name != "allowed"
    }


def _finite(value: float) -> float | None:
    return None if np.isnan(value) else rounded(value)


def _holdout_evidence(result: OptionResult) -> dict[str, Any]:
    tp, fp, fn, tn = (count or 0 for count in (result.tp, result.fp, result.fn, result.tn))
    return {
        "recall": None if result.recall is None else rounded(result.recall),
        "positives": tp + fn,
        "false_positives": fp,
        "negatives": fp + tn,
        "upper_bound": rounded(1.0 if result.fpr_bound is None else result.fpr_bound),
        "verdict": result.verdict,
    }
