"""Bets against their definition, product by product, and against what makes them evidence: a mean of at most 1."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import zeta

from methods.sequential import bets as module
from methods.sequential.bets import BETS, BLOCK, Bets, evidence, extended, new_bets, observations_to_go


def brute_force(values: list[float], limit: float, block: int) -> tuple[float, float]:
    """Evidence of the first bets, and of all, as sums over starts of products over rows."""
    sizes = np.geomspace(0.05 * limit, 0.9, BETS) / limit
    first = later = 0.0
    for size in sizes:
        gains = [1 + size * (value - limit) for value in values]
        first += float(np.prod(gains)) / BETS
        for start in range(block, len(values), block):
            later += (start // block) ** -1.1 / zeta(1.1) * float(np.prod(gains[start:])) / BETS
    return first, (first + later) / 2


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.sampled_from([0.02, 0.3, 0.9]))
def test_evidence_is_the_mean_over_bets_and_weighted_starts(values: list[float], limit: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", 4)
        after, path = extended(new_bets(limit), np.array(values))
        first, both = brute_force(values, limit, 4)
    assert evidence(after, with_later=False) == pytest.approx(np.log(first), abs=1e-9)
    assert evidence(after, with_later=True) == pytest.approx(np.log(both), abs=1e-9)
    assert path[-1] == pytest.approx(np.log(both), abs=1e-9)


def test_in_pieces_is_in_one_go() -> None:
    values = np.random.default_rng(1).random(1000)
    whole, path = extended(new_bets(0.4), values)
    bets, parts = new_bets(0.4), []
    for start, end in ((0, 1), (1, BLOCK), (BLOCK, BLOCK), (BLOCK, 333), (333, 1000)):
        bets, part = extended(bets, values[start:end])
        parts.append(part)
    assert bets.n == whole.n
    np.testing.assert_allclose(bets.first, whole.first, rtol=1e-9)
    np.testing.assert_allclose(bets.later, whole.later, rtol=1e-9)
    np.testing.assert_allclose(np.concatenate(parts), path, rtol=1e-9, atol=1e-12)


def test_what_all_rows_say_together_does_not_depend_on_their_order() -> None:
    values = (np.arange(BLOCK) % 7 == 0).astype(np.float64)
    forth, back = (extended(new_bets(0.1), each)[0] for each in (values, values[::-1]))
    assert evidence(forth, with_later=False) == pytest.approx(evidence(back, with_later=False))


@pytest.mark.parametrize("limit", [0.05, 0.5])
def test_at_the_limit_the_expected_evidence_never_exceeds_one(limit: float) -> None:
    """Over every sequence of twelve rows, each by its probability: first bets keep their mean exactly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", 3)
        first = both = 0.0
        for rows in product((0.0, 1.0), repeat=12):
            chance = limit ** sum(rows) * (1 - limit) ** (12 - sum(rows))
            after, _ = extended(new_bets(limit), np.array(rows))
            first += chance * np.exp(evidence(after, with_later=False))
            both += chance * np.exp(evidence(after, with_later=True))
    assert first == pytest.approx(1)
    assert 0.5 < both < 1  # what later starts were not yet given is missing


def test_a_change_late_in_a_long_stream_is_found_by_the_later_bets_alone() -> None:
    quiet, loud = np.zeros(20_000), np.tile([1.0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 60)
    after, path = extended(new_bets(0.02), np.concatenate([quiet, loud]))
    assert path.max() > np.log(1000)
    assert evidence(after, with_later=False) < 0


def test_rows_to_go_are_those_that_it_then_takes() -> None:
    rows = np.tile([1.0, 0, 0, 0, 0], 400)
    after, _ = extended(new_bets(0.1), rows[:50])
    more = observations_to_go(after, np.log(1000), with_later=False)
    reached = np.array([evidence(extended(new_bets(0.1), rows[:n])[0], False) for n in range(50, 800, 5)])
    assert 50 + more == pytest.approx(50 + 5 * int((reached >= np.log(1000)).argmax()), rel=0.25)


def test_no_end_is_promised_where_the_mean_is_at_its_limit() -> None:
    after, _ = extended(new_bets(0.5), np.tile([0.0, 1.0], 50))
    assert observations_to_go(after, np.log(20), with_later=True) == np.inf
    assert observations_to_go(new_bets(0.5), np.log(20), with_later=True) == np.inf


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_values_beyond_0_and_1_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="within"):
        extended(new_bets(0.5), np.array([0.5, value]))


def test_a_limit_that_nothing_can_pass_is_refused() -> None:
    for limit in (0.0, 1.0, float("nan")):
        with pytest.raises(ValueError, match="limit"):
            new_bets(limit)


def test_evidence_stays_finite_however_long_the_stream() -> None:
    bets: Bets = new_bets(0.02)
    for _ in range(20):
        bets, path = extended(bets, np.ones(5000))
    assert np.isfinite(path).all()
