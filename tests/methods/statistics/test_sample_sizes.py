"""Sample sizes: the fewest with the power, exact where it can be, simulated where not."""

import numpy as np
import pytest
from scipy.stats import binom, nct, t

from methods.statistics.intervals import lower_bound, upper_bound
from methods.statistics.sample_sizes import (
    auroc_pairs_at_power,
    differing_groups_at_power,
    groups_at_power,
    negatives_at_power,
)


@pytest.mark.parametrize("rate", [0.0, 0.005, 0.01, 0.04, 0.06, 0.2])
def test_no_fewer_negatives_decide_as_often(rate: float) -> None:
    found = negatives_at_power(rate, 0.02, 0.95, 0.8)
    assert found is not None

    def power(n: int) -> float:
        k = np.arange(n + 1)
        decides = lower_bound(k, n, 0.95) > 0.02 if rate > 0.02 else upper_bound(k, n, 0.95) <= 0.02
        return float(binom.pmf(k, n, rate)[decides].sum())

    assert power(found.n) == pytest.approx(found.power) and found.power >= 0.8
    assert max(power(n) for n in range(1, found.n)) < 0.8


def test_the_budget_itself_is_never_decided() -> None:
    assert negatives_at_power(0.02, 0.02, 0.95, 0.8) is None
    assert groups_at_power(0.02, 0.02, [1], 0.95, 0.8, 0) is None
    assert negatives_at_power(0.02 - 1e-6, 0.02, 0.95, 0.8) is None


def test_groups_of_one_row_are_negatives() -> None:
    exact, simulated = (
        negatives_at_power(0.05, 0.02, 0.95, 0.8),
        groups_at_power(0.05, 0.02, [1], 0.95, 0.8, 0),
    )
    assert exact is not None and simulated is not None
    assert simulated.n == pytest.approx(exact.n, rel=0.1)


def test_copies_need_more_rows() -> None:
    single, copied = (groups_at_power(0.05, 0.02, sizes, 0.95, 0.8, 0) for sizes in ([1], [1, 1, 1, 7]))
    assert single is not None and copied is not None
    assert copied.n * 2.5 > single.n


def test_of_normal_differences_it_is_about_the_noncentral_t() -> None:
    effects = np.random.default_rng(0).normal(0.5, 1, 4000)
    found = differing_groups_at_power(effects, np.arange(4000), 0.95, 0.8, 0)
    assert found is not None
    d = effects.mean() / effects.std()
    expected = next(n for n in range(4, 100) if nct.sf(t.ppf(0.975, n - 1), n - 1, d * n**0.5) >= 0.8)
    assert found.n == pytest.approx(expected, rel=0.15)


def test_few_groups_or_no_difference_have_no_size() -> None:
    assert differing_groups_at_power([1, 2, 3], [0, 1, 2], 0.95, 0.8, 0) is None
    assert differing_groups_at_power([-1, 1, -1, 1], range(4), 0.95, 0.8, 0) is None


def test_an_area_near_the_edge_needs_more_pairs() -> None:
    near, far = (auroc_pairs_at_power(0.9, edge, 0.001, 50, 0.95, 0.8) for edge in (0.85, 0.7))
    assert near is not None and far is not None and near.n > 4 * far.n
    assert auroc_pairs_at_power(0.9, 0.9, 0.001, 50, 0.95, 0.8) is None
    assert auroc_pairs_at_power(1.0, 0.9, 0.0, 50, 0.95, 0.8) is None
