"""Pairs of runs as contrasts: copies, one seed, a family at once, against the function beneath by hand."""

import numpy as np
import pytest

from methods.heads.contrasts import Contrast, confirmation, contrasts
from methods.heads.specs import HeadSpec
from methods.statistics.simultaneous import simultaneous_differences

RNG = np.random.default_rng(3)
TOKENS = ("bal-mix0-ls0", "bal-mix0-ls0-center", "bal-mix0-ls0-gelu", "bal-mix0-ls0-temp")
SPECS = [HeadSpec.parse(f"e__h16b16__{tokens}__s{seed}") for tokens in TOKENS for seed in (1, 2, 3)]
VALUES = np.concatenate([RNG.normal(0.8, 0.01, 9), np.zeros(3)])
DRAWS = VALUES[:, None] + RNG.normal(0, 0.02, 200) + RNG.normal(0, 0.01, (12, 200))
VALUES[9:], DRAWS[9:] = VALUES[:3], DRAWS[:3]  # a temperature moves no answer
AGAINST = [[(3 * k + i, i) for i in range(3)] for k in (1, 2, 3)]


def compared(*families: list[tuple[int, int]]) -> list[Contrast | None]:
    return contrasts(SPECS, families, VALUES, DRAWS, 40, 0.95, 7)


def test_a_family_is_the_simultaneous_differences_of_its_runs() -> None:
    weights = np.zeros((2, 9))
    weights[0, 3:6], weights[1, 6:9], weights[:, :3] = 1 / 3, 1 / 3, -1 / 3
    recipes = np.repeat([0, 1, 2], 3)
    expected = simultaneous_differences(VALUES[:9], DRAWS[:9], recipes, weights, 40, 0.95, 7)
    one, other, still = compared(*AGAINST)
    assert one is not None
    assert other is not None
    assert still is not None
    for found, row in ((one, 0), (other, 1)):
        assert found.delta == pytest.approx(float(expected.delta[row]))
        assert found.error == pytest.approx(float(expected.error[row]))
        assert found.floor == pytest.approx(
            float(expected.floor[row]), rel=0.15
        )  # luck is drawn in another order
    assert (one.family, one.pairs, one.cells) == (2, 3, 1)
    assert one.low is not None
    assert one.high is not None
    assert one.low <= one.delta <= one.high
    assert still.same


def test_a_family_of_more_has_wider_intervals() -> None:
    alone, among = compared(AGAINST[0])[0], compared(AGAINST[0], AGAINST[1])[0]
    assert alone is not None
    assert among is not None
    assert alone.floor is not None
    assert among.floor is not None
    assert among.floor > alone.floor


def test_one_seed_has_a_difference_and_no_verdict() -> None:
    lone, nothing, three = compared(AGAINST[0][:1], [], AGAINST[1])
    assert lone is not None
    assert (lone.floor, lone.low, lone.p, lone.above, lone.below, lone.same) == (None,) * 3 + (False,) * 3
    assert lone.delta == VALUES[3] - VALUES[0]
    assert nothing is None
    assert three is not None
    assert three.family == 1


def test_what_a_split_that_chose_nothing_says() -> None:
    above = Contrast(
        pairs=3, cells=1, family=1, delta=0.05, error=0.01, floor=0.02, low=0.03, high=0.07, p=0.001
    )
    within = Contrast(
        pairs=3, cells=1, family=1, delta=0.01, error=0.01, floor=0.02, low=-0.01, high=0.03, p=0.3
    )
    assert confirmation(above) == "holds"
    assert confirmation(above, above=False) == "does not hold"
    assert confirmation(within) == confirmation(None) == "cannot tell"
