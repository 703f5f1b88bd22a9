"""The decision and its reasons in words: every number comes from the table, the folds or the threshold files."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.budgets.choice import Choice
from methods.budgets.evaluation import CANNOT_TELL, HOLDS, SILENT, VIOLATES, budget_verdict, joint_verdict
from methods.budgets.evidence import Seen, negatives_to_decide
from params.fpr_thresholds import Advice, Compare
from storage.files.markdown import rounded
from storage.messages.thresholds import Thresholds
from tasks.fpr_thresholds.comparison.figures import (
    NAMED_LABELS,
    Record,
    fired_on,
    interval,
    named,
    points,
    records,
    told_apart,
)

OUTCOME = {HOLDS: "holds", VIOLATES: "does not hold", CANNOT_TELL: "cannot tell", SILENT: "never fires"}
NOT_JUDGED = "not judged: not learnable"


def decision(
    options: list[Thresholds],
    labels: list[str],
    learnable: NDArray[np.bool_],
    choice: Choice,
    folds: list[dict[str, Seen]],
    table: pd.DataFrame,
    params: Compare,
) -> dict[str, Any]:
    """chosen, control, verdict (does the budget hold on the holdout), reasons, evidence. folds: per option, by label."""
    names = [option.option for option in options]
    learned = [label for label, is_ in zip(labels, learnable, strict=True) if is_]
    budget = params.selection.max_fpr
    chosen = records(table, names[choice.chosen])
    verdicts = {label: _verdict(chosen[label], budget) for label in learned}
    on_holdout = (
        f"on the holdout, which chose nothing, a budget of {budget:.1%} {_joined(verdicts, chosen, budget, params.level)}"
        if learned
        else f"no label is learnable: whether a budget of {budget:.1%} holds on the holdout is not judged"
    )
    return {
        "chosen": names[choice.chosen],
        "control": names[0],
        "verdict": OUTCOME[joint_verdict(list(verdicts.values()))],
        "reasons": [
            *_unlearnable(labels, learnable),
            *_why_chosen(names, choice, learned, folds, budget, params.level),
            on_holdout,
            f"its recall there differs from the control's by {points(chosen['micro'], 'delta_recall')}",
        ],
        "evidence": {
            "budget": budget,
            "learnable_labels": learned,
            "folds": {
                name: {
                    "recall": None if np.isnan(choice.recall[i]) else rounded(choice.recall[i]),
                    "within_budget": bool(choice.eligible[i]),
                    "labels": {label: _fold_evidence(folds[i][label]) for label in labels},
                }
                for i, name in enumerate(names)
            },
            "fold_recall_gain_over_control": choice.gain and [rounded(end) for end in choice.gain],
            "fewest_negatives_that_hold": negatives_to_decide(0.0, budget, params.level),
            "holdout": {
                label: _holdout_evidence(row, verdicts.get(label), budget, params.level)
                for label, row in chosen.items()
                if label in labels
            },
        },
    }


def advised(names: list[str], rule: Advice, choice: Choice | None, main: Choice, budget: float) -> str:
    """What would be chosen under the rule's condition; choice is None where its label is not learnable."""
    if choice is None:
        what = rule.label or "any label"
        return f"no advice: in the folds the AUROC of {what} cannot be told to lie above .5; improve the ranking first"
    if choice.best is None:
        return f"no option catches anything and keeps {rule.max_fpr:.1%} in the folds; stay with {names[0]}"
    on = f" on {rule.label}" if rule.label else ""
    text = f"{names[choice.chosen]} (fold recall {choice.recall[choice.chosen]:.3f}{on})"
    if choice.rival is not None and choice.lead is not None:
        difference = choice.recall[choice.chosen] - choice.recall[choice.rival]
        text += (
            f"; beside it {names[choice.rival]} ({choice.recall[choice.rival]:.3f}): the difference is "
            f"{100 * difference:+.1f} points {interval(choice.lead)}, {told_apart(choice.lead)}"
        )
        if choice.rival == choice.best:
            text += f", and {names[choice.chosen]} stands first"
    if main.best is not None and main.chosen != choice.chosen and choice.eligible[main.chosen]:
        text += f"; {names[main.chosen]}, chosen at {budget:.1%}, is within {rule.max_fpr:.1%} too"
    return text


def _unlearnable(labels: list[str], learnable: NDArray[np.bool_]) -> list[str]:
    lost = [label for label, is_ in zip(labels, learnable, strict=True) if not is_]
    if not lost:
        return []
    return [
        f"{', '.join(lost)}: no threshold is judged here, in the folds the AUROC's interval does not lie above .5"
    ]


