"""methods.statistics.intervals against SciPy's exact tests and bounds, and against resampling by an index loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binomtest

from methods.statistics.intervals import (
    clopper_pearson,
    cluster_bootstrap,
    effective_n,
    lower_bound,
    mcnemar_exact,
    multinomial_rates,
    percentile_interval,
    resampled_rank,
    resampled_top_and_rank,
    upper_bound,
    wilson,
)

properties = settings(derandomize=True, deadline=None, max_examples=150)
levels = st.sampled_from([0.5, 0.9, 0.95, 0.999])


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    n = draw(st.integers(1, 2000))
    return draw(st.integers(0, n)), n


@properties
@given(counts(), levels)
def test_two_sided_intervals_are_those_of_scipy(count: tuple[int, int], level: float) -> None:
    k, n = count
    for ours, method in ((wilson, "wilson"), (clopper_pearson, "exact")):
        expected = binomtest(k, n).proportion_ci(level, method)
        assert ours(k, n, level) == pytest.approx((expected.low, expected.high), abs=1e-9)


@properties
@given(counts(), levels)
def test_one_sided_bounds_are_those_of_scipy(count: tuple[int, int], level: float) -> None:
    k, n = count
    assert upper_bound(k, n, level) == pytest.approx(beta.ppf(level, k + 1, n - k) if k < n else 1, abs=1e-12)
    assert lower_bound(k, n, level) == pytest.approx(beta.ppf(1 - level, k, n - k + 1) if k else 0, abs=1e-12)


@properties
@given(st.floats(0, 1), st.floats(0, 500), levels)
def test_fractional_counts_give_an_interval_around_the_rate(rate: float, n: float, level: float) -> None:
    for interval in (wilson, clopper_pearson):
        low, high = interval(rate * n, n, level)
        assert 0 <= low <= rate + 1e-9 and rate - 1e-9 <= high <= 1


def test_no_rows_say_nothing() -> None:
    for interval in (wilson, clopper_pearson):
        assert np.array_equal(interval(0, 0, 0.95), (0, 1))
    assert lower_bound(0, 0, 0.95) == 0
    assert upper_bound(0, 0, 0.95) == 1


def test_intervals_of_an_array_are_those_of_its_elements() -> None:
    k, n = np.array([[0, 3, 7], [0, 10, 2.5]]), np.array([[0, 3, 10], [5, 10, 4.5]])
    for interval in (wilson, clopper_pearson):
        low, high = interval(k, n, 0.9)
        for at in np.ndindex(*k.shape):
            assert (low[at], high[at]) == interval(k[at], n[at], 0.9)


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (np.nan, 5)])
def test_impossible_counts_are_refused(k: float, n: float) -> None:
    for interval in (wilson, clopper_pearson, upper_bound, lower_bound):
        with pytest.raises(ValueError, match="expected 0 <= successes <= n"):
            interval(k, n, 0.9)


def test_effective_n_counts_distinct_rows_once() -> None:
    assert effective_n(np.arange(7)) == 7
    assert effective_n(np.repeat(np.arange(7), 5)) == pytest.approx(7)
    assert effective_n(["a"] * 9 + ["b"]) == pytest.approx(100 / 82)
    assert effective_n([]) == 0


def test_multinomial_rates_are_the_bootstrap_of_the_rows() -> None:
    tp, fn, fp, tn = 40, 20, 15, 300
    recall, rate = multinomial_rates(tp, fn, fp, tn, 20_000, seed=1)
    cell = np.repeat([0, 1, 2, 3], [tp, fn, fp, tn])
    rng = np.random.default_rng(2)
    looped = np.array([np.bincount(rng.choice(cell, cell.size), minlength=4) for _ in range(4000)])
    looped_recall, looped_rate = looped[:, 0] / looped[:, :2].sum(1), looped[:, 2] / looped[:, 2:].sum(1)
    for ours, theirs in ((recall, looped_recall), (rate, looped_rate)):
        assert ours.mean() == pytest.approx(theirs.mean(), abs=5 * theirs.std() / 60)
        assert ours.std() == pytest.approx(theirs.std(), rel=0.06)
        assert percentile_interval(ours, 0.9) == pytest.approx(percentile_interval(theirs, 0.9), abs=0.01)


def test_a_resample_without_a_class_never_reads_as_a_pass() -> None:
    recall, rate = multinomial_rates(1, 0, 0, 1, 4000, seed=0)
    assert set(recall) == {0.0, 1.0} and set(rate) == {0.0, 1.0}
    assert recall.mean() == pytest.approx(0.75, abs=0.04)
    assert rate.mean() == pytest.approx(0.25, abs=0.04)


@pytest.mark.parametrize("cells", [(0, 0, 3, 4), (3, 4, 0, 0), (3, -1, 3, 4)])
def test_rates_of_a_missing_class_are_refused(cells: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="expected positive and negative rows"):
        multinomial_rates(*cells, resamples=10, seed=0)


@pytest.mark.parametrize("groups", [40, 300])
@pytest.mark.parametrize("distinct", [True, False])
def test_cluster_bootstrap_is_that_of_whole_groups_in_an_index_loop(groups: int, distinct: bool) -> None:
    rng = np.random.default_rng(groups)
    group = rng.permutation(np.concatenate([np.arange(groups), rng.integers(0, groups, groups)]))
    rows = (
        rng.normal(1, 1, (2 * groups, 2)) if distinct else rng.integers(0, 2, (2 * groups, 2)).astype(float)
    )
    ours = cluster_bootstrap(rows, group.astype(str), 8000, seed=5)
    sums = np.array([rows[group == g].sum(axis=0) for g in range(groups)])
    looped = np.array([sums[rng.integers(0, groups, groups)].sum(axis=0) for _ in range(8000)])
    assert ours.shape == (8000, 2)
    assert ours.mean(axis=0) == pytest.approx(rows.sum(axis=0), abs=5 * looped.std(axis=0).max() / 80)
    assert np.cov(ours.T) == pytest.approx(np.cov(looped.T), rel=0.15, abs=0.1 * looped.var())


def test_one_group_is_always_drawn_whole() -> None:
    assert (cluster_bootstrap([[1, 2], [3, 4]], ["a", "a"], 5, seed=0) == [4, 6]).all()


@pytest.mark.parametrize(("rows", "groups"), [([[1.0]], ["a", "b"]), ([1.0], ["a"]), (np.empty((0, 1)), [])])
def test_rows_without_a_group_each_are_refused(rows: list[list[float]], groups: list[str]) -> None:
    with pytest.raises(ValueError, match="a group per row"):
        cluster_bootstrap(rows, groups, 5, seed=0)


def test_a_seed_gives_the_same_draws_and_another_seed_others() -> None:
    rows, group = np.random.default_rng(0).random((50, 2)), np.arange(50)
    first, again, other = (cluster_bootstrap(rows, group, 20, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    first, again, other = (np.stack(multinomial_rates(9, 9, 9, 9, 20, seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_percentile_interval_is_per_column() -> None:
    draws = np.column_stack([np.arange(101.0), np.arange(101.0) * 2])
    assert np.stack(percentile_interval(draws, 0.9)) == pytest.approx(np.array([[5, 10], [95, 190]]))


@pytest.mark.parametrize(("n", "k"), [(1, 0), (5, 0), (5, 2), (5, 4), (4, 1)])
def test_resampled_ranks_are_those_of_all_resamples(n: int, k: int) -> None:
    ranks = np.sort(np.array(list(np.ndindex(*[n] * n))), axis=1)
    joint = np.zeros((n, n))
    np.add.at(joint, (ranks[:, 0], ranks[:, k]), 1 / n**n)
    first, mass = resampled_rank(n, k)
    assert mass == pytest.approx(joint.sum(axis=0)[first:], abs=1e-12)
    assert resampled_top_and_rank(n, k, 0, n) == pytest.approx(joint[: n - 1], abs=1e-12)


@properties
@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_exact_two_sided_binomial_test(b: int, c: int) -> None:
    assert mcnemar_exact(b, c) == pytest.approx(binomtest(b, b + c).pvalue if b + c else 1.0)


def test_mcnemar_without_discordant_pairs_finds_nothing() -> None:
    assert mcnemar_exact([0, 5, 6], [0, 5, 0]).tolist() == pytest.approx([1.0, 1.0, 2 / 64])
