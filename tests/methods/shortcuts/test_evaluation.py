"""What is said of a lens finder: strata that add up, reliance on the same rows, pairs, and no figure for nothing."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from methods.shortcuts.claims import Claim
from methods.shortcuts.decision_tree import FAIL, PASS, WARN
from methods.shortcuts.evaluation import (
    Estimate,
    Part,
    core_reliance,
    pair_win_rate,
    radius_bins,
    ranking,
    sensitivity_curve,
)
from methods.shortcuts.evaluation import undefined as no_estimate
from methods.shortcuts.gate_results import GateResult, undefined
from methods.shortcuts.grades import GradeEdges, GradeRules, ModelGates, clear_of_fail, grades, model_grades
from methods.statistics.ranking import auroc
from tasks.lens_shortcuts.model.undefined import why

EDGES = [0.5, 1.0, 2.0, 3.0]
LEVEL = 0.95


def part(rows: int = 400, seed: int = 0, pairs: bool = True) -> Part:
    """Large systems are easy and lose nothing under the mask, small ones are hard."""
    rng = np.random.default_rng(seed)
    positive = np.arange(rows) % 2 == 1
    theta = np.where(positive, rng.uniform(0.5, 3, rows), np.nan)
    signal = np.nan_to_num(theta)
    logits = np.stack([rng.normal(size=rows) + signal, rng.normal(size=rows) + 0.5 * signal], axis=1)
    pair = np.arange(rows) // 2 if pairs else np.full(rows, -1)
    return Part(logits, positive, theta, np.arange(rows) // 2, pair)


@pytest.mark.parametrize("seed", range(5))
def test_bins_against_all_negatives_add_up_to_the_auroc_of_all(seed: int) -> None:
    some = part(seed=seed)
    bins = radius_bins(some, EDGES, LEVEL)
    counts = np.array([each.auroc.n for each in bins])
    values = np.array([each.auroc.value for each in bins])
    assert counts.sum() == some.positive.sum()
    assert (counts * values).sum() / counts.sum() == pytest.approx(
        auroc(some.logits[:, 0], some.positive), abs=1e-12
    )


def test_bins_are_half_open_and_the_last_holds_its_upper_edge() -> None:
    theta = np.array([np.nan, 0.5, 1.0, 2.0, 3.0])
    positive = ~np.isnan(theta)
    some = Part(np.zeros((5, 1)), positive, theta, np.arange(5), np.full(5, -1))
    assert [each.auroc.n for each in radius_bins(some, EDGES, LEVEL)] == [1, 1, 2]
    with pytest.raises(ValueError, match="1 positives have an Einstein radius outside"):
        radius_bins(Part(np.zeros((5, 1)), positive, theta + 1, np.arange(5), np.full(5, -1)), EDGES, LEVEL)


def test_an_empty_bin_is_reported_and_never_a_number() -> None:
    some = part()
    bins = radius_bins(some.only(~(some.theta_E < 1)), EDGES, LEVEL)
    assert (bins[0].auroc.value, why(bins[0].auroc)) == (None, "no positive in this bin")


def test_reliance_is_the_drop_of_the_curve_and_nothing_below_the_floor() -> None:
    some = part()
    first, hidden = sensitivity_curve(some, LEVEL)
    found = core_reliance(some, 1, 0.6, LEVEL)
    assert first.value is not None and hidden.value is not None
    assert found.value == pytest.approx(first.value - hidden.value)
    assert found.low is not None and found.high is not None
    assert found.low < (found.value or 0) < found.high
    blind = Part(np.zeros_like(some.logits), some.positive, some.theta_E, some.groups, some.pairs)
    assert "below 0.75" in why(core_reliance(blind, 1, 0.75, LEVEL))


def test_a_model_that_ranks_all_with_and_without_the_core_is_not_certain_to_leave_it_alone() -> None:
    some = part()
    perfect = some.positive[:, None] * np.array([1.0, 2.0])
    found = core_reliance(Part(perfect, some.positive, some.theta_E, some.groups, some.pairs), 1, 0.6, LEVEL)
    assert found.value == 0
    assert found.low is not None and found.high is not None
    assert found.low < -0.01
    assert found.high > 0.01


def test_large_systems_keep_all_negatives() -> None:
    far = part().from_radius(2)
    assert (~far.positive).sum() == 200
    assert np.nanmin(far.theta_E) >= 2


def test_pairs_are_won_against_their_own_control() -> None:
    some = part()
    found = pair_win_rate(some, LEVEL)
    wins = some.logits[1::2, 0] > some.logits[::2, 0]
    assert found.value == pytest.approx(wins.mean())
    assert found.n == 200
    assert why(pair_win_rate(part(pairs=False), LEVEL)) == "the stamps come without pairs"
    torn = Part(some.logits[1:], some.positive[1:], some.theta_E[1:], some.groups[1:], some.pairs[1:])
    assert pair_win_rate(torn, LEVEL).n == 199  # half of a torn pair is left out
    wrong = Part(some.logits, ~some.positive, some.theta_E, np.arange(400), np.roll(some.pairs, 1))
    with pytest.raises(ValueError, match="one positive and one negative"):
        pair_win_rate(
            Part(wrong.logits, np.arange(400) < 200, wrong.theta_E, wrong.groups, some.pairs), LEVEL
        )


def test_one_class_has_no_ranking() -> None:
    some = part()
    found = ranking(some.only(some.positive), LEVEL)
    assert (found.value, found.status) == (None, "undefined")


def test_of_several_trainings_every_figure_is_a_mean_and_none_is_surer_of_one_said_twice() -> None:
    one, other = part(seed=1), part(seed=2)
    both = replace(one, logits=np.stack([one.logits, other.logits]))
    again = replace(one, logits=np.stack([one.logits, one.logits]))
    other = replace(one, logits=other.logits)
    figures: list[Callable[[Part], Estimate]] = [
        lambda some: ranking(some, LEVEL),
        lambda some: core_reliance(some, 1, 0.1, LEVEL),
        lambda some: pair_win_rate(some, LEVEL),
        lambda some: radius_bins(some, EDGES, LEVEL)[0].auroc,
    ]
    for figure in figures:
        single = figure(one)
        assert figure(both).value == pytest.approx(
            np.mean([figure(each).value or 0 for each in (one, other)])
        )
        assert (figure(again).low, figure(again).high) == pytest.approx((single.low, single.high))


RULES = GradeRules(
    core=GradeEdges(0.6, 0.65), radial=GradeEdges(0.55, 0.6), reliance=GradeEdges(0.03, 0.05), placebo=GradeEdges(0.55, 0.6),
    theta_E_least=GradeEdges(0.8, 0.7), theta_E_spread=GradeEdges(0.15, 0.2), auroc=GradeEdges(0.9, 0.9),
)  # fmt: skip


def estimate(value: float, half: float = 0.001) -> Estimate:
    return Estimate(value, value - half, value + half, 100)


def gate(value: float, half: float = 0.001) -> GateResult:
    return GateResult(value, value - half, value + half, value - half, value + half, 100, "ok")


GOOD = ModelGates(estimate(0.01), estimate(0.5), estimate(0.9), estimate(0.1), estimate(0.95))


def test_good_figures_pass_every_gate() -> None:
    assert set(vars(grades(gate(0.5), gate(0.5), GOOD, RULES)).values()) == {PASS}


def test_a_gate_below_one_half_is_a_leak_too() -> None:
    assert grades(gate(0.3), gate(0.47), GOOD, RULES).core is FAIL
    assert grades(gate(0.3), gate(0.44), GOOD, RULES).radial is WARN
    assert grades(gate(0.5, 0.2), gate(0.5), GOOD, RULES).core is WARN  # too few rows to pass


def test_einstein_radii_take_the_worse_of_two_grades() -> None:
    spread = ModelGates(GOOD.reliance, GOOD.placebo, GOOD.theta_E_least, estimate(0.25), GOOD.auroc)
    least = ModelGates(GOOD.reliance, GOOD.placebo, estimate(0.75), GOOD.theta_E_spread, GOOD.auroc)
    assert grades(gate(0.5), gate(0.5), spread, RULES).theta_E is FAIL
    assert grades(gate(0.5), gate(0.5), least, RULES).theta_E is WARN


def test_an_auroc_wholly_below_the_plans_edge_fails() -> None:
    for value, expected in ((0.95, PASS), (0.9, WARN), (0.8, FAIL)):
        model = ModelGates(
            GOOD.reliance, GOOD.placebo, GOOD.theta_E_least, GOOD.theta_E_spread, estimate(value, 0.02)
        )
        assert grades(gate(0.5), gate(0.5), model, RULES).auroc is expected


def test_clear_of_fail_asks_for_a_side_alone() -> None:
    sides = clear_of_fail(RULES)
    for value, expected in ((0.04, PASS), (0.0499, WARN), (0.06, FAIL)):
        model = ModelGates(estimate(value), GOOD.placebo, GOOD.theta_E_least, GOOD.theta_E_spread, GOOD.auroc)
        assert model_grades(model, sides)["reliance"] is expected


def test_what_is_undefined_has_no_grade() -> None:
    unknown = ModelGates(
        no_estimate(Claim("x")),
        no_estimate(Claim("x")),
        no_estimate(Claim("x")),
        GOOD.theta_E_spread,
        no_estimate(Claim("x")),
    )
    found = grades(undefined(10), gate(0.5), unknown, RULES)
    assert found.core is found.reliance is found.placebo is found.theta_E is found.auroc is None
    assert found.radial is PASS
