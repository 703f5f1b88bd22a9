"""A label is worth a threshold where the best one within the budget catches more than chance would."""

import numpy as np
import pytest
from scipy.stats import norm

from methods.budgets.learnability import Help, HelpRule, LabelRows, oracle_recall

RULE = HelpRule(0.02, 0.1, 0.95)


def rows(positives: int, negatives: int, gap: float, seed: int, copies: int = 1) -> LabelRows:
    rng = np.random.default_rng(seed)
    positive = np.arange(positives + negatives) < positives
    scores = rng.normal(size=positives + negatives) + gap * positive
    return LabelRows(*(np.repeat(each, copies) for each in (scores, positive, np.arange(len(positive)))))


def test_an_auroc_above_a_half_is_not_enough() -> None:
    """A gap of .5 has an AUROC of .64 and .06 recall at 2%."""
    found = oracle_recall(rows(400, 4000, 0.5, 0), RULE)
    assert norm.sf(norm.isf(0.02) - 0.5) < 0.07
    assert found.kind == Help.NO
    assert found.upper < 0.1


@pytest.mark.parametrize(("gap", "kind"), [(2.0, Help.YES), (0.0, Help.NO)])
def test_what_helps_and_what_does_not(gap: float, kind: Help) -> None:
    assert oracle_recall(rows(200, 1000, gap, 1), RULE).kind == kind


def test_few_positives_cannot_tell() -> None:
    assert oracle_recall(rows(2, 400, 5.0, 2), RULE).kind == Help.UNCLEAR
    assert oracle_recall(rows(9, 400, 0.0, 2), RULE).kind == Help.UNCLEAR


def test_without_a_class_or_a_score_nothing_can_be_told() -> None:
    one = rows(0, 50, 0.0, 3)
    assert oracle_recall(one, RULE).kind == Help.UNCLEAR
    missing = LabelRows(np.full(50, np.nan), np.arange(50) < 20, np.arange(50))
    assert oracle_recall(missing, RULE).kind == Help.UNCLEAR


def test_copies_count_once() -> None:
    assert oracle_recall(rows(100, 500, 1.5, 4), RULE) == oracle_recall(
        rows(100, 500, 1.5, 4, copies=3), RULE
    )


@pytest.mark.parametrize("positives", [10, 30])
def test_chance_is_called_learnable_no_more_often_than_the_level_says(positives: int) -> None:
    found = [oracle_recall(rows(positives, 400, 0.0, seed), RULE) for seed in range(600)]
    assert np.mean([each.p <= 0.05 for each in found]) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)
    assert np.mean([each.kind == Help.YES for each in found]) <= 0.08
