"""The thresholds of one recipe: its rule applied to its calibration set, label by label."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from methods.budgets.any_label_paths import halved_any_label_threshold
from methods.budgets.calibration_sets import CalibrationSet, Moment, unique_texts
from methods.budgets.threshold_distributions import guaranteed_distribution, threshold_distribution
from methods.budgets.thresholds import (
    empirical_threshold,
    false_positive_budget,
    guaranteed_threshold,
    mined_threshold,
    negatives_needed,
)

Floats = NDArray[np.float64]
Scores = NDArray[np.floating[Any]]
Distribution = tuple[Floats, Floats]


class ThresholdRecipe(Protocol):
    """delta is the risk of a guarantee, None for the empirical rule."""

    @property
    def target(self) -> float: ...
    @property
    def rule(self) -> Literal["empirical", "guaranteed", "any_label"]: ...
    @property
    def delta(self) -> float | None: ...


@dataclass(frozen=True)
class LabelThreshold:
    """threshold is inf unless the status is feasible or at_mined_edge.

    negatives are what the rule counted (for mined rows their pool, `pool_size` of them behind `mined`); texts are the
    different ones among them, fired_texts those that fire; selected_threshold is what counting only the mined rows would
    give.
    """

    label: str
    threshold: float
    status: str
    negatives: int
    texts: int
    fired_texts: int
    positives: int
    mined: int
    pool_size: int
    allowed: int
    needed: int | None
    upper_bound: float | None
    selected_threshold: float | None


def recipe_thresholds(
    recipe: ThresholdRecipe, calibration: CalibrationSet, labels: list[str], targets: NDArray[np.float64]
) -> list[LabelThreshold]:
    """One threshold a label, at its own target (any_label has one target for all labels, the first)."""
    if recipe.rule == "any_label":
        return _any_label(recipe, calibration.rows, labels, float(targets[0]))
    rule = _empirical if recipe.rule == "empirical" else _guaranteed
    return [
        rule(recipe, calibration, column, label, float(target))
        for column, (label, target) in enumerate(zip(labels, targets, strict=True))
    ]


def threshold_distributions(
    recipe: ThresholdRecipe, calibration: CalibrationSet, thresholds: list[LabelThreshold]
) -> list[Distribution | None]:
    """Per label the exact bootstrap distribution of the threshold, None where there is no closed form."""
    return [_distribution(recipe, calibration, column, made) for column, made in enumerate(thresholds)]


def _distribution(
    recipe: ThresholdRecipe, calibration: CalibrationSet, column: int, made: LabelThreshold
) -> Distribution | None:
    unseen = np.full(made.pool_size - made.mined, -1.0, calibration.rows.scores.dtype)
    if recipe.rule == "empirical" and made.status in ("feasible", "at_mined_edge", "infeasible"):
        scores, positive, mined, _ = _label_rows(calibration.rows, calibration, column)
        # Pool rows that were not mined lie below every mined one: for the resample any score below 0 does.
        negatives = np.concatenate([scores[~positive], mined, unseen])
        everything = np.concatenate([scores[positive], negatives])
        return threshold_distribution(everything, np.arange(len(everything)) < positive.sum(), recipe.target)
    if recipe.rule == "guaranteed" and made.status == "feasible":
        scores, positive, mined, _ = _label_rows(unique_texts(calibration.rows), calibration, column)
        return guaranteed_distribution(np.concatenate([scores[~positive], mined, unseen]), made.allowed)
    return None


def _empirical(
    recipe: ThresholdRecipe, calibration: CalibrationSet, column: int, label: str, target: float
) -> LabelThreshold:
    scores, positive, mined, population = _label_rows(calibration.rows, calibration, column)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    groups = calibration.rows.group[~np.isnan(calibration.rows.scores[:, column])][~positive]
    total = negatives + population
    if not positives or not negatives:
        return _empty(label, positives, total, len(mined), population)
    selected = None
    if population:
        found = mined_threshold(scores, positive, mined, population, target)
        threshold, status = found.threshold, str(found.status)
        joined, carries = (
            np.concatenate([scores, mined]),
            np.concatenate([positive, np.zeros(len(mined), bool)]),
        )
        selected = empirical_threshold(joined, carries, target)
    else:
        threshold = empirical_threshold(scores, positive, target)
        status = "feasible" if np.isfinite(threshold) else "infeasible"
    texts = len(np.unique(groups)) + population
    fired = len(np.unique(groups[scores[~positive] >= threshold])) + int((mined >= threshold).sum())
    return LabelThreshold(
        label, threshold, status, total, texts, fired, positives, len(mined), population,
        false_positive_budget(total, target), None, None, selected,
    )  # fmt: skip


def _guaranteed(
    recipe: ThresholdRecipe, calibration: CalibrationSet, column: int, label: str, target: float
) -> LabelThreshold:
    scores, positive, mined, population = _label_rows(unique_texts(calibration.rows), calibration, column)
    negatives, positives = scores[~positive], int(positive.sum())
    total = len(negatives) + population
    if not total:
        return _empty(label, positives, 0, len(mined), population)
    # Above the lowest mined score every row is known; below it the pool's are not.
    known = negatives[negatives >= mined.min()] if population > len(mined) else negatives
    found = guaranteed_threshold(
        np.concatenate([known, mined]), target, recipe.delta or 0.0, population=total
    )
    return LabelThreshold(
        label, found.threshold, found.status, total, total, max(found.allowed, 0), positives, len(mined), population,
        max(found.allowed, 0), found.needed, found.upper_bound, None,
    )  # fmt: skip


def _any_label(
    recipe: ThresholdRecipe, rows: Moment, labels: list[str], target: float
) -> list[LabelThreshold]:
    """Clean rows only: in order of time every second one shapes the path, and the others test it."""
    clean = unique_texts(rows)
    clean = clean[clean.clean & ~np.isnan(clean.scores).any(axis=1)]
    scores = clean.scores[np.lexsort((clean.row, clean.time))]
    half, delta = len(scores) // 2, recipe.delta or 0.0
    positives = rows.positive.sum(axis=0)
    if half == 0:
        needed = negatives_needed(target, delta)
        return [
            LabelThreshold(
                label, np.inf, "infeasible", *(len(scores),) * 2, 0, int(n), 0, 0, 0, needed, None, None
            )
            for label, n in zip(labels, positives, strict=True)
        ]
    found = halved_any_label_threshold(scores, target, delta)
    return [
        LabelThreshold(
            label, float(threshold), found.status, found.negatives, found.negatives, max(found.allowed, 0), int(n), 0, 0,
            max(found.allowed, 0), found.needed, found.upper_bound, None,
        )
        for label, threshold, n in zip(labels, found.thresholds, positives, strict=True)
    ]  # fmt: skip


def _label_rows(
    rows: Moment, calibration: CalibrationSet, column: int
) -> tuple[Scores, NDArray[np.bool_], Scores, int]:
    """(scores, positive) of the rows that a model has scored for this label, (mined scores, pool size)."""
    scored = ~np.isnan(rows.scores[:, column])
    scores, positive = rows.scores[scored, column], rows.positive[scored, column]
    if not calibration.mined:
        return scores, positive, np.empty(0, scores.dtype), 0
    mined = calibration.mined[column]
    return scores, positive, mined.rows.scores[:, column], mined.population


def _empty(label: str, positives: int, negatives: int, mined: int, population: int) -> LabelThreshold:
    status = "no positives" if not positives else "no negatives"
    return LabelThreshold(
        label, np.inf, status, negatives, negatives, 0, positives, mined, population, 0, None, None, None
    )
