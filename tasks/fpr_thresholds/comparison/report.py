"""The report as Markdown: the decision, the table and what each option costs."""

from typing import Any

import numpy as np
import pandas as pd

from methods.budgets.diagnosis import Diagnosis
from methods.budgets.evaluation import VIOLATES
from params.fpr_thresholds import Compare
from storage.files.markdown import bullets, markdown_table
from storage.messages.thresholds import Thresholds
from tasks.fpr_thresholds.comparison.figures import Record, named, points, records


def page(
    made: dict[str, Any],
    table: pd.DataFrame,
    options: list[Thresholds],
    diagnoses: dict[str, Diagnosis],
    sets: pd.DataFrame,
    snapshot: pd.DataFrame,
    advice: list[str],
    params: Compare,
) -> str:
    """The report as Markdown."""
    parts = [
        "# fpr_thresholds",
        "Which calibration set, and which rule, gives per-label thresholds that hold a false-positive budget on "
        "later data, and how much recall does that cost?",
        f"**{made['chosen']}** is chosen (control: {made['control']}). On the holdout the budget: **{made['verdict']}**.",
        bullets(made["reasons"]),
        "## Options on the holdout",
        markdown_table(_compact(table, params.clean_share)),
        f"Intervals at {params.level:.0%}, with the rows they rest on: positives for recall, negatives for fpr, what "
        "fired for precision. The last column is the precision in traffic of which that share is clean; its interval is "
        "a wide one, from those of three shares together.",
        "verdict: is the false-positive rate within the option's own target, by its one-sided bound.",
        "## Trade-offs",
        bullets(
            f"**{option.option}**: {' '.join(_trade_off(option, options, table, diagnoses))}" for option in options
        ),
        "## Calibration sets",
        "Rows that the model was trained on score as no later row will: a set that holds them promises too much.",
        markdown_table(sets),
        "## Guarantees",
        "They hold for later rows that are like the counted negatives; drift and rows of an earlier model break that.",
        bullets(_certificates(options)) or "No option asks for one.",
        "## Under shift (a heuristic, no guarantee)",
        "The same rule at target / gamma, gamma being the worst ratio of realised to target rate over the folds; "
        "none where no fold's threshold ever fired.",
        markdown_table(_shifted(table)),
        "## Mined negatives",
        *_mined(table),
        "## What is wrong with each label",
        bullets(f"**{label}** ({found.kind}): {found.sentence}" for label, found in diagnoses.items()),
        "## Under other conditions",
        bullets(f"{rule.name}: {text}" for rule, text in zip(params.advice, advice, strict=True)) or "None were asked for.",
        "## Rows",
        markdown_table(snapshot),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _trade_off(
    option: Thresholds, options: list[Thresholds], table: pd.DataFrame, diagnoses: dict[str, Diagnosis]
) -> list[str]:
    rows = records(table, option.option)
    micro = rows["micro"]
    lines = [
        f"recall {micro['recall']:.3f} ({points(micro, 'delta_recall')} against the control), "
        f"false-positive rate {micro['fpr']:.3f} ({points(micro, 'delta_fpr')});"
    ]
    silent = [label for label, entry in option.labels.items() if entry.threshold == float("inf")]
    broken = [label for label in option.labels if rows[label]["verdict"] == VIOLATES]
    unfixed = [label for label, found in diagnoses.items() if found.kind == "ranking" and label not in silent]
    twins = [
        other.option for other in options if other is not option and _thresholds(other) == _thresholds(option)
    ]
    tails = [
        f"never fires on {named(silent)}" if silent else "",
        f"breaks its target on {named(broken)}" if broken else "",
        f"does not fix {named(unfixed)}" if unfixed else "",
        f"has the very thresholds of {named(twins)}" if twins else "",
    ]
    tail = "; ".join(part for part in tails if part)
    return [*lines, f"{tail}." if tail else "no label is left out."]


def _thresholds(option: Thresholds) -> list[float]:
    return [label.threshold for label in option.labels.values()]


def _certificates(options: list[Thresholds]) -> list[str]:
    return [
        f"{option.option}, {label}: {entry.status}, {entry.certificate}"
        for option in options
        if option.delta is not None
        for label, entry in option.labels.items()
    ]


def _compact(table: pd.DataFrame, clean_share: float) -> pd.DataFrame:
    rows: list[Record] = table.to_dict("records")
    return pd.DataFrame(
        {
            "option": table["option"],
            "label": table["label"],
            "threshold": [_threshold(row) for row in rows],
            "recall": [_interval(row, "recall", "tp", "fn") for row in rows],
            "fpr": [_interval(row, "fpr", "fp", "tn") for row in rows],
            "target": table["target"],
            "verdict": table["verdict"],
            "precision": [_interval(row, "precision", "tp", "fp") for row in rows],
            f"precision at {clean_share:.0%} clean": [_interval(row, "precision_at_base_rate") for row in rows],
        }
    )  # fmt: skip


def _shifted(table: pd.DataFrame) -> pd.DataFrame:
    rows = table[table["shift_threshold"].notna()]
    return pd.DataFrame(
        {
            "option": rows["option"],
            "label": rows["label"],
            "gamma": ["none" if pd.isna(gamma) else f"{gamma:.2f}" for gamma in rows["gamma"]],
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
        "rows gives the figures on the right. Above the lowest mined score mined rows over their pool are the rate of the "
        "whole pool, so a recipe that takes all of that pool has the same threshold there.",
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


def _interval(row: Record, name: str, part: str | None = None, rest: str | None = None) -> str:
    """With part of part + rest rows, where those are given and known."""
    if pd.isna(row[name]):
        return ""
    ends = "" if pd.isna(row[f"{name}_low"]) else f" [{row[f'{name}_low']:.3f}, {row[f'{name}_high']:.3f}]"
    known = part is not None and rest is not None and not pd.isna(row[part])
    return f"{row[name]:.3f}{ends}" + (f" {row[part]:.0f}/{row[part] + row[rest]:.0f}" if known else "")


def _number(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.3f}"
