"""Build each option's calibration set and tune its thresholds, for the holdout and in every rolling fold."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.budgets.calibration_sets import (
    FORWARD_CHAINED,
    CalibrationSet,
    Moment,
    assemble,
    moment_of,
)
from methods.budgets.evaluation import fires, worst_ratio
from methods.budgets.recipes import Distribution, LabelThreshold, recipe_thresholds, threshold_distributions
from methods.budgets.threshold_distributions import distribution_interval
from methods.splits.row_splits import Fold, expanding_folds, final_fold, rolling_folds
from params.fpr_thresholds import Option, Tune
from storage.files.arrays import write_arrays
from storage.files.atomic import complete_folder
from storage.files.documents import write_json
from storage.files.inputs import InputError
from storage.files.tables import write_parquet
from storage.messages.thresholds import Label, Shift, Thresholds, write_thresholds
from tasks.fpr_thresholds.model.scored_rows import Cached, load


def main(
    params: Tune, rows: Path, prepared: Path, scores: Path, thresholds: Path, calibration: Path, folds: Path
) -> None:
    cached = load(rows, prepared, scores)
    labels = cached.labels
    _check_pools(params, cached)
    plan = _folds(params, cached)
    fold_moments = [moment_of(cached.rows, cached.scores, fold) for fold in plan]
    known, holdout = moment_of(cached.rows, cached.scores, final_fold(cached.sizes, len(cached.origins)))
    in_folds: dict[str, NDArray[np.float64]] = {}
    distributions: dict[str, NDArray[np.float64]] = {}
    with complete_folder(thresholds) as threshold_folder, complete_folder(calibration) as set_folder:
        for option in params.options:
            targets = np.full(len(labels), option.target)
            fold_sets = [_assemble(option, *moment) for moment in fold_moments]
            in_folds[option.name] = np.array(
                [
                    [t.threshold for t in recipe_thresholds(option, built, labels, targets)]
                    for built in fold_sets
                ]
            )
            gammas = worst_ratio(
                _decisions(in_folds[option.name], fold_moments), option.target, option.rule == "any_label"
            )
            built = _assemble(option, known, holdout)
            made = recipe_thresholds(option, built, labels, targets)
            shifted = recipe_thresholds(option, built, labels, targets / gammas)
            brittle = threshold_distributions(option, built, made)
            write_thresholds(
                threshold_folder / f"{option.name}.json",
                _document(option, made, shifted, gammas, brittle, params.level),
            )
            _write_set(set_folder, option, built, cached.table, labels)
            for label, distribution in zip(labels, brittle, strict=True):
                if distribution is not None:
                    distributions[f"{option.name}/{label}"] = np.stack(distribution)
        write_arrays(set_folder / "distributions.npz", distributions)
    write_arrays(folds, _fold_arrays(params, labels, fold_moments, in_folds))


def _folds(params: Tune, cached: Cached) -> list[Fold]:
    try:
        if len(cached.origins) == 1:
            return expanding_folds(cached.sizes, params.folds.count)
        return rolling_folds(cached.origins, cached.sizes, params.folds.count)
    except ValueError as error:
        raise InputError(Path("params.yaml"), str(error), field="fpr_thresholds.tune.folds.count") from None


def _check_pools(params: Tune, cached: Cached) -> None:
    there = {"calib", "train", *np.unique(cached.rows.pool[cached.rows.position < 0]).tolist()}
    there |= {FORWARD_CHAINED} if (cached.scores.chain >= 0).any() else set()
    for number, option in enumerate(params.options):
        for source in option.sources:
            if source.pool not in there:
                raise InputError(
                    Path("params.yaml"),
                    f"option {option.name} names pool {source.pool!r}, which this data does not have; "
                    f"it has {sorted(there)}: name one of these, add the pool under prepare.pools, or drop the option",
                    field=f"fpr_thresholds.tune.options[{number}].sources",
                )


def _assemble(option: Option, known: Moment, evaluation: Moment) -> CalibrationSet:
    return assemble(known, option.sources, evaluation.group, option.in_sample == "allow")


def _decisions(
    thresholds: NDArray[np.float64], moments: list[tuple[Moment, Moment]]
) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Per fold (fired, positive) of its evaluation rows."""
    return [
        (fires(evaluation.scores, of_fold), evaluation.positive)
        for of_fold, (_, evaluation) in zip(thresholds, moments, strict=True)
    ]


def _document(
    option: Option,
    made: list[LabelThreshold],
    shifted: list[LabelThreshold],
    gammas: NDArray[np.float64],
    brittle: list[Distribution | None],
    level: float,
) -> Thresholds:
    labels = {}
    for threshold, moved, gamma, distribution in zip(made, shifted, gammas, brittle, strict=True):
        low, high = distribution_interval(*distribution, level) if distribution else (None, None)
        facts = asdict(threshold)
        label = facts.pop("label")
        labels[label] = Label(
            **facts,
            certificate=threshold.certificate,
            low=low,
            high=high,
            shift=Shift(gamma=float(gamma), threshold=moved.threshold, status=moved.status),
        )
    return Thresholds(
        option=option.name, rule=option.rule, alpha=option.target, delta=option.delta, labels=labels
    )


def _write_set(
    folder: Path, option: Option, built: CalibrationSet, table: pd.DataFrame, labels: list[str]
) -> None:
    """The rows by id, and beside them where they came from."""
    parts = [("all labels", built.rows), *((labels[i], mined.rows) for i, mined in enumerate(built.mined))]
    rows = [
        pd.DataFrame({"for": name, "pool": part.pool, "id": table["id"].to_numpy()[part.row]})
        for name, part in parts
    ]
    write_parquet(folder / f"{option.name}.parquet", pd.concat(rows, ignore_index=True))
    positives = built.rows.positive.sum(axis=0)
    write_json(
        folder / f"{option.name}.meta.json",
        {
            "option": option.name,
            "in_sample": option.in_sample,
            "sources": [asdict(count) for count in built.counts],
            "rows": len(built.rows.row),
            "clean": int(built.rows.clean.sum()),
            "labels": {label: int(n) for label, n in zip(labels, positives, strict=True)},
            "mined": {
                label: {"rows": len(mined.rows.row), "pool": mined.population}
                for label, mined in zip(labels, built.mined, strict=bool(built.mined))
            },
            "seed": None,  # nothing here is drawn at random
        },
    )


def _fold_arrays(
    params: Tune,
    labels: list[str],
    moments: list[tuple[Moment, Moment]],
    thresholds: dict[str, NDArray[np.float64]],
) -> dict[str, NDArray[Any]]:
    """What the options decided on the folds' evaluation rows, all folds one after the other."""
    evaluations = [evaluation for _, evaluation in moments]
    return {
        "options": np.array([option.name for option in params.options]),
        "labels": np.array(labels),
        "thresholds": np.stack(list(thresholds.values())),
        "fired": np.stack(
            [np.concatenate([fired for fired, _ in _decisions(t, moments)]) for t in thresholds.values()]
        ),
        "scores": np.concatenate([evaluation.scores for evaluation in evaluations]),
        "positive": np.concatenate([evaluation.positive for evaluation in evaluations]),
        "group": np.concatenate([evaluation.group for evaluation in evaluations]),
        "fold": np.repeat(np.arange(len(evaluations)), [len(evaluation.row) for evaluation in evaluations]),
    }