def _why_chosen(
    names: list[str],
    choice: Choice,
    learned: list[str],
    folds: list[dict[str, Seen]],
    budget: float,
    level: float,
) -> list[str]:
    if not learned:
        return ["no label is learnable: there is nothing to choose by, and the control stays"]
    if choice.best is None:
        return [
            f"no option catches something and keeps {budget:.1%} on every learnable label in the folds: the control stays"
        ]
    kept = [name for name, eligible in zip(names, choice.eligible, strict=True) if eligible]
    best, chosen = names[choice.best], names[choice.chosen]
    reasons = [
        f"catching something, and with a fold rate of at most {budget:.1%}, on {named(learned)}: {', '.join(kept)}"
    ]
    if choice.best == choice.chosen:
        reasons.append(
            f"of these {best} has the highest pooled fold recall, {choice.recall[choice.best]:.3f}"
        )
    else:
        reasons.append(
            f"{best} has the highest pooled fold recall ({choice.recall[choice.best]:.3f}), but that of {chosen} "
            f"({choice.recall[choice.chosen]:.3f}) is not distinguishable from it, and {chosen} is simpler"
        )
    if not choice.eligible[0]:
        reasons += _control_left_out(names[0], chosen, folds[0], folds[choice.chosen], learned, budget, level)
    if choice.chosen and choice.gain is not None:
        gain = choice.recall[choice.chosen] - choice.recall[0]
        positives = sum(folds[0][label].positives for label in learned)
        reasons.append(
            f"paired on the folds' {positives} positives, its recall differs from the control's by "
            f"{100 * gain:+.1f} points {interval(choice.gain)}: {told_apart(choice.gain)}"
        )
        if not choice.eligible[0] and choice.gain[0] <= 0 <= choice.gain[1]:
            reasons.append(
                f"so {chosen} is chosen because it is within the rule and the control is not; that it catches more than "
                "the control, the folds do not show"
            )
    return reasons


def _control_left_out(
    control: str,
    chosen: str,
    before: dict[str, Seen],
    after: dict[str, Seen],
    learned: list[str],
    budget: float,
    level: float,
) -> list[str]:
    """The rule compares point rates; what the rows can tell stands beside it, label by label where there are few."""
    silent = [label for label in learned if not before[label].caught]
    over = [label for label in learned if before[label].false_positives > before[label].allowed]
    reasons = [f"the control {control} catches nothing on {named(silent)}"] if silent else []
    if len(over) > NAMED_LABELS:
        surely = sum(before[label].floor > budget for label in over)
        reasons.append(
            f"the control {control} is above {budget:.1%} on {len(over)} labels, on {surely} of them by its one-sided "
            "bound; on the others it is not distinguishable from the budget, and left out by its point rate"
        )
        return reasons
    for label in over:
        mine, theirs = before[label], after[label]
        clear = (
            "which is above it"
            if mine.floor > budget
            else "not distinguishable from it, but the rule takes the point rate"
        )
        reasons.append(
            f"the control {control} is left out for {label}: {fired_on(mine)} against {budget:.1%}, {clear}; "
            f"{chosen}: {fired_on(theirs)}; it alone fired on {theirs.more}, the control alone on {theirs.fewer} "
            f"(McNemar p {theirs.p:.3f}{'' if theirs.p <= 1 - level else ', not distinguishable'})"
        )
    return reasons


def _fold_evidence(found: Seen) -> dict[str, Any]:
    return {
        "caught": found.caught,
        "positives": found.positives,
        "false_positives": found.false_positives,
        "negatives": found.negatives,
        "fpr": rounded(found.false_positives / max(found.negatives, 1)),
        "lower_bound": rounded(found.floor),
        "upper_bound": rounded(found.bound),
        "only_this_option_fired": found.more,
        "only_the_control_fired": found.fewer,
        "mcnemar_p": rounded(found.p),
    }


def _holdout_evidence(row: Record, verdict: str | None, budget: float, level: float) -> dict[str, Any]:
    return {
        "recall": None if pd.isna(row["recall"]) else rounded(row["recall"]),
        "positives": int(row["tp"] + row["fn"]),
        "false_positives": int(row["fp"]),
        "negatives": int(row["fp"] + row["tn"]),
        "upper_bound": rounded(row["fpr_bound"]),
        "budget": OUTCOME[verdict] if verdict else NOT_JUDGED,
        "negatives_to_decide_at_this_rate": _to_decide(row, verdict, budget, level),
    }


def _to_decide(row: Record, verdict: str | None, budget: float, level: float) -> int | None:
    unsure = verdict == CANNOT_TELL and not pd.isna(row["fpr"])
    return negatives_to_decide(row["fpr"], budget, level) if unsure else None


def _verdict(row: Record, budget: float) -> str:
    return SILENT if row["verdict"] == SILENT else budget_verdict(row["fpr_floor"], row["fpr_bound"], budget)


def _joined(verdicts: dict[str, str], chosen: dict[str, Record], budget: float, level: float) -> str:
    """Label by label where there are few; else how many of each, and the labels that break it."""
    fewest = f"; no fewer than {negatives_to_decide(0.0, budget, level)} negatives can show that it holds"
    unsure = fewest if CANNOT_TELL in verdicts.values() else ""
    if len(verdicts) > NAMED_LABELS:
        counts = [f"{OUTCOME[kind]} for {list(verdicts.values()).count(kind)} labels" for kind in OUTCOME]
        broken = [label for label, verdict in verdicts.items() if verdict == VIOLATES]
        more = f" (broken: {', '.join(broken[:NAMED_LABELS])})" if broken else ""
        return ", ".join(counts) + more + unsure
    parts = []
    for label, verdict in verdicts.items():
        row = chosen[label]
        needed = _to_decide(row, verdict, budget, level)
        at = f"; at this rate some {needed} would decide" if needed else ""
        parts.append(
            f"{OUTCOME[verdict]} for {label} ({row['fp']:.0f} of {row['fp'] + row['tn']:.0f} negatives fired, "
            f"bound {row['fpr_bound']:.1%}{at})"
        )
    return "; ".join(parts) + unsure
