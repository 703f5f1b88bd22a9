"""The tree answers in every cell, keeps the plan's leaves, and has a reason for those that the plan left open."""

from itertools import product

import pytest

from methods.shortcuts.claims import Claim
from methods.shortcuts.decision_tree import (
    FAIL,
    PASS,
    WARN,
    GateGrade,
    Gates,
    Grades,
    Leaf,
    MaskVariant,
    Outcome,
    decide,
    grade_above,
    grade_below,
    worst,
)
from tasks.report.templates import Reason, sentences

ALL = list(GateGrade)
GOOD = Grades(PASS, PASS, PASS, PASS, PASS, PASS)


def grades(**changes: GateGrade | None) -> Grades:
    return Grades(**{**vars(GOOD), **changes})


def words(found: Outcome) -> list[str]:
    """Its leaf, its reason, and its path as people read them."""
    claims = [Reason(*claim) for claim in found.claims]
    return sentences("tasks/lens_shortcuts/comparison/reasons.j2", claims)


def leaf(**changes: GateGrade | None) -> Leaf:
    return decide(grades(**changes), None, "placebo").leaf


def test_every_cell_of_the_baseline_has_a_leaf_a_reason_and_a_path() -> None:
    leaves: dict[tuple[GateGrade, ...], Leaf] = {}
    for cell in product(ALL, repeat=6):
        found = decide(Grades(*cell), None, "placebo")
        assert found.leaf in Leaf
        assert all(words(found))
        assert found.path
        assert (found.chosen == "B1") == (found.leaf in (Leaf.SUCCESS, Leaf.MONITOR))
        leaves[cell] = found.leaf
    assert len(leaves) == 3**6
    assert set(leaves.values()) == {
        Leaf.SUCCESS, Leaf.MONITOR, Leaf.TEST_MASKS, Leaf.REDESIGN, Leaf.NEEDS_RANKING, Leaf.NEEDS_UNUSED, Leaf.NEEDS_UNKNOWN, Leaf.NEEDS_SIZES,
    }  # fmt: skip
    assert sum(found == Leaf.SUCCESS for found in leaves.values()) == 1


ASKS = grades(core=FAIL, reliance=FAIL)
ANY: tuple[GateGrade | None, ...] = (PASS, WARN, FAIL, None)


def variant(of: Grades, spread: float | None = 0.1, half: float = 0.001, hidden: float = 1) -> MaskVariant:
    return MaskVariant(of, None if spread is None else (spread - half, spread, spread + half), hidden)


@pytest.mark.parametrize("mode", ["placebo", "plan"])
def test_every_cell_of_one_variant_has_a_leaf(mode: Gates) -> None:
    seen: set[Leaf] = set()
    for cell in product(ANY, repeat=5):
        core, reliance, placebo, theta_E, auroc = cell
        of = Grades(core, PASS, reliance, placebo, theta_E, auroc)
        found = decide(ASKS, {"B2": variant(of)}, mode)
        assert found.leaf in Leaf
        assert all(words(found))
        passes = (
            reliance is PASS and placebo in (PASS, WARN) and theta_E in (PASS, WARN) and auroc in (PASS, WARN)
            and (mode == "placebo" or core is PASS)
        )  # fmt: skip
        assert (found.leaf == Leaf.CHOOSE_BY_SPREAD) == (found.chosen == "B2") == passes
        if found.leaf == Leaf.NEEDS_MILDER:  # it says that something is lost, so something has to be
            assert FAIL in (theta_E, auroc)
        if found.leaf == Leaf.SHORTCUT:
            assert FAIL in (reliance, placebo, core)
        seen.add(found.leaf)
    assert seen == {Leaf.CHOOSE_BY_SPREAD, Leaf.SHORTCUT, Leaf.NEEDS_EVIDENCE, Leaf.NEEDS_MILDER}


@pytest.mark.parametrize("mode", ["placebo", "plan"])
def test_every_cell_of_two_variants_has_a_leaf(mode: Gates) -> None:
    cells = [
        Grades(core, PASS, reliance, placebo, theta_E, auroc)
        for core, reliance, placebo, theta_E, auroc in product(
            (PASS, FAIL), ANY, ANY, ANY, (PASS, FAIL, None)
        )
    ]
    seen: set[Leaf] = set()
    for b2, b3 in product(cells, repeat=2):
        if b2.core is b3.core:  # a data gate is one and the same for all variants
            found = decide(ASKS, {"B2": variant(b2), "B3": variant(b3)}, mode)
            assert found.leaf in Leaf
            assert (found.chosen is not None) == (
                found.leaf in (Leaf.CHOOSE_SCHEDULED, Leaf.CHOOSE_BY_SPREAD)
            )
            seen.add(found.leaf)
    assert seen == {
        Leaf.CHOOSE_SCHEDULED,
        Leaf.CHOOSE_BY_SPREAD,
        Leaf.SHORTCUT,
        Leaf.NEEDS_EVIDENCE,
        Leaf.NEEDS_MILDER,
    }


