"""F1 thresholds against brute force: under constraints, and pooled over classes."""

from itertools import product
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from methods.detection.f1_sweep import (
    CONSTRAINED,
    FP_ONLY,
    NOTHING,
    UNCONSTRAINED,
    ClassThreshold,
    constrained_f1_threshold,
    micro_f1_thresholds,
)

Case = tuple[list[float], list[bool], int]


@st.composite
def cases(draw: st.DrawFn, largest: int = 14) -> Case:
    """Few distinct scores, so that ties are common; at least as much ground truth as true positives."""
    rows = draw(st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=largest))
    hits = [hit for _, hit in rows]
    return [score / 8 for score, _ in rows], hits, sum(hits) + draw(st.integers(0, 4))


def counts(case: Case, threshold: float) -> tuple[int, int]:
    scores, hits, _ = case
    taken = [hit for score, hit in zip(scores, hits, strict=True) if score >= threshold]
    return sum(taken), len(taken) - sum(taken)


def f1(case: Case, threshold: float) -> float:
    tp, fp = counts(case, threshold)
    return 2 * tp / (tp + fp + case[2]) if tp else 0.0


def arrays(case: Case) -> tuple[np.ndarray, np.ndarray, int]:
    return np.array(case[0], float), np.array(case[1], bool), case[2]


@given(cases(), st.sampled_from([0.0, 0.2, 0.5, 1.0]), st.sampled_from([0.0, 0.4, 0.6, 1.0]))
def test_constraints_give_way_in_turn_and_the_rest_is_brute_force(
    case: Case, max_fp_per_tp: float, min_recall: float
) -> None:
    found = constrained_f1_threshold(*arrays(case), max_fp_per_tp, min_recall)
    hitting = [each for each in case[0] if counts(case, each)[0]]
    few = [t for t in hitting if counts(case, t)[1] <= max_fp_per_tp * counts(case, t)[0] + 1e-9]
    both = [t for t in few if counts(case, t)[0] >= min_recall * case[2] - 1e-9]
    if not hitting:
        assert (found.threshold, found.status) == (inf, NOTHING)
        return
    status, allowed = next(
        (status, allowed)
        for status, allowed in ((CONSTRAINED, both), (FP_ONLY, few), (UNCONSTRAINED, hitting))
        if allowed
    )
    best = max(f1(case, each) for each in allowed)
    assert found.status == status
    assert found.threshold == min(each for each in allowed if f1(case, each) == best)
    assert (found.tp, found.fp) == counts(case, found.threshold)
    assert found.f1 == best


@given(st.lists(cases(largest=5), min_size=1, max_size=3))
def test_the_pooled_optimum_equals_brute_force_over_all_combinations(classes: list[Case]) -> None:
    def pooled(thresholds: tuple[float, ...]) -> float:
        both = [counts(case, threshold) for case, threshold in zip(classes, thresholds, strict=True)]
        total = sum(tp + fp for tp, fp in both) + sum(case[2] for case in classes)
        return 2 * sum(tp for tp, _ in both) / total if total else 0.0

    each = [arrays(case) for case in classes]
    found = micro_f1_thresholds(*zip(*each, strict=True))
    best = max(pooled(chosen) for chosen in product(*[[*set(case[0]), inf] for case in classes]))
    assert pooled(tuple(entry.threshold for entry in found)) == pytest.approx(best, abs=1e-12)


def test_the_pooled_optimum_is_not_below_that_of_classes_for_themselves() -> None:
    rng = np.random.default_rng(3)
    scores = [rng.random(200) for _ in range(4)]
    hits = [rng.random(200) < each ** (2 + 3 * i) for i, each in enumerate(scores)]
    totals = [int(hit.sum()) + 20 for hit in hits]
    pooled = micro_f1_thresholds(scores, hits, totals)
    own = [constrained_f1_threshold(*case, inf, 0.0) for case in zip(scores, hits, totals, strict=True)]

    def f1_of(entries: list[ClassThreshold]) -> float:
        tp, fp = sum(e.tp for e in entries), sum(e.fp for e in entries)
        return 2 * tp / (tp + fp + sum(totals))

    assert f1_of(pooled) > f1_of(own)
