"""The decision and its reasons in words: every number comes from the table, the folds or the threshold files."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.decision import Choice
from methods.diagnosis import Diagnosis
from methods.evaluation import (
    CANNOT_TELL,
    HOLDS,
    SILENT,
    VIOLATES,
    budget_verdict,
    joint_verdict,
)
from params.fpr_thresholds import Compare
from storage.markdown import bullets, markdown_table, rounded
from storage.thresholds import Thresholds

Record = dict[Any, Any]
NAMED_LABELS = 5
OUTCOME = {HOLDS: "holds", VIOLATES: "does not hold", CANNOT_TELL: "cannot tell", SILENT: "never fires"}


def decision(
    options: list[Thresholds],
    labels: list[str],
    learnable: NDArray[np.bool_],
    choice: Choice,
    table: pd.DataFrame,
    params: Compare,
) -> dict[str, Any]:
    """chosen, control, verdict (does the budget hold on the holdout), reasons, evidence."""
    names = [option.option for option in options]
    learned = [label for label, is_ in zip(labels, learnable, strict=True) if is_]
    budget = params.selection.max_fpr
    chosen = _records(table, names[choice.chosen])
    verdicts = {label: _verdict(chosen[label], budget) for label in learned}
    verdict = OUTCOME[joint_verdict(list(verdicts.values()))]
    micro = chosen["micro"]
    return {
        "chosen": names[choice.chosen],
        "control": names[0],
        "verdict": verdict,
        "reasons": [
            *_unlearnable(labels, learnable),
            *_why_chosen(names, choice, learned, budget),
            f"on the holdout, which chose nothing, a budget of {budget:.1%} {_joined(verdicts, chosen)}",
            f"its recall there differs from the control's by {_points(micro, 'delta_recall')}",
        ],
        "evidence": {
            "budget": budget,
            "learnable_labels": learned,
            "folds": {
                name: {
                    "recall": rounded(choice.recall[i]),
                    "fpr": {label: rounded(fpr) for label, fpr in zip(labels, choice.fpr[i], strict=True)},
                    "within_budget": bool(choice.eligible[i]),
                }
                for i, name in enumerate(names)
            },
            "fold_recall_gain_over_control": [rounded(choice.gain_low), rounded(choice.gain_high)],
            "holdout": {
                label: {
                    "recall": rounded(row["recall"]),
                    "false_positives": int(row["fp"]),
                    "negatives": int(row["fp"] + row["tn"]),
                    "upper_bound": rounded(row["fpr_bound"]),
                    "budget": OUTCOME[verdicts[label]] if label in verdicts else "not judged: not learnable",
                }
                for label, row in chosen.items()
                if label in labels
            },
        },
    }


def page(
    made: dict[str, Any],
    table: pd.DataFrame,
    options: list[Thresholds],
    diagnoses: dict[str, Diagnosis],
    sets: pd.DataFrame,
    snapshot: pd.DataFrame,
    advice: list[Choice],
    params: Compare,
) -> str:
    """The report as Markdown."""
    names = [option.option for option in options]
    learned = made["evidence"]["learnable_labels"]
    parts = [
        "# fpr_thresholds",
        "Which calibration set, and which rule, gives per-label thresholds that hold a false-positive budget on "
        "later data, and how much recall does that cost?",
        f"**{made['chosen']}** is chosen (control: {made['control']}). On the holdout the budget: **{made['verdict']}**.",
        bullets(made["reasons"]),
        "## Options on the holdout",
        markdown_table(_compact(table)),
        "Recall and false-positive rate with 95% intervals" if params.level == 0.95 else f"Intervals at {params.level:.0%}",
        "verdict: is the false-positive rate within the option's own target, by its one-sided bound.",
        "## Trade-offs",
        bullets(f"**{option.option}**: {' '.join(_trade_off(option, table, diagnoses))}" for option in options),
        "## Calibration sets",
        "Rows that the model was trained on score as no later row will: a set that holds them promises too much.",
        markdown_table(sets),
        "## Guarantees",
        "They hold for later rows that are like the counted negatives; drift and rows of an earlier model break that.",
        bullets(_certificates(options)) or "No option asks for one.",
        "## Under shift (a heuristic, no guarantee)",
        "The same rule at target / gamma, gamma being the worst ratio of realised to target rate over the folds.",
        markdown_table(_shifted(table)),
        "## Mined negatives",
        *_mined(table),
        "## What is wrong with each label",
        bullets(f"**{label}** ({found.kind}): {found.sentence}" for label, found in diagnoses.items()),
        "## Under other conditions",
        bullets(
            f"{rule.name}: {_advice(names, choice, rule.max_fpr, rule.label, learned)}"
            for rule, choice in zip(params.advice, advice, strict=True)
        )
        or "None were asked for.",
        "## Rows",
        markdown_table(snapshot),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _unlearnable(labels: list[str], learnable: NDArray[np.bool_]) -> list[str]:
    lost = [label for label, is_ in zip(labels, learnable, strict=True) if not is_]
    if not lost:
        return []
    return [
        f"{', '.join(lost)}: no threshold is judged here, in the folds the AUROC's interval does not lie above .5"
    ]


def _why_chosen(names: list[str], choice: Choice, learned: list[str], budget: float) -> list[str]:
    if choice.best is None:
        return [
            f"no option fires and keeps {budget:.1%} on every learnable label in the folds: the control stays"
        ]
    kept = [name for name, eligible in zip(names, choice.eligible, strict=True) if eligible]
    best, chosen = names[choice.best], names[choice.chosen]
    reasons = [f"firing and within {budget:.1%} on {_names(learned)} in the folds: {', '.join(kept)}"]
    if not choice.eligible[0]:
        reasons.append(f"the control {names[0]} is not: it cannot be kept")
    if choice.best == choice.chosen:
        reasons.append(
            f"of these {best} has the highest pooled fold recall, {choice.recall[choice.best]:.3f}"
        )
    else:
        reasons.append(
            f"{best} has the highest pooled fold recall ({choice.recall[choice.best]:.3f}), but that of {chosen} "
            f"({choice.recall[choice.chosen]:.3f}) is not distinguishable from it, and {chosen} is simpler"
        )
    if choice.chosen:
        reasons.append(
            f"paired on the folds, its recall differs from the control's by [{100 * choice.gain_low:+.1f}, "
            f"{100 * choice.gain_high:+.1f}] points"
        )
    return reasons


def _verdict(row: Record, budget: float) -> str:
    return SILENT if row["verdict"] == SILENT else budget_verdict(row["fpr_floor"], row["fpr_bound"], budget)


def _joined(verdicts: dict[str, str], chosen: dict[str, Record]) -> str:
    """Label by label where there are few; else how many of each, and the labels that break it."""
    if len(verdicts) > NAMED_LABELS:
        counts = [f"{OUTCOME[kind]} for {list(verdicts.values()).count(kind)} labels" for kind in OUTCOME]
        broken = [label for label, verdict in verdicts.items() if verdict == VIOLATES]
        return ", ".join(counts) + (f" (broken: {', '.join(broken[:NAMED_LABELS])})" if broken else "")
    return "; ".join(
        f"{OUTCOME[verdict]} for {label} ({chosen[label]['fp']:.0f} of "
        f"{chosen[label]['fp'] + chosen[label]['tn']:.0f} negatives fired, bound {chosen[label]['fpr_bound']:.1%})"
        for label, verdict in verdicts.items()
    )


def _advice(names: list[str], choice: Choice, max_fpr: float, label: str | None, learned: list[str]) -> str:
    if choice.best is None:
        return f"no option keeps {max_fpr:.1%} in the folds; stay with {names[0]}"
    what = f"fold recall {choice.recall[choice.chosen]:.3f}" + (f" on {label}" if label else "")
    warning = (
        ""
        if label is None or label in learned
        else f"; but no threshold can fix {label}: improve its ranking first"
    )
    return f"{names[choice.chosen]} ({what}){warning}"


def _trade_off(option: Thresholds, table: pd.DataFrame, diagnoses: dict[str, Diagnosis]) -> list[str]:
    rows = _records(table, option.option)
    micro = rows["micro"]
    lines = [
        f"recall {micro['recall']:.3f} ({_points(micro, 'delta_recall')} against the control), "
        f"false-positive rate {micro['fpr']:.3f} ({_points(micro, 'delta_fpr')});"
    ]
    silent = [label for label, entry in option.labels.items() if entry.threshold == float("inf")]
    broken = [label for label in option.labels if rows[label]["verdict"] == VIOLATES]
    unfixed = [label for label, found in diagnoses.items() if found.kind == "ranking" and label not in silent]
    tails = [
        f"never fires on {_names(silent)}" if silent else "",
        f"breaks its target on {_names(broken)}" if broken else "",
        f"does not fix {_names(unfixed)}" if unfixed else "",
    ]
    tail = "; ".join(part for part in tails if part)
    return [*lines, f"{tail}." if tail else "no label is left out."]


def _certificates(options: list[Thresholds]) -> list[str]:
    return [
        f"{option.option}, {label}: {entry.status}, {entry.certificate}"
        for option in options
        if option.delta is not None
        for label, entry in option.labels.items()
    ]


def _compact(table: pd.DataFrame) -> pd.DataFrame:
    records: list[Record] = table.to_dict("records")
    return pd.DataFrame(
        {
            "option": table["option"],
            "label": table["label"],
            "threshold": [_threshold(row) for row in records],
            "recall": [_interval(row, "recall") for row in records],
            "fpr": [_interval(row, "fpr") for row in records],
            "target": table["target"],
            "verdict": table["verdict"],
        }
    )


def _shifted(table: pd.DataFrame) -> pd.DataFrame:
    rows = table[table["gamma"].notna()]
    return pd.DataFrame(
        {
            "option": rows["option"],
            "label": rows["label"],
            "gamma": [f"{gamma:.2f}" for gamma in rows["gamma"]],
            "verdict": rows["verdict"],
            "verdict at target / gamma": rows["shift_verdict"],
            "recall": [_number(value) for value in rows["recall"]],
            "recall at target / gamma": [_number(value) for value in rows["shift_recall"]],
        }
    )


def _mined(table: pd.DataFrame) -> list[str]:
    rows = table[table["selected_threshold"].notna()]
    if not len(rows):
        return ["No option mines negatives."]
    return [
        "Mined rows are the top of a pool, not a sample of it: their pool is the denominator. Counting only the mined "
        "rows gives the figures on the right.",
        markdown_table(
            pd.DataFrame(
                {
                    "option": rows["option"],
                    "label": rows["label"],
                    "mined / pool": [
                        f"{int(m)} / {int(p)}" for m, p in zip(rows["mined"], rows["pool_size"], strict=True)
                    ],
                    "recall": [_number(value) for value in rows["recall"]],
                    "fpr": [_number(value) for value in rows["fpr"]],
                    "recall (selected)": [_number(value) for value in rows["selected_recall"]],
                    "fpr (selected)": [_number(value) for value in rows["selected_fpr"]],
                }
            )
        ),
    ]


def _threshold(row: Record) -> str:
    if pd.isna(row["threshold"]):
        return ""
    if np.isinf(row["threshold"]):
        return str(row["status"])
    ends = (
        "" if pd.isna(row["threshold_low"]) else f" [{row['threshold_low']:.3f}, {row['threshold_high']:.3f}]"
    )
    return f"{row['threshold']:.3f}{ends}"


def _interval(row: Record, name: str) -> str:
    return (
        "" if pd.isna(row[name]) else f"{row[name]:.3f} [{row[name + '_low']:.3f}, {row[name + '_high']:.3f}]"
    )


def _points(row: Record, name: str) -> str:
    low, high = 100 * row[f"{name}_low"], 100 * row[f"{name}_high"]
    return f"{100 * row[name]:+.1f} points [{low:+.1f}, {high:+.1f}]"


def _names(labels: list[str]) -> str:
    return ", ".join(labels) if len(labels) <= NAMED_LABELS else f"{len(labels)} labels"


def _records(table: pd.DataFrame, option: str) -> dict[str, Record]:
    return {str(row["label"]): row for row in table[table["option"] == option].to_dict("records")}


def _number(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.3f}"
