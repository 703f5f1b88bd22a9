"""One evaluator for every row of the table: what a method's predictions are worth, per seed and over seeds."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.calibration.calibration_error import (
    brier_score,
    ece_null,
    equal_mass_calibration_error,
    expected_calibration_error,
    negative_log_likelihood,
    null_p_value,
    row_nll,
    smooth_calibration_error,
    width_bin,
)
from methods.calibration.calibration_intervals import calibration_error_interval
from methods.calibration.recalibration import Prediction
from methods.statistics.auroc_intervals import ranked_groups
from methods.statistics.group_intervals import (
    FEWEST,
    GroupMean,
    group_mean_interval,
    group_share_interval,
)
from methods.statistics.ranking import auroc

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Names = NDArray[np.str_]

Interval = tuple[float | None, float | None]

OF_ONE_RUN = ("ece_null", "ece_p")
ENDS = ("ece_low", "ece_high")
BETTER, WORSE, SAME, UNKNOWN = "better", "worse", "not distinguishable", "cannot tell"


@dataclass(frozen=True)
class ConfidenceSettings:
    level: float
    bins: int
    null_draws: int
    seed: int


@dataclass(frozen=True)
class ConfidenceFigures:
    """One run on one split. ece_null is the null's 95% quantile, ece_p its p-value, for these confidences and as if
    rows were independent. ece_low and ece_high are by group, of the ECE that rows without end would read; they hold
    ece_debiased. The three are None below `FEWEST` groups, which could not show how alike their rows are. The AUC and the
    recalls of A and B are of two classes; None where there are more."""

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
    ece_low: float | None
    ece_high: float | None
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
    debiased = beyond_chance(ece, null)
    within = calibration_error_interval(
        confidence, correct, groups, width_bin(confidence, settings.bins), settings.level, settings.null_draws,
        settings.seed,
    )  # fmt: skip
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
        ece_debiased=debiased,
        ece_low=None if within.low is None else min(within.low, debiased),
        ece_high=None if within.high is None else max(within.high, debiased),
        ece_smooth=smooth_calibration_error(confidence, correct),
        ece_null=float(np.quantile(null, 0.95)),
        ece_p=null_p_value(ece, null) if within.groups >= FEWEST else None,
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
        if (
            name in ENDS
        ):  # averaged as if the errors of all seeds were one, which is wide enough if they are not
            continue
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
        change = group_mean_interval(difference, groups, settings.level)
        row |= {f"delta_{name}": change.value, f"delta_{name}_p": change.p}
        row |= {f"delta_{name}_low": change.low, f"delta_{name}_high": change.high}
    row["verdict"] = nll_verdict(change, settings.level)  # of the NLL, which is last
    return row


def intervals(runs: list[Prediction], labels: Index, groups: Names, level: float) -> dict[str, Interval]:
    """Of figures averaged over seeds, by group; (None, None) where the rows it is of have too few groups, or more than two
    classes have no such figure."""
    hit = mean_correct(runs, labels)
    shares = {"accuracy": labels >= 0, "recall_A": labels == 0, "recall_B": labels == 1}
    if not _two(runs):
        shares = {"accuracy": shares["accuracy"]}
    losses = {"nll": mean_nll(runs, labels), "brier": mean_brier(runs, labels)}
    found: dict[str, Interval] = {}
    for name, rows in shares.items():
        rate = group_share_interval(hit[rows], groups[rows], level)
        found[name] = (rate.low, rate.high)
    for name, values in losses.items():
        mean = group_mean_interval(values, groups, level)
        found[name] = (None if mean.low is None else max(0.0, mean.low), mean.high)
    if not _two(runs):
        return found | dict.fromkeys(("recall_A", "recall_B", "auc"), (None, None))
    return found | {"auc": auc_interval([made.probabilities[:, 1] for made in runs], labels, groups, level)}


def auc_interval(scores: list[Floats], labels: Index, groups: Names, level: float) -> Interval:
    """Of the mean AUC of several scores of the same rows, by as many groups as the rarer class has."""
    ranked = ranked_groups(np.stack(scores), labels == 1, groups)
    if ranked.pairs < FEWEST:
        return None, None
    found = ranked.interval(level)
    return found.low, found.high


def nll_verdict(change: GroupMean, level: float) -> str:
    if change.p is None:
        return UNKNOWN
    if change.p > 1 - level:
        return SAME
    return BETTER if change.value < 0 else WORSE


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
    rows = np.arange(len(labels))

    def mean(z: Floats, temperature: np.float64) -> float:
        scaled = z / temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[rows, labels]).mean())

    return np.array([[mean(z, each) for each in temperatures] for z in logits])


def _two(runs: list[Prediction]) -> bool:
    return bool(runs[0].probabilities.shape[1] == 2)


def _of(pick: Callable[[list[float]], float], values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return pick(known) if known else None
