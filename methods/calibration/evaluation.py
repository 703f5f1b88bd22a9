"""One evaluator for every row of the table: what a method's predictions are worth, per seed and over seeds."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from methods.calibration.calibration_error import (
    brier_score,
    ece_null,
    equal_mass_calibration_error,
    expected_calibration_error,
    negative_log_likelihood,
    null_p_value,
    row_nll,
    smooth_calibration_error,
)
from methods.calibration.recalibration import Prediction
from methods.statistics.group_statistics import FEWEST_GROUPS, mean_interval, rate_interval, sign_flip_test
from methods.statistics.grouped_ranking import NO_SPREAD, disjoint_pairs, group_variance, placement_influence
from methods.statistics.intervals import clopper_pearson
from methods.statistics.ranking import auroc

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Names = NDArray[np.str_]

Interval = tuple[float | None, float | None]

OF_ONE_RUN = ("ece_null", "ece_p")
BETTER, WORSE, SAME, UNKNOWN = "better", "worse", "not distinguishable", "cannot tell"


@dataclass(frozen=True)
class ConfidenceSettings:
    level: float
    alpha: float
    bins: int
    null_draws: int
    seed: int


@dataclass(frozen=True)
class ConfidenceFigures:
    """One run on one split. ece_null is the null's 95% quantile, ece_p its p-value, for these confidences and as if
    rows were independent; ece_p is None where so few groups could not show that they are not. The AUC and the recalls
    of A and B are of two classes; None where there are more."""

    accuracy: float
    balanced_accuracy: float
    recall_A: float | None
    recall_B: float | None
    auc: float | None
    nll: float
    brier: float
    ece: float
    ece_equal_mass: float
    ece_debiased: float
    ece_smooth: float
    ece_null: float
    ece_p: float | None
    confidence: float


def evaluate(
    prediction: Prediction, labels: Index, groups: Names, settings: ConfidenceSettings
) -> ConfidenceFigures:
    """Of two classes that both occur, or of more; balanced accuracy is over those that occur."""
    correct, confidence = prediction.predicted == labels, prediction.confidence
    recalls = [float(correct[labels == number].mean()) for number in np.unique(labels)]
    two = prediction.probabilities.shape[1] == 2
    null = ece_null(confidence, settings.bins, settings.null_draws, settings.seed)
    ece = expected_calibration_error(confidence, correct, settings.bins)
    return ConfidenceFigures(
        accuracy=float(correct.mean()),
        balanced_accuracy=float(np.mean(recalls)),
        recall_A=recalls[0] if two else None,
        recall_B=recalls[1] if two else None,
        auc=auroc(prediction.probabilities[:, 1], labels == 1) if two else None,
        nll=negative_log_likelihood(prediction.probabilities, labels),
        brier=brier_score(prediction.probabilities, labels),
        ece=ece,
        ece_equal_mass=equal_mass_calibration_error(confidence, correct, settings.bins),
        ece_debiased=beyond_chance(ece, null),
        ece_smooth=smooth_calibration_error(confidence, correct),
        ece_null=float(np.quantile(null, 0.95)),
        ece_p=null_p_value(ece, null) if len(np.unique(groups)) >= FEWEST_GROUPS else None,
        confidence=float(confidence.mean()),
    )


def beyond_chance(ece: float, null: Floats) -> float:
    """ECE less what chance adds: sqrt(ECE^2 - mean null^2), at least 0.

    Chance and a real gap add up as squares do. Unlike a correction from each bin's own accuracy (Kumar et al. 2019)
    it holds where bins have a row or two, whose accuracy is 0 or 1 and shows no spread.
    """
    return float(np.sqrt(max(0.0, ece**2 - float(np.square(null).mean()))))


def summary(
    figures: list[ConfidenceFigures],
    runs: list[Prediction],
    control: list[Prediction],
    labels: Index,
    groups: Names,
    settings: ConfidenceSettings,
) -> dict[str, Any]:
    """figures of runs: seed means and standard deviations (training variation on this test set), of the null and its p
    their range; and by group: intervals and the paired differences to the control, all on rows averaged over seeds."""
    each = [asdict(of_seed) for of_seed in figures]
    row: dict[str, Any] = {"seeds": len(runs), "clips": len(labels), "groups": len(np.unique(groups))}
    for name in each[0]:
        values = [of_seed[name] for of_seed in each]
        if name in OF_ONE_RUN:  # a mean of p-values is none, nor is one of quantiles
            row |= {f"{name}_least": _of(min, values), f"{name}_most": _of(max, values)}
            continue
        row[name] = None if None in values else float(np.mean(values))
        row[f"{name}_sd"] = None if None in values or len(values) < 2 else float(np.std(values, ddof=1))
    for answer, number in (("A", 0), ("B", 1)):
        row[f"groups_{answer}"] = len(np.unique(groups[labels == number])) if _two(runs) else None
    hit, base_hit = mean_correct(runs, labels), mean_correct(control, labels)
    for name, (low, high) in intervals(runs, labels, groups, settings.level).items():
        row |= {f"{name}_low": low, f"{name}_high": high}
    row["refused"] = row["accuracy_low"] is None
    for name, difference in (
        ("accuracy", hit - base_hit),
        ("nll", mean_nll(runs, labels) - mean_nll(control, labels)),
    ):
        test = sign_flip_test(difference, groups, settings.seed)
        row |= {f"delta_{name}": test.difference, f"delta_{name}_p": test.p}
        within = mean_interval(difference, groups, settings.level)
        row |= {f"delta_{name}_low": within.low, f"delta_{name}_high": within.high}
    row["verdict"] = nll_verdict(row["delta_nll"], row["delta_nll_p"], settings.alpha)
    return row


def intervals(runs: list[Prediction], labels: Index, groups: Names, level: float) -> dict[str, Interval]:
    """Of figures averaged over seeds, by group: Wilson for shares, Student's t for losses and for the AUC; (None, None)
    where the rows it is of have too few groups, or more than two classes have no such figure."""
    hit = mean_correct(runs, labels)
    shares = {"accuracy": labels >= 0, "recall_A": labels == 0, "recall_B": labels == 1}
    if not _two(runs):
        shares = {"accuracy": shares["accuracy"]}
    losses = {"nll": mean_nll(runs, labels), "brier": mean_brier(runs, labels)}
    found: dict[str, Interval] = {}
    for name, rows in shares.items():
        rate = rate_interval(hit[rows], groups[rows], level)
        found[name] = (rate.low, rate.high)
    for name, values in losses.items():
        mean = mean_interval(values, groups, level)
        found[name] = (None if mean.low is None else max(0.0, mean.low), mean.high)
    if not _two(runs):
        return found | dict.fromkeys(("recall_A", "recall_B", "auc"), (None, None))
    return found | {"auc": auc_interval([made.probabilities[:, 1] for made in runs], labels, groups, level)}


def auc_interval(scores: list[Floats], labels: Index, groups: Names, level: float) -> Interval:
    """Of the mean AUC of several scores of the same rows: structural components averaged over scores and summed by
    group (Obuchowski 1997), Student's t of the groups of the rarer class; Clopper-Pearson where nothing varies."""
    positive = labels == 1
    pairs = disjoint_pairs(positive, groups)
    if pairs < FEWEST_GROUPS:
        return None, None
    placed = [placement_influence(each, positive) for each in scores]
    area = float(np.mean([each for each, _ in placed]))
    variance = group_variance(np.mean([influence for _, influence in placed], axis=0), groups)
    if variance <= NO_SPREAD:
        low, high = clopper_pearson(min(area, 1.0) * pairs, pairs, level)
        return float(low), float(high)
    half = float(stdtrit(pairs - 1, (1 + level) / 2)) * float(np.sqrt(variance))
    return max(0.0, area - half), min(1.0, area + half)


