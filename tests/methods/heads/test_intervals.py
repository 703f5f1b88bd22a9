"""Resampled figures of a run against the figures of resampled rows."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from methods.heads.intervals import class_f1_draws, figure_draws
from methods.heads.metrics import head_metrics
from methods.heads.noise import group_counts, group_weights


def test_draws_are_the_figures_of_rows_whose_groups_were_drawn() -> None:
    rng = np.random.default_rng(0)
    logits, labels, groups = 2 * rng.normal(size=(300, 4)), rng.integers(0, 4, 300), rng.integers(0, 30, 300)
    weights = group_weights(30, 20, 5)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    draws = figure_draws(shares, labels, groups, weights)
    predicted = logits.argmax(1)
    f1 = class_f1_draws(group_counts(predicted, labels, groups, 3), weights)
    for number in (0, 7, 19):
        rows = np.concatenate([np.repeat(np.flatnonzero(groups == group), int(times))
                               for group, times in enumerate(weights[number])])  # fmt: skip
        expected = head_metrics(logits[rows], labels[rows], 3)
        for name in ("accuracy", "nll", "ece"):
            assert draws[name][number] == pytest.approx(getattr(expected, name))
        theirs = f1_score(labels[rows], predicted[rows], average=None, labels=[0, 1, 2])
        assert f1[number] == pytest.approx(theirs)


def test_a_resample_without_a_row_of_a_class_has_no_f1_of_it() -> None:
    counts = group_counts(np.array([0, 1]), np.array([0, 1]), ["a", "b"], 2)
    assert np.array_equal(class_f1_draws(counts, np.array([[2.0, 0.0]])), [[1.0, np.nan]], equal_nan=True)
