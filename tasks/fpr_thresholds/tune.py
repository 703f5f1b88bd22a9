"""Build each option's calibration set and tune its thresholds, for the holdout and in every rolling fold."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.budgets.calibration_sets import FORWARD_CHAINED, CalibrationSet, Moment, assemble, no_larger
from methods.budgets.evaluation import worst_ratio
from methods.budgets.mined_pools import without_repeats
from methods.budgets.recipes import Distribution, LabelThreshold, recipe_thresholds, threshold_distributions
from methods.budgets.threshold_distributions import distribution_interval
from methods.splits.row_splits import Fold, expanding_folds, rolling_folds
from params.fpr_thresholds import Option, Tune
from serving.rules.thresholds import fires
from storage.files.arrays import write_arrays
from storage.files.atomic import complete_folder
from storage.files.documents import write_json
from storage.files.inputs import InputError
from storage.files.tables import write_parquet
from storage.messages.thresholds import Label, Shift, Thresholds, write_thresholds
from tasks.fpr_thresholds.model.scored_rows import ScoredRows, load
from tasks.report.templates import Reason, sentences


@dataclass(frozen=True)
class OptionTuning:
    """distributions by label, where there is a closed form; thresholds_in_folds (folds, labels); fired (rows, labels) at
    these, on the evaluation rows of all folds."""

    thresholds: Thresholds
    calibration: CalibrationSet
    distributions: dict[str, Distribution]
    thresholds_in_folds: NDArray[np.float64]
    fired: NDArray[np.bool_]


def main(
    params: Tune, rows: Path, prepared: Path, scores: Path, thresholds: Path, calibration: Path, folds: Path
) -> None:
    scored = load(rows, prepared, scores)
    _check_pools(params, scored)
    final = scored.final_moment(params.chain_from)
    moments = [scored.moment(fold, params.chain_from) for fold in _folds(params, scored)]
    tunings = {
        option.name: _tune(option, scored.labels, final, moments, params.level) for option in params.options
    }
    distributions = {
        f"{name}/{label}": np.stack(distribution)
        for name, tuning in tunings.items()
        for label, distribution in tuning.distributions.items()
    }
    with complete_folder(thresholds) as threshold_folder, complete_folder(calibration) as set_folder:
        for option in params.options:
            name, tuning = option.name, tunings[option.name]
            write_thresholds(threshold_folder / f"{name}.json", tuning.thresholds)
            write_parquet(set_folder / f"{name}.parquet", _set_rows(tuning.calibration, scored))
            write_json(
                set_folder / f"{name}.meta.json", _set_origin(option, tuning.calibration, scored.labels)
            )
        write_arrays(set_folder / "distributions.npz", distributions)
    write_arrays(folds, _fold_arrays(tunings, scored.labels, [evaluation for _, evaluation in moments]))


def _tune(
    option: Option,
    labels: list[str],
    last: tuple[Moment, Moment],
    moments: list[tuple[Moment, Moment]],
    level: float,
) -> OptionTuning:
    """On all that is known before the holdout, and in every fold (what is known, what evaluates) on no more rows."""
    targets = np.full(len(labels), option.target)
    final, *larger = (
        assemble(_minable(option, known), option.sources, evaluation.group, option.in_sample == "allow")
        for known, evaluation in [last, *moments]
    )
    sets = [no_larger(of_fold, final) for of_fold in larger]
    in_folds = np.array(
        [[each.threshold for each in recipe_thresholds(option, of_fold, labels, targets)] for of_fold in sets]
    )
    evaluations = [evaluation for _, evaluation in moments]
    fired = [fires(each.scores, row) for each, row in zip(evaluations, in_folds, strict=True)]
    decisions = [(hits, each.positive) for hits, each in zip(fired, evaluations, strict=True)]
    gammas = worst_ratio(decisions, option.target, option.rule == "any_label")
    thresholds = recipe_thresholds(option, final, labels, targets)
    shifted = recipe_thresholds(option, final, labels, targets / gammas)
    distributions = {
        label: each
        for label, each in zip(labels, threshold_distributions(option, final, thresholds), strict=True)
        if each is not None
    }
    document = _document(option, thresholds, shifted, gammas, distributions, level)
    return OptionTuning(document, final, distributions, in_folds, np.concatenate(fired))


def _minable(option: Option, known: Moment) -> Moment:
    """A guarantee over a pool counts a text that repeats in it once."""
    mined = [source.pool for source in option.sources if source.rows == "mined"]
    return without_repeats(known, mined) if option.rule == "guaranteed" else known


def _folds(params: Tune, scored: ScoredRows) -> list[Fold]:
    try:
        if len(scored.origins) == 1:
            return expanding_folds(scored.sizes, params.folds.count)
        return rolling_folds(scored.origins, scored.sizes, params.folds.count)
    except ValueError as error:
        raise InputError(Path("params.yaml"), str(error), field="fpr_thresholds.tune.folds.count") from None


def _check_pools(params: Tune, scored: ScoredRows) -> None:
    there = {"calib", "train", *np.unique(scored.rows.pool[scored.rows.position < 0]).tolist()}
    there |= {FORWARD_CHAINED} if (scored.scores.chain >= 0).any() else set()
    for number, option in enumerate(params.options):
        for source in option.sources:
            if source.pool not in there:
                raise InputError(
                    Path("params.yaml"),
                    f"option {option.name} names pool {source.pool!r}, which this data does not have; "
                    f"it has {sorted(there)}: name one of these, add the pool under prepare.pools, or drop the option",
                    field=f"fpr_thresholds.tune.options[{number}].sources",
                )


def _document(
    option: Option,
    thresholds: list[LabelThreshold],
    shifted: list[LabelThreshold],
    gammas: NDArray[np.float64],
    distributions: dict[str, Distribution],
    level: float,
) -> Thresholds:
    reasons = [Reason("certificate", {"found": each}) for each in thresholds]
    certificates = sentences("tasks/fpr_thresholds/model/certificates.j2", reasons)
    labels = {}
    for threshold, certificate, other, gamma in zip(thresholds, certificates, shifted, gammas, strict=True):
        figures = asdict(threshold)
        label = figures.pop("label")
        low, high = (
            distribution_interval(*distributions[label], level) if label in distributions else (None, None)
        )
        shift = Shift(gamma=float(gamma), threshold=other.threshold, status=other.status)
        labels[label] = Label(**figures, certificate=certificate, low=low, high=high, shift=shift)
    return Thresholds(
        option=option.name, rule=option.rule, alpha=option.target, delta=option.delta, labels=labels
    )


def _set_rows(calibration: CalibrationSet, scored: ScoredRows) -> pd.DataFrame:
    """The rows by id: those that serve all labels, and those mined for one."""
    ids, mined = scored.table["id"].to_numpy(), [each.rows for each in calibration.mined]
    parts = [("all labels", calibration.rows), *zip(scored.labels, mined, strict=bool(mined))]
    return pd.concat(
        [pd.DataFrame({"for": name, "pool": part.pool, "id": ids[part.row]}) for name, part in parts],
        ignore_index=True,
    )


def _set_origin(option: Option, calibration: CalibrationSet, labels: list[str]) -> dict[str, Any]:
    """Where the rows came from."""
    positives = calibration.rows.positive.sum(axis=0)
    return {
        "option": option.name,
        "in_sample": option.in_sample,
        "sources": [asdict(count) for count in calibration.counts],
        "rows": len(calibration.rows.row),
        "clean": int(calibration.rows.clean.sum()),
        "labels": {label: int(n) for label, n in zip(labels, positives, strict=True)},
        "mined": {
            label: {"rows": len(mined.rows.row), "pool": mined.population}
            for label, mined in zip(labels, calibration.mined, strict=bool(calibration.mined))
        },
        "seed": None,  # nothing here is drawn at random
    }


def _fold_arrays(
    tunings: dict[str, OptionTuning], labels: list[str], evaluations: list[Moment]
) -> dict[str, NDArray[Any]]:
    """What the options decided on the folds' evaluation rows, all folds one after the other."""
    return {
        "options": np.array(list(tunings)),
        "labels": np.array(labels),
        "thresholds": np.stack([tuning.thresholds_in_folds for tuning in tunings.values()]),
        "fired": np.stack([tuning.fired for tuning in tunings.values()]),
        "scores": np.concatenate([evaluation.scores for evaluation in evaluations]),
        "positive": np.concatenate([evaluation.positive for evaluation in evaluations]),
        "group": np.concatenate([evaluation.group for evaluation in evaluations]),
        "fold": np.repeat(np.arange(len(evaluations)), [len(evaluation.row) for evaluation in evaluations]),
    }