def nll_verdict(difference: float, p: float | None, alpha: float) -> str:
    if p is None:
        return UNKNOWN
    if p > alpha:
        return SAME
    return BETTER if difference < 0 else WORSE


def mean_correct(runs: list[Prediction], labels: Index) -> Floats:
    """(rows,) share of seeds that are right."""
    return np.asarray(np.mean([made.predicted == labels for made in runs], axis=0))


def mean_nll(runs: list[Prediction], labels: Index) -> Floats:
    return np.asarray(np.mean([row_nll(made.probabilities, labels) for made in runs], axis=0))


def mean_brier(runs: list[Prediction], labels: Index) -> Floats:
    """(rows,), halved for two classes as `brier_score` is."""
    if _two(runs):
        return np.asarray(np.mean([(made.probabilities[:, 1] - labels) ** 2 for made in runs], axis=0))
    truth = np.eye(runs[0].probabilities.shape[1])[labels]
    return np.asarray(np.mean([np.square(made.probabilities - truth).sum(axis=1) for made in runs], axis=0))


def mean_confidence(runs: list[Prediction]) -> Floats:
    return np.asarray(np.mean([made.confidence for made in runs], axis=0))


def nll_curve(logits: list[Floats], labels: Index, temperatures: Floats) -> Floats:
    """(runs, temperatures): mean NLL of softmax(logits / T)."""
    curves = []
    for z in logits:
        scaled = z[None] / temperatures[:, None, None]
        scaled = scaled - scaled.max(axis=2, keepdims=True)
        own = scaled[:, np.arange(len(labels)), labels]
        curves.append((np.log(np.exp(scaled).sum(axis=2)) - own).mean(axis=1))
    return np.array(curves)


def _two(runs: list[Prediction]) -> bool:
    return bool(runs[0].probabilities.shape[1] == 2)


def _of(pick: Callable[[list[float]], float], values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return pick(known) if known else None
