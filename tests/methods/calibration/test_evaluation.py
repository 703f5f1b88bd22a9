"""The evaluator of every row: what chance adds to ECE is taken off, and intervals are of groups or are refused."""

from typing import Any

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss, recall_score

from methods.calibration.calibration_error import ece_null, expected_calibration_error
from methods.calibration.evaluation import (
    ConfidenceSettings,
    auc_interval,
    beyond_chance,
    evaluate,
    mean_brier,
    summary,
)
from methods.calibration.recalibration import Prediction
from methods.statistics.auroc_intervals import auroc_interval

SETTINGS = ConfidenceSettings(level=0.9, bins=15, null_draws=200, seed=1)


def drawn(seed: int, groups: int = 16, clips: int = 4) -> tuple[Prediction, Any, Any]:
    """Groups of one class each, the classes in turn; scores of a group lean one way together."""
    rng = np.random.default_rng(seed)
    member = np.repeat(np.arange(groups), clips)
    labels = member % 2
    margin = 2.0 * labels - 1 + rng.normal(size=groups)[member] + rng.normal(size=member.size)
    chance = 1 / (1 + np.exp(-margin))
    made = Prediction(np.stack([1 - chance, chance], axis=1), (margin > 0).astype(np.int64))
    return made, labels.astype(np.int64), member.astype(str)


def row_of(runs: list[Prediction], control: list[Prediction], labels: Any, groups: Any) -> dict[str, Any]:
    figures = [evaluate(each, labels, groups, SETTINGS) for each in runs]
    return summary(figures, runs, control, labels, groups, SETTINGS)


@pytest.mark.parametrize(("gap", "most"), [(0.0, 0.07), (0.1, 0.03), (0.2, 0.03), (0.3, 0.03)])
def test_at_24_rows_the_debiased_ece_is_near_the_gap_there_is(gap: float, most: float) -> None:
    found, plain = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        confidence = 0.5 + rng.random(24) / 2
        ece = expected_calibration_error(confidence, rng.random(24) < confidence - gap)
        plain.append(ece)
        found.append(beyond_chance(ece, ece_null(confidence, 15, 200, seed)))
    assert abs(np.mean(found) - gap) < most
    assert abs(np.mean(found) - gap) < abs(np.mean(plain) - gap)


def test_a_p_of_ece_is_refused_where_groups_are_few_and_its_range_told_where_not() -> None:
    made, labels, groups = drawn(0, groups=3, clips=16)
    assert evaluate(made, labels, groups, SETTINGS).ece_p is None
    few = row_of([made], [made], labels, groups)
    assert (few["ece_p_least"], few["ece_p_most"]) == (None, None)
    runs = [drawn(seed)[0] for seed in (1, 2, 3)]
    _, labels, groups = drawn(1)
    ps = [evaluate(each, labels, groups, SETTINGS).ece_p for each in runs]
    row = row_of(runs, runs, labels, groups)
    assert (row["ece_p_least"], row["ece_p_most"]) == (min(ps), max(ps))  # type: ignore[type-var]
    assert not {"ece_p", "ece_p_sd", "ece_null", "ece_null_sd"} & set(row)


def test_every_figure_has_an_interval_about_it_where_both_classes_have_groups_enough() -> None:
    runs = [drawn(seed)[0] for seed in (1, 2)]
    _, labels, groups = drawn(1)
    row = row_of(runs, runs[:1], labels, groups)
    for name in ("accuracy", "recall_A", "recall_B", "auc", "nll", "brier", "delta_nll", "delta_accuracy"):
        assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
    made, labels, groups = drawn(3, groups=6)  # three of each class
    row = row_of([made], [made], labels, groups)
    assert row["nll_low"] is not None and row["accuracy_low"] is not None
    assert (row["recall_A_low"], row["recall_B_high"], row["auc_low"]) == (None, None, None)


def test_the_interval_of_the_auc_is_that_of_the_statistics_by_groups() -> None:
    made, labels, groups = drawn(4)
    scores = made.probabilities[:, 1]
    expected = auroc_interval(scores, labels == 1, groups, 0.9)
    assert auc_interval([scores], labels, groups, 0.9) == (expected.low, expected.high)
    assert auc_interval([scores, scores], labels, groups, 0.9) == (expected.low, expected.high)


def test_a_verdict_and_its_interval_say_the_same() -> None:
    for seed in range(40):
        (made, labels, groups), (other, _, _) = drawn(seed), drawn(100 + seed % 20)
        row = row_of([other], [made], labels, groups)
        told = row["delta_nll_low"] > 0 or row["delta_nll_high"] < 0
        assert told == (row["verdict"] in ("better", "worse"))


def test_of_more_than_two_classes_what_is_of_two_is_not_given_and_the_rest_is_as_defined() -> None:
    rng = np.random.default_rng(4)
    labels, groups = rng.integers(0, 4, 96), np.repeat([f"g{number:02}" for number in range(24)], 4)
    probabilities = softmax(
        rng.normal(size=(96, 5)) + 2 * np.eye(5)[labels], axis=1
    )  # of a class that never occurs too
    made = Prediction(probabilities, probabilities.argmax(axis=1))
    row = row_of([made], [made], labels, groups)
    for name in ("auc", "recall_A", "recall_B"):
        assert row[name] is row[f"{name}_low"] is row[f"{name}_sd"] is None
    recalls = recall_score(labels, made.predicted, labels=range(4), average="macro")
    assert row["balanced_accuracy"] == pytest.approx(recalls)
    assert row["nll"] == pytest.approx(log_loss(labels, probabilities, labels=range(5)))
    assert row["brier_low"] < row["brier"] < row["brier_high"]
    assert row["brier"] == pytest.approx(float(mean_brier([made], labels).mean()))
