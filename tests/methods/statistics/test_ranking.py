"""methods.statistics.ranking against scikit-learn, the published figures of pROC, and the definition over all pairs."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import beta, norm
from sklearn.metrics import roc_auc_score

from methods.statistics.auroc_intervals import auroc_difference_interval, auroc_interval, ranked_groups
from methods.statistics.grouped_ranking import group_variance
from methods.statistics.ranking import auroc

properties = settings(derandomize=True, deadline=None, max_examples=150)

Rows = tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]


@st.composite
def rows(draw: st.DrawFn) -> Rows:
    """Two scores with ties, and at least two rows of each class."""
    size = draw(st.integers(4, 40))
    levels = draw(st.integers(1, 30))
    a, b = (np.array(draw(st.lists(st.integers(0, levels), min_size=size, max_size=size))) for _ in range(2))
    positive = np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    positive[:4] = [True, True, False, False]
    return a / 8, b / 8, positive


def kernel(scores: NDArray[Any], positive: NDArray[np.bool_]) -> NDArray[Any]:
    """1, 1/2 or 0 for every pair of a positive (row) and a negative (column)."""
    high, low = scores[positive][:, None], scores[~positive][None, :]
    return np.asarray((high > low) + (high == low) / 2)


@properties
@given(rows())
def test_auroc_is_that_of_scikit_learn(data: Rows) -> None:
    scores, _, positive = data
    assert auroc(scores, positive) == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)


@properties
@given(rows())
def test_auroc_depends_on_order_alone_and_flips_with_it(data: Rows) -> None:
    scores, _, positive = data
    assert auroc(np.exp(scores), positive) == auroc(scores, positive)
    assert auroc(-scores, positive) == pytest.approx(1 - auroc(scores, positive))


@properties
@given(rows())
def test_with_a_row_a_group_the_variance_is_that_of_all_pairs(data: Rows) -> None:
    """But for the degrees of freedom: by group n / (n - 1) over both classes, by row m / (m - 1) in each."""
    scores, _, positive = data
    pairs, groups = kernel(scores, positive), np.arange(len(scores))
    found = ranked_groups(scores, positive, groups)
    m, n = pairs.shape
    population = pairs.mean(axis=1).var() / m + pairs.mean(axis=0).var() / n
    assert found.area == pytest.approx(pairs.mean())
    assert found.variance == pytest.approx(population * (m + n) / (m + n - 1), abs=1e-15)


@properties
@given(rows())
def test_the_variance_of_a_difference_is_that_of_all_paired_differences(data: Rows) -> None:
    a, b, positive = data
    difference, groups = kernel(a, positive) - kernel(b, positive), np.arange(len(a))
    one, other = (ranked_groups(scores, positive, groups) for scores in (a, b))
    m, n = difference.shape
    population = difference.mean(axis=1).var() / m + difference.mean(axis=0).var() / n
    found = group_variance(one.influence - other.influence, groups)
    assert found == pytest.approx(population * (m + n) / (m + n - 1), abs=1e-15)


@pytest.mark.parametrize("size", [3, 10, 40])
@pytest.mark.parametrize("extra", [0, 100])
def test_a_perfect_ranking_is_as_certain_as_its_smaller_class_is_large(size: int, extra: int) -> None:
    positive = np.arange(2 * size + extra) >= size + extra
    scores, groups = np.arange(positive.size).astype(float), np.arange(positive.size)
    found = auroc_interval(scores, positive, groups, 0.95)
    assert (found.auroc, found.high) == (1, 1)
    assert 1 - 4 / size < found.low < 1 - 1 / size
    back = auroc_interval(-scores, positive, groups, 0.95)
    assert (back.low, back.auroc, back.high) == pytest.approx((0, 0, 1 - found.low))


def test_constant_scores_and_single_positives_do_not_read_as_certain() -> None:
    positive, groups = np.arange(30) < 10, np.arange(30)
    found = auroc_interval(np.zeros(30), positive, groups, 0.95)
    assert (found.low, found.high) == pytest.approx((beta.ppf(0.025, 5, 6), beta.ppf(0.975, 6, 5)))
    single = auroc_interval(np.arange(30.0), np.arange(30) == 29, groups, 0.95)
    assert (single.low, single.auroc, single.high) == pytest.approx((0.025, 1, 1))


@pytest.mark.parametrize(
    ("scores", "positive", "message"),
    [
        ([0.1, 0.2], [True, True], "expected positive and negative rows, got 2 positive of 2"),
        ([0.1, 0.2], [False, False], "expected positive and negative rows, got 0 positive of 2"),
        ([0.1, np.nan], [True, False], "1 not finite"),
        ([0.1, 0.2, 0.3], [True, False], "expected one label per score"),
    ],
)
def test_bad_rows_are_refused(scores: list[float], positive: list[bool], message: str) -> None:
    s, y = np.array(scores), np.array(positive)
    groups = np.arange(len(y))
    calls = (
        lambda: auroc(s, y),
        lambda: auroc_interval(s, y, groups, 0.9),
        lambda: auroc_difference_interval(s, s, y, groups, 0.9),
    )
    for call in calls:
        with pytest.raises(ValueError, match=message):
            call()


def test_delong_gives_the_figures_of_proc_on_the_subarachnoid_haemorrhage_data() -> None:
    """calibration.json, delong_aSAH: outcome, WFNS grade, S100B and NDKA of 113 patients (Turck et al. 2010)."""
    poor, wfns, s100b, ndka = np.array(ASAH).T
    groups = np.arange(len(poor))
    one, first, second = (ranked_groups(scores, poor > 0, groups) for scores in (ndka, wfns, s100b))
    # pROC divides each class by its own size less one, groups by all of theirs: less than 1% for 113 patients.
    low, area, high = 0.501244999271703, 0.611957994579946, 0.722670989888189
    assert one.area == pytest.approx(area, abs=1e-12)
    assert one.variance**0.5 * norm.ppf(0.975) == pytest.approx((high - low) / 2, rel=0.01)
    z = (first.area - second.area) / group_variance(first.influence - second.influence, groups) ** 0.5
    assert z == pytest.approx(2.20898359144091, rel=0.01)


# poor outcome, WFNS grade, S100B, NDKA
ASAH = [
    (0, 1, 0.04, 10.42), (0, 1, 0.04, 12.67), (0, 1, 0.04, 13.41), (0, 1, 0.04, 17.21), (0, 1, 0.05, 7.75),
    (0, 1, 0.05, 58.83), (0, 1, 0.06, 7.66), (0, 1, 0.06, 11.73), (0, 1, 0.07, 6.29), (0, 1, 0.07, 6.54),
    (0, 1, 0.07, 7.96), (0, 1, 0.07, 11.97), (0, 1, 0.08, 4.61), (0, 1, 0.08, 7.06), (0, 1, 0.08, 10.51),
    (0, 1, 0.08, 12.57), (0, 1, 0.09, 6.39), (0, 1, 0.09, 8.02), (0, 1, 0.09, 14.57), (0, 1, 0.09, 49.94),
    (0, 1, 0.1, 8.09), (0, 1, 0.1, 19.46), (0, 1, 0.1, 27.19), (0, 1, 0.1, 46.83), (0, 1, 0.11, 7.63),
    (0, 1, 0.11, 9.47), (0, 1, 0.13, 3.01), (0, 1, 0.13, 80.3), (0, 1, 0.14, 8.54), (0, 1, 0.14, 12.9),
    (0, 1, 0.14, 18.21), (0, 1, 0.15, 22.43), (0, 1, 0.16, 13.12), (0, 1, 0.18, 15.54), (0, 1, 0.19, 12.8),
    (0, 1, 0.48, 13.45), (0, 1, 0.5, 6.79), (0, 2, 0.04, 16.11), (0, 2, 0.07, 11.07), (0, 2, 0.08, 9.44),
    (0, 2, 0.08, 20.75), (0, 2, 0.09, 9.7), (0, 2, 0.09, 12.59), (0, 2, 0.1, 6.01), (0, 2, 0.1, 17.86),
    (0, 2, 0.1, 28.49), (0, 2, 0.11, 6.3), (0, 2, 0.11, 12.71), (0, 2, 0.13, 12.98), (0, 2, 0.14, 22.27),
    (0, 2, 0.15, 8.53), (0, 2, 0.15, 9.95), (0, 2, 0.15, 24.58), (0, 2, 0.16, 10.6), (0, 2, 0.17, 12.53),
    (0, 2, 0.19, 9.01), (0, 2, 0.43, 14.34), (0, 3, 0.05, 9.8), (0, 3, 0.07, 11.68), (0, 3, 0.33, 17.3),
    (0, 4, 0.16, 9.81), (0, 4, 0.17, 13.87), (0, 4, 0.28, 9.44), (0, 4, 0.32, 10.83), (0, 4, 0.34, 5.03),
    (0, 4, 0.38, 10.55), (0, 4, 0.45, 41.43), (0, 4, 0.47, 10.33), (0, 5, 0.24, 9.83), (0, 5, 0.46, 9.63),
    (0, 5, 0.47, 6), (0, 5, 0.5, 6.59), (1, 1, 0.07, 40.34), (1, 1, 0.08, 72.57), (1, 2, 0.07, 21.22),
    (1, 2, 0.07, 32.37), (1, 2, 0.09, 13.67), (1, 2, 0.09, 32.41), (1, 2, 0.1, 9.63), (1, 2, 0.1, 12.75),
    (1, 2, 0.11, 21.48), (1, 2, 0.14, 34.06), (1, 2, 0.25, 8.38), (1, 2, 0.3, 11.09), (1, 2, 0.41, 9.85),
    (1, 2, 0.58, 11.72), (1, 3, 0.13, 17.4), (1, 4, 0.13, 5.19), (1, 4, 0.16, 13.2), (1, 4, 0.23, 22.63),
    (1, 4, 0.26, 15.54), (1, 4, 0.27, 21.57), (1, 4, 0.48, 21.93), (1, 4, 0.71, 8.23), (1, 4, 0.96, 7.42),
    (1, 5, 0.03, 12.22), (1, 5, 0.12, 15.96), (1, 5, 0.22, 5.37), (1, 5, 0.32, 14.26), (1, 5, 0.33, 54.82),
    (1, 5, 0.35, 14.04), (1, 5, 0.44, 5.18), (1, 5, 0.44, 15.89), (1, 5, 0.49, 11.6), (1, 5, 0.52, 3.87),
    (1, 5, 0.56, 9.57), (1, 5, 0.7, 12.9), (1, 5, 0.71, 8.9), (1, 5, 0.74, 11.67), (1, 5, 0.77, 10.4),
    (1, 5, 0.82, 47.61), (1, 5, 0.86, 13.56), (1, 5, 2.07, 419.19),
]  # fmt: skip