def test_an_undefined_gate_never_passes() -> None:
    for gate in vars(GOOD):
        found = decide(grades(**{gate: None}), None, "placebo")
        assert found.leaf == Leaf.NEEDS_GATE
        assert found.reason == Claim("needs_gate", {"gates": [gate]})
        assert f"undefined: {gate};" in words(found)[1]
        assert found.chosen is None


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ({}, Leaf.SUCCESS),
        ({"theta_E": WARN}, Leaf.MONITOR),
        ({"core": WARN, "reliance": WARN}, Leaf.MONITOR),
        ({"reliance": FAIL}, Leaf.TEST_MASKS),
        ({"core": FAIL, "reliance": WARN}, Leaf.TEST_MASKS),
        ({"core": FAIL, "placebo": WARN}, Leaf.TEST_MASKS),
        ({"core": FAIL}, Leaf.NEEDS_UNUSED),
        ({"radial": FAIL, "core": FAIL, "reliance": FAIL}, Leaf.REDESIGN),
        ({"radial": FAIL, "reliance": None}, Leaf.REDESIGN),
        ({"auroc": FAIL, "reliance": None}, Leaf.NEEDS_RANKING),
        ({"placebo": FAIL}, Leaf.NEEDS_UNKNOWN),
        ({"theta_E": FAIL}, Leaf.NEEDS_SIZES),
    ],
)
def test_cells_that_matter(cell: dict[str, GateGrade | None], expected: Leaf) -> None:
    assert leaf(**cell) == expected


def test_b3_comes_before_the_others_and_these_are_chosen_by_spread() -> None:
    first = {"B2": variant(GOOD, 0.2), "B3": variant(GOOD, 0.3), "B4": variant(GOOD, 0.1)}
    assert decide(ASKS, first, "placebo").chosen == "B3"
    found = decide(ASKS, {**first, "B3": variant(grades(reliance=FAIL), 0.0)}, "placebo")
    assert (found.leaf, found.chosen) == (Leaf.CHOOSE_BY_SPREAD, "B4")
    assert "B4 has the least spread" in words(found)[1]


def test_spreads_that_are_not_distinguishable_choose_nothing_and_the_milder_mask_is_taken() -> None:
    variants = {"B2": variant(GOOD, 0.09, 0.05, hidden=39), "B4": variant(GOOD, 0.11, 0.05, hidden=8)}
    found = decide(ASKS, variants, "placebo")
    assert (found.leaf, found.chosen) == (Leaf.CHOOSE_BY_SPREAD, "B4")
    _, reason, *path = words(found)
    assert "B2 and B4 are not distinguishable; of these B4 hides least" in reason
    assert any("B2 0.090 [0.040, 0.140]" in step and "not distinguishable" in step for step in path)
    alike = {name: variant(GOOD, 0.1, hidden=8) for name in ("B4", "B2")}
    assert decide(ASKS, alike, "placebo").chosen == "B2"  # the name, where nothing else is left
    unknown = {"B2": variant(GOOD, None, hidden=39), "B4": variant(GOOD, 0.1, hidden=8)}
    assert decide(ASKS, unknown, "placebo").chosen == "B4"
    assert "undefined" in " ".join(words(decide(ASKS, unknown, "placebo")))


def test_a_spread_that_is_told_apart_leaves_the_contest_however_mild() -> None:
    variants = {
        "B2": variant(GOOD, 0.05, 0.02, hidden=39), "B4": variant(GOOD, 0.06, 0.02, hidden=20),
        "B5": variant(GOOD, 0.2, 0.02, hidden=1),
    }  # fmt: skip
    found = decide(ASKS, variants, "placebo")
    assert found.chosen == "B4"
    assert "B5" not in words(found)[1]


def test_the_only_one_that_passes_is_chosen_without_a_contest() -> None:
    variants = {"B2": variant(grades(reliance=WARN)), "B4": variant(GOOD, 0.3)}
    found = decide(ASKS, variants, "placebo")
    assert (found.chosen, words(found)[1]) == ("B4", "B4 is the only one that passes")


def test_in_the_plans_mode_no_variant_passes_a_core_gate_that_failed() -> None:
    variants = {name: variant(grades(core=FAIL)) for name in ("B2", "B3", "B4")}
    found = decide(ASKS, variants, "plan")
    assert found.leaf == Leaf.SHORTCUT
    assert "no mask can change the core data gate" in words(found)[1]
    assert decide(ASKS, variants, "placebo").chosen == "B3"


def test_variants_do_not_change_an_answer_that_did_not_ask_for_them() -> None:
    variants = {"B3": variant(GOOD)}
    assert decide(GOOD, variants, "placebo").chosen == "B1"


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (0.50, 0.45, 0.59, PASS),
        (0.50, 0.45, 0.60, WARN),  # the interval reaches the edge
        (0.60, 0.60, 0.60, WARN),  # edges belong to WARN
        (0.62, 0.61, 0.64, WARN),
        (0.65, 0.65, 0.65, WARN),
        (0.70, 0.64, 0.80, WARN),
        (0.70, 0.66, 0.80, FAIL),
    ],
)
def test_edges_are_half_open_and_straddling_is_warn(
    value: float, low: float, high: float, expected: GateGrade
) -> None:
    assert grade_below(value, low, high, 0.60, 0.65) is expected
    assert grade_above(-value, -high, -low, -0.60, -0.65) is expected


def test_a_value_outside_its_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="low <= value <= high"):
        grade_below(0.7, 0.4, 0.6, 0.6, 0.65)


def test_the_worst_of_nothing_known_is_unknown() -> None:
    assert worst([PASS, FAIL, WARN]) is FAIL
    assert worst([PASS, None]) is None
    assert worst([]) is None
