"""The rule that adopts a challenger: gains that lie above 0, precision kept, and the two ways for a later one."""

import numpy as np
import pytest

from methods.detection.adoption import (
    Adoption,
    AdoptionRule,
    CountDraws,
    adopt,
    confirmation,
    gain,
    images_needed,
    interval_around,
    undecided_gain,
    worst,
)
from methods.statistics.joint_bootstrap import group_weights

RULE = AdoptionRule(max_precision_drop=0.01, min_recall_gain=0.02, level=0.95, min_images=20)
OBJECTS, IMAGES = 10, 300


def option(recall: float, precision: float, seed: int = 0, images: int = IMAGES) -> CountDraws:
    """Counts with these rates on average; one seed gives the same luck per object to all options."""
    rng = np.random.default_rng(seed)
    tp = (rng.random((IMAGES, OBJECTS)) < recall).sum(axis=1)
    false = 1 / precision - 1
    fp = (rng.random((IMAGES, OBJECTS)) < recall * false).sum(axis=1)
    counts = np.stack([tp, fp, OBJECTS - tp], axis=1)[:images, None, :].astype(np.int64)
    weights = np.concatenate(list(group_weights(images, 400, 1)))
    return CountDraws(counts, (weights @ counts[:, 0]).astype(np.float32))


CONTROL = option(0.7, 0.8)


@pytest.mark.parametrize(
    ("first", "second", "chosen", "reasons"),
    [
        (option(0.75, 0.8), option(0.75, 0.8), 1, ["F1", None]),
        (option(0.7, 0.8), option(0.75, 0.8), 2, [None, "F1"]),
        (option(0.75, 0.8), option(0.8, 0.8), 2, ["F1", "F1"]),
        (option(0.8, 0.75), option(0.7, 0.8), 0, [None, None]),
        (option(0.75, 0.85), option(0.78, 0.81), 2, ["F1", "recall"]),
        (option(0.6, 0.8), option(0.6, 0.9), 0, [None, None]),
    ],
    ids=["second equals", "only second", "each better", "precision lost", "recall", "both worse"],
)
def test_who_is_adopted_and_why(
    first: CountDraws, second: CountDraws, chosen: int, reasons: list[str | None]
) -> None:
    found = adopt([CONTROL, first, second], RULE)
    assert found.chosen == chosen
    assert [step.adopted_for for step in found.challenges] == reasons


def test_a_first_challenger_is_not_adopted_for_recall_alone() -> None:
    wide = AdoptionRule(0.5, 0.01, 0.95, 20)
    assert adopt([CONTROL, option(0.78, 0.7)], wide).chosen == 0


def test_identical_inputs_differ_by_exactly_zero() -> None:
    step = adopt([CONTROL, CONTROL], RULE).challenges[0]
    assert set(vars(step.over_control).values()) == {0.0}
    assert step.adopted_for is None


def test_a_gain_that_cannot_be_told_from_none_keeps_the_control() -> None:
    assert adopt([CONTROL, option(0.705, 0.8, seed=5)], RULE).chosen == 0


def test_a_challenger_holds_where_the_rule_adopts_it_again() -> None:
    better, worse, close = option(0.76, 0.8), option(0.6, 0.8), option(0.702, 0.8)
    assert confirmation(1, adopt([CONTROL, better], RULE), RULE) == "holds"
    assert confirmation(1, adopt([CONTROL, worse], RULE), RULE) == "does not hold"
    assert confirmation(1, adopt([CONTROL, close], RULE), RULE) == "cannot tell"


def test_the_control_holds_only_where_every_challenger_is_shown_to_be_worse() -> None:
    better, worse, close = option(0.76, 0.8), option(0.6, 0.8), option(0.702, 0.8)
    assert confirmation(0, adopt([CONTROL, worse, worse], RULE), RULE) == "holds"
    assert confirmation(0, adopt([CONTROL, worse, close], RULE), RULE) == "cannot tell"
    assert confirmation(0, adopt([CONTROL, worse, better], RULE), RULE) == "does not hold"
    assert confirmation(0, adopt([CONTROL], RULE), RULE) == "cannot tell"


def test_two_images_cannot_confirm_the_control() -> None:
    few = adopt([option(0.7, 0.8, images=2), option(0.9, 0.7, seed=3, images=2)], RULE)
    assert confirmation(0, few, RULE) == "cannot tell"


def test_a_precision_that_only_seems_too_low_refutes_nothing() -> None:
    found = adopt([option(0.7, 0.8, images=30), option(0.74, 0.78, seed=9, images=30)], RULE)
    step = found.challenges[0]
    assert not step.precise
    assert step.over_control.precision_low < -RULE.max_precision_drop < step.over_control.precision_high
    assert confirmation(1, found, RULE) == "cannot tell"


def test_a_challenger_has_to_beat_every_model_that_could_be_the_control() -> None:
    challenger, other = option(0.75, 0.8), option(0.75, 0.8, seed=4)
    assert adopt([CONTROL, challenger], RULE).chosen == 1
    found = adopt([CONTROL, challenger], RULE, [other])
    assert (found.chosen, found.challenges[0].adopted_for) == (0, None)
    assert found.challenges[0].over_control.low > 0 >= found.challenges[0].over_others[0].low
    assert adopt([CONTROL, challenger], RULE, [CONTROL]).chosen == 1


def test_more_images_would_put_the_interval_on_one_side() -> None:
    step = adopt([CONTROL, option(0.705, 0.8, seed=5)], RULE).challenges[0]
    gain = undecided_gain(step, RULE)
    assert gain == step.over_control
    needed = images_needed(gain, IMAGES, 0.95, 0.8)
    assert needed is not None and needed > IMAGES
    half = (images_needed(gain, IMAGES, 0.95, 0.5) or 0) / needed
    assert half == pytest.approx(1.96**2 / (1.96 + 0.842) ** 2, abs=0.02)
    assert undecided_gain(adopt([CONTROL, option(0.76, 0.8)], RULE).challenges[0], RULE) is None
    assert (
        images_needed(adopt([CONTROL, CONTROL], RULE).challenges[0].over_control, IMAGES, 0.95, 0.8) is None
    )


def test_a_first_challenger_holds_also_where_a_later_one_does_better() -> None:
    report = adopt([CONTROL, option(0.75, 0.8), option(0.82, 0.8)], RULE)
    assert report.chosen == 2
    assert confirmation(1, report, RULE) == "holds"


def test_the_worst_verdict_speaks_for_all() -> None:
    assert worst(["holds", "cannot tell"]) == "cannot tell"
    assert worst(["cannot tell", "does not hold", "holds"]) == "does not hold"


def test_too_few_images_adopt_nothing_and_confirm_nothing() -> None:
    control, better = (option(recall, 0.8, images=19) for recall in (0.4, 0.9))
    found = adopt([control, better], RULE)
    assert found.challenges[0].over_control.low > 0
    assert found.chosen == 0
    assert confirmation(1, found, RULE) == "cannot tell"
    enough = Adoption(found.chosen, adopt([option(0.4, 0.8), option(0.9, 0.8)], RULE).challenges, 300)
    assert confirmation(1, enough, RULE) == "holds"


def test_an_interval_lies_about_its_value_whatever_the_draws_lost() -> None:
    draws = np.random.default_rng(0).normal(0.5, 0.1, 4000)
    low, high = interval_around(np.array(0.8), draws, 0.95)
    assert (float(low), float(high)) == pytest.approx((0.8 - 0.196, 0.8 + 0.196), abs=0.01)
    over = gain(CONTROL, CONTROL, 0.95)
    assert set(vars(over).values()) == {0.0}
