"""Judge every option on the holdout, choose on the folds alone, and write table, decision, report and plots."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.budgets.calibration_sets import Moment, moment_of
from methods.budgets.choice import Choice, Decisions, choose
from methods.budgets.comparison import Judged, Row, Settings, option_rows
from methods.budgets.diagnosis import Diagnosis, diagnose, learnable
from methods.budgets.evaluation import fires
from methods.budgets.evidence import seen
from methods.splits.row_splits import final_fold
from params.fpr_thresholds import Advice, Compare
from storage.files.arrays import read_arrays
from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json, write_text
from storage.files.inputs import InputError
from storage.files.tables import write_csv
from storage.messages.thresholds import Label, Thresholds, read_thresholds, write_thresholds
from tasks.fpr_thresholds.comparison import decision as decided
from tasks.fpr_thresholds.comparison import plots, report
from tasks.fpr_thresholds.model.scored_rows import load

POOLED = ("micro", "macro")


def main(
    params: Compare, rows: Path, prepared: Path, scores: Path, thresholds: Path, calibration: Path, folds: Path,
    results: Path, adopted: Path,
) -> None:  # fmt: skip
    cached = load(rows, prepared, scores)
    _check_advice(params.advice, cached.labels)
    arrays = read_arrays(folds)
    known, holdout = moment_of(cached.rows, cached.scores, final_fold(cached.sizes, len(cached.origins)))
    options = [read_thresholds(thresholds / f"{name}.json") for name in arrays["options"]]
    sets = _calibration_sets(calibration, [option.option for option in options])
    decisions = Decisions(arrays["fired"], arrays["positive"], arrays["group"])
    table = comparison_table(options, holdout, cached.labels, params, _ever_fired(options, decisions))
    diagnoses = _diagnoses(known[known.pool == "calib"], holdout, cached.labels, params.level)

    judged = np.array(
        [
            learnable(arrays["scores"][:, i], arrays["positive"][:, i], params.level)
            for i in range(len(cached.labels))
        ]
    )
    budget = params.selection.max_fpr
    choice = _choose(decisions, judged, budget, params)
    names = [option.option for option in options]
    advice = [
        decided.advised(names, rule, _advise(decisions, judged, cached.labels, rule, params), choice, budget)
        for rule in params.advice
    ]
    in_folds = [
        {label: seen(decisions, i, j, budget, params.level) for j, label in enumerate(cached.labels)}
        for i in range(len(options))
    ]
    decision = decided.decision(options, cached.labels, judged, choice, in_folds, table, params)
    with complete_folder(results) as folder:
        write_csv(folder / "table.csv", table)
        write_csv(folder / "diagnosis.csv", _diagnosis_table(diagnoses))
        write_csv(folder / "snapshot.csv", cached.snapshot)
        write_json(folder / "decision.json", decision)
        write_text(
            folder / "report.md",
            report.page(decision, table, options, diagnoses, sets, cached.snapshot, advice, params),
        )
        plots.recall_against_fpr(folder / "recall_fpr.png", table, cached.labels)
        plots.brittleness(
            folder / "brittleness.png", options, read_arrays(calibration / "distributions.npz"), cached.labels
        )
        plots.calibration_against_holdout(folder / "calibration_holdout.png", table, cached.labels)
    write_thresholds(adopted, options[choice.chosen])


def comparison_table(
    options: list[Thresholds],
    holdout: Moment,
    labels: list[str],
    params: Compare,
    ever_fired: NDArray[np.bool_],
) -> pd.DataFrame:
    """A row per option and label, then its micro and macro rows; the first option is the control.

    ever_fired (options, labels): where nothing fired in the folds, gamma was not measured and is left out.
    """
    judged = Judged(holdout.positive, holdout.group, labels)
    settings = Settings(params.level, params.clean_share, params.resamples, params.seed)
    control = fires(holdout.scores, _thresholds(options[0], labels))
    records = []
    for option, measured in zip(options, ever_fired, strict=True):
        any_label = option.rule == "any_label"
        gammas = {
            label: option.labels[label].shift.gamma
            for label, is_ in zip(labels, measured, strict=True)
            if is_
        }

        def judge(
            thresholds: NDArray[np.float64], option: Thresholds = option, any_label: bool = any_label
        ) -> list[Row]:
            fired, silent = fires(holdout.scores, thresholds), np.isinf(thresholds)
            return option_rows(fired, control, judged, silent, option.alpha, any_label, settings)

        rows = judge(_thresholds(option, labels))
        shifted = judge(np.array([option.labels[label].shift.threshold for label in labels]))
        selected = [option.labels[label].selected_threshold for label in labels]
        picked_rows = [None] * len(rows) if None in selected else judge(np.array(selected, float))
        for label, row, shift, picked in zip([*labels, *POOLED], rows, shifted, picked_rows, strict=True):
            records.append(
                {
                    "option": option.option,
                    "label": label,
                    **_threshold_columns(option, option.labels.get(label)),
                    **asdict(row),
                    "gamma": gammas.get(label),
                    "shift_threshold": option.labels[label].shift.threshold
                    if label in option.labels
                    else None,
                    "shift_recall": shift.recall,
                    "shift_fpr": shift.fpr,
                    "shift_verdict": shift.verdict,
                    "selected_recall": picked.recall if picked else None,
                    "selected_fpr": picked.fpr if picked else None,
                }
            )
    return pd.DataFrame(records)


def _threshold_columns(option: Thresholds, label: Label | None) -> dict[str, Any]:
    names = (
        "threshold", "low", "high", "status", "certificate", "negatives", "positives", "mined", "pool_size",
        "allowed", "needed", "upper_bound", "selected_threshold",
    )  # fmt: skip
    renamed = {"low": "threshold_low", "high": "threshold_high"}
    return {
        "rule": option.rule,
        "target": option.alpha,
        **{renamed.get(name, name): getattr(label, name) if label else None for name in names},
    }


def _calibration_sets(folder: Path, options: list[str]) -> pd.DataFrame:
    records = []
    for name in options:
        meta = read_json(folder / f"{name}.meta.json")
        totals = {
            key: sum(source[key] for source in meta["sources"])
            for key in ("kept_in_sample", "dropped_in_sample", "dropped_overlap", "dropped_evaluation")
        }
        mined = max((entry["rows"] for entry in meta["mined"].values()), default=0)
        records.append(
            {"option": name, "rows": meta["rows"], "clean": meta["clean"], "mined": mined, **totals}
        )
    return pd.DataFrame(records).rename(columns=lambda name: name.replace("_", " "))


def _thresholds(option: Thresholds, labels: list[str]) -> NDArray[np.float64]:
    return np.array([option.labels[label].threshold for label in labels])


def _ever_fired(options: list[Thresholds], decisions: Decisions) -> NDArray[np.bool_]:
    """(options, labels); the rate of an any_label option is that of all its labels together."""
    fired = [rows.any(axis=0) for rows in decisions.fired]
    return np.stack(
        [
            np.full_like(row, row.any()) if option.rule == "any_label" else row
            for row, option in zip(fired, options, strict=True)
        ]
    )


def _check_advice(advice: list[Advice], labels: list[str]) -> None:
    for number, rule in enumerate(advice):
        if rule.label is not None and rule.label not in labels:
            raise InputError(
                Path("params.yaml"),
                f"no label is called {rule.label!r}; there are {labels}: name one of these, or null for all",
                field=f"fpr_thresholds.compare.advice[{number}].label",
            )


def _choose(decisions: Decisions, judged: NDArray[np.bool_], max_fpr: float, params: Compare) -> Choice:
    return choose(decisions, max_fpr, judged, judged, params.level, params.resamples, params.seed)


def _advise(
    decisions: Decisions, judged: NDArray[np.bool_], labels: list[str], rule: Advice, params: Compare
) -> Choice | None:
    """None where there is no learnable label to give advice on."""
    asked = judged if rule.label is None else judged & np.array([name == rule.label for name in labels])
    return _choose(decisions, asked, rule.max_fpr, params) if asked.any() else None


def _diagnoses(calibration: Moment, holdout: Moment, labels: list[str], level: float) -> dict[str, Diagnosis]:
    return {
        label: diagnose(
            (calibration.scores[:, i], calibration.positive[:, i]),
            (holdout.scores[:, i], holdout.positive[:, i]),
            level,
        )
        for i, label in enumerate(labels)
    }


def _diagnosis_table(diagnoses: dict[str, Diagnosis]) -> pd.DataFrame:
    records = []
    for label, found in diagnoses.items():
        record: dict[str, Any] = {"label": label, "diagnosis": found.kind, "sentence": found.sentence}
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
