"""Head metrics against scikit-learn and torchmetrics."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, recall_score
from torchmetrics.functional.classification import multiclass_calibration_error

from methods.heads.metrics import head_metrics, probabilities


@pytest.mark.parametrize(("classes", "foreground"), [(3, 3), (8, 3), (17, 12), (33, 28)])
def test_metrics_are_those_of_scikit_learn_over_the_foreground(classes: int, foreground: int) -> None:
    rng = np.random.default_rng(classes)
    labels = rng.integers(0, classes, 600)
    logits = 2.0 * np.eye(classes)[labels] + rng.normal(size=(600, classes))
    found, predicted, shown = (
        head_metrics(logits, labels, foreground),
        logits.argmax(1),
        list(range(foreground)),
    )
    both = {"labels": shown, "zero_division": 0}
    assert found.macro_f1_fg == pytest.approx(f1_score(labels, predicted, average="macro", **both))
    assert found.weighted_f1_fg == pytest.approx(f1_score(labels, predicted, average="weighted", **both))
    assert found.macro_precision_fg == pytest.approx(
        precision_score(labels, predicted, average="macro", **both)
    )
    assert found.macro_recall_fg == pytest.approx(recall_score(labels, predicted, average="macro", **both))
    assert found.accuracy == pytest.approx(accuracy_score(labels, predicted))
    share = probabilities(logits)
    assert found.nll == pytest.approx(log_loss(labels, share, labels=list(range(classes))))
    theirs = multiclass_calibration_error(
        torch.tensor(share), torch.tensor(labels), num_classes=classes, n_bins=15, norm="l1"
    )
    assert found.ece == pytest.approx(theirs.item(), abs=1e-6)


def test_a_class_that_is_never_predicted_counts_zero_and_one_that_is_not_there_does_not_count() -> None:
    logits = np.eye(4)[[0, 0, 1, 1]]
    assert head_metrics(logits, np.array([0, 2, 1, 1]), 4).macro_f1_fg == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_rows_without_foreground_are_refused() -> None:
    with pytest.raises(ValueError, match="foreground"):
        head_metrics(np.eye(3), np.array([2, 2, 2]), 2)
