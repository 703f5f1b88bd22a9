"""Effective-number weights against their formula in exact arithmetic, and the prior of a stream."""

from fractions import Fraction

import numpy as np
import pytest

from methods.heads.class_weights import effective_number, stream_prior


def test_weights_are_those_of_the_paper_in_exact_arithmetic() -> None:
    counts, beta = [1, 7, 400, 12_345], Fraction(9999, 10_000)
    exact = [float((1 - beta) / (1 - beta**n)) for n in counts]
    expected = np.array(exact) / np.mean(exact)
    assert effective_number(counts, 0.9999) == pytest.approx(expected, rel=1e-11)


def test_beta_close_to_one_gives_inverse_frequencies_without_losing_digits() -> None:
    counts = np.array([3.0, 50.0, 2000.0])
    inverse = (1 / counts) / (1 / counts).mean()
    assert effective_number(counts, 1 - 1e-13) == pytest.approx(inverse, rel=1e-6)


def test_below_two_thousand_rows_the_plans_beta_nearly_balances() -> None:
    """Why the balanced sampler is off beside these weights: both together would balance twice."""
    prior = stream_prior([2000, 20], effective_number([2000, 20], 0.9999), balanced=False)
    assert prior.max() / prior.min() < 1.11


def test_beta_zero_weighs_all_classes_alike() -> None:
    assert effective_number([5, 500], 0.0).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("counts", "beta"), [([0, 3], 0.9), ([3, 4], 1.0), ([3, 4], -0.1), ([], 0.5)])
def test_what_has_no_weight_is_refused(counts: list[int], beta: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        effective_number(counts, beta)


def test_the_prior_of_a_balanced_stream_is_uniform() -> None:
    assert stream_prior([1, 99], [1.0, 1.0], balanced=True).tolist() == [0.5, 0.5]
    assert stream_prior([1, 99], [1.0, 1.0], balanced=False).tolist() == [0.01, 0.99]
