"""The data frames of the CSV files, and those that the report shows."""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.budgets.diagnosis import Diagnosis
from methods.budgets.printed_thresholds import printed_threshold
from storage.files.documents import SIGNIFICANT_DIGITS
from storage.messages.thresholds import Label, Thresholds
from tasks.fpr_thresholds.comparison.decision import REASONS
from tasks.fpr_thresholds.comparison.evaluation import RecipeEvaluation
from tasks.report.templates import Reason, sentences

POOLED = ("micro", "macro")
THRESHOLD_COLUMNS = {
    "threshold": "threshold", "low": "threshold_low", "high": "threshold_high", "status": "status",
    "certificate": "certificate", "negatives": "negatives", "positives": "positives", "mined": "mined",
    "pool_size": "pool_size", "allowed": "allowed", "needed": "needed", "upper_bound": "upper_bound",
    "selected_threshold": "selected_threshold",
}  # fmt: skip
NOT_CALIBRATED = ("kept_in_sample", "dropped_in_sample", "dropped_overlap", "dropped_evaluation")


def comparison(evaluations: list[RecipeEvaluation], scores: NDArray[np.floating[Any]]) -> pd.DataFrame:
    """A row per option and label, then its micro and macro rows; the first option is the control.

    scores (rows, labels), all of them: a threshold prints with as many digits as decide each of these rows.
    """
    return pd.DataFrame([record for each in evaluations for record in _records(each, scores)])


def _records(each: RecipeEvaluation, scores: NDArray[np.floating[Any]]) -> list[dict[str, Any]]:
    labels, by_label = each.option.labels, dict(zip(each.option.labels, scores.T, strict=True))

    def printed(threshold: float | None, label: str) -> str | None:
        return (
            None if threshold is None else printed_threshold(threshold, by_label[label], SIGNIFICANT_DIGITS)
        )

    selected = each.selected or repeat(None, len(each.results))
    return [
        {
            "option": each.option.option,
            "label": name,
            **_threshold_columns(each.option, entry := labels.get(name)),
            "threshold": printed(entry.threshold, name) if entry else None,
            "selected_threshold": printed(entry.selected_threshold, name) if entry else None,
            **asdict(result),
            "gamma": each.gammas.get(name),
            "shift_threshold": printed(entry.shift.threshold, name) if entry else None,
            "shift_recall": shifted.recall,
            "shift_fpr": shifted.fpr,
            "shift_verdict": shifted.verdict,
            "selected_recall": of_mined.recall if of_mined else None,
            "selected_fpr": of_mined.fpr if of_mined else None,
        }
        for name, result, shifted, of_mined in zip(
            [*labels, *POOLED], each.results, each.shifted, selected, strict=True
        )
    ]


def _threshold_columns(option: Thresholds, label: Label | None) -> dict[str, Any]:
    columns = {name: getattr(label, field) if label else None for field, name in THRESHOLD_COLUMNS.items()}
    return {"rule": option.rule, "target": option.alpha, **columns}


def diagnosis(diagnoses: dict[str, Diagnosis]) -> pd.DataFrame:
    records = []
    for label, found in diagnoses.items():
        sentence = sentences(REASONS, [Reason("diagnosis", {"found": found})])[0]
        record: dict[str, Any] = {"label": label, "diagnosis": found.kind, "sentence": sentence}
        for name, interval in (("calibration", found.calibration), ("holdout", found.holdout)):
            for end in ("auroc", "low", "high"):
                record[f"{name}_{end}"] = getattr(interval, end) if interval else None
        for name, quantiles in (
            ("calibration", found.negatives_calibration),
            ("holdout", found.negatives_holdout),
        ):
            for share, value in zip(("q50", "q90", "q98"), quantiles, strict=bool(quantiles)):
                record[f"{name}_negatives_{share}"] = value
        records.append({**record, "negatives_p": found.negatives_p, "positives_p": found.positives_p})
    return pd.DataFrame(records)


def calibration_sets(sets: list[Mapping[str, Any]]) -> pd.DataFrame:
    """Of each option's set: its rows, and what became of those that the model or another source had seen."""
    records = [
        {
            "option": each["option"],
            "rows": each["rows"],
            "clean": each["clean"],
            "mined": max((entry["rows"] for entry in each["mined"].values()), default=0),
            **{key: sum(source[key] for source in each["sources"]) for key in NOT_CALIBRATED},
        }
        for each in sets
    ]
    return pd.DataFrame(records).rename(columns=lambda name: name.replace("_", " "))
