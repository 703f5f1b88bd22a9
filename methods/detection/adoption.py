"""Is a challenger adopted in place of the control? By paired F1, precision and recall over the same images."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from methods.detection.evaluation import f1_draws, micro
from methods.statistics.intervals import percentile_interval
from methods.statistics.sample_sizes import scaled_size

Index = NDArray[np.int64]
Draws = NDArray[np.float64]
Verdict = Literal["holds", "does not hold", "cannot tell"]


@dataclass(frozen=True)
class Gain:
    """One option's micro rates minus another's on the same images; low and high are of its F1."""

    f1: float
    low: float
    high: float
    precision: float
    precision_low: float
    precision_high: float
    recall: float
    recall_low: float
    recall_high: float


@dataclass(frozen=True)
class Challenge:
    """One step of the rule; over_first is None for the first challenger, whom nobody came before.

    over_others: over the other controls, in their order. precise: by its point estimate.
    """

    challenger: int
    incumbent: int
    over_control: Gain
    over_incumbent: Gain
    over_first: Gain | None
    over_others: list[Gain]
    adopted_for: Literal["F1", "recall"] | None
    precise: bool


@dataclass(frozen=True)
class Adoption:
    chosen: int
    challenges: list[Challenge]


@dataclass(frozen=True)
class AdoptionRule:
    max_precision_drop: float
    min_recall_gain: float
    level: float
    resamples: int
    seed: int


def adopt(counts: list[Index], rule: AdoptionRule, others: list[Index] | None = None) -> Adoption:
    """counts: (images, classes, 3) of the control, then of each challenger, simpler ones first; others: of the
    models that might as well have been the control.

    The first challenger is adopted if the intervals of its F1 gains over the control and over all others lie above
    0. A later one if that holds for these, the choice so far and the first challenger; or if its recall is at least
    `min_recall_gain` above that of the choice so far and of all others, and the interval of its F1 gain over none of
    them lies below 0. Neither with a precision more than `max_precision_drop` below the control's.
    """
    gains = _Gains([*counts, *(others or [])], rule)
    chosen, challenges = 0, []
    for challenger in range(1, len(counts)):
        over_control, over_incumbent = gains.of(challenger, 0), gains.of(challenger, chosen)
        over_first = gains.of(challenger, 1) if challenger > 1 else None
        over_others = [gains.of(challenger, other) for other in range(len(counts), len(gains.counts))]
        precise = over_control.precision >= -rule.max_precision_drop - 1e-12
        beaten = [over_control, over_incumbent, *([over_first] if over_first else []), *over_others]
        reason: Literal["F1", "recall"] | None = None
        if precise and all(gain.low > 0 for gain in beaten):
            reason = "F1"
        elif (
            precise
            and over_first
            and all(_recalls_more(gain, rule) for gain in (over_incumbent, *over_others))
        ):
            reason = "recall"
        challenges.append(
            Challenge(
                challenger, chosen, over_control, over_incumbent, over_first, over_others, reason, precise
            )
        )
        chosen = challenger if reason else chosen
    return Adoption(chosen, challenges)


def _recalls_more(gain: Gain, rule: AdoptionRule) -> bool:
    return gain.recall >= rule.min_recall_gain and gain.high >= 0


def confirmation(chosen: int, report: Adoption, rule: AdoptionRule) -> Verdict:
    """Does a choice that other images made hold on these?

    A challenger holds where it is adopted here as well (for recall: with an interval above 0), and does not where it
    is refuted. The control holds where every challenger is refuted, and does not where one is adopted.
    """
    if chosen == 0:
        if any(_adopted(step) for step in report.challenges):
            return "does not hold"
        refuted = [_refuted(step, rule) for step in report.challenges]
        return "holds" if refuted and all(refuted) else "cannot tell"
    step = report.challenges[chosen - 1]
    if _adopted(step):
        return "holds"
    return "does not hold" if _refuted(step, rule) else "cannot tell"


def _adopted(step: Challenge) -> bool:
    return step.adopted_for == "F1" or (step.adopted_for == "recall" and step.over_incumbent.recall_low > 0)


def _refuted(step: Challenge, rule: AdoptionRule) -> bool:
    """An interval that lies beyond what the rule allows: a worse F1, or too low a precision."""
    worse = any(gain.high < 0 for gain in (step.over_control, *step.over_others))
    return worse or step.over_control.precision_high < -rule.max_precision_drop


def undecided_gain(step: Challenge, rule: AdoptionRule) -> Gain | None:
    """The least F1 gain over the control and its like where neither side is shown: what more images would decide."""
    if _adopted(step) or _refuted(step, rule):
        return None
    return min((step.over_control, *step.over_others), key=lambda gain: gain.f1)


def images_needed(gain: Gain, images: int, level: float, power: float) -> int | None:
    """How many put the interval on one side of 0 with this power, if the gain stays; None where it is 0, or where
    the interval lies on one side as it is."""
    if gain.low > 0 or gain.high < 0:
        return None
    half = gain.f1 - gain.low if gain.f1 > 0 else gain.high - gain.f1
    return scaled_size(images, gain.f1, half, level, power)


def worst(verdicts: list[Verdict]) -> Verdict:
    order: list[Verdict] = ["does not hold", "cannot tell", "holds"]
    return min(verdicts, key=order.index)


def gains_over(control: int, counts: list[Index], draws: Draws, level: float) -> list[Gain]:
    """Of each option; draws (options, 3, resamples) as of `f1_draws`. Of the control itself exactly 0."""
    rates = [micro(each) for each in counts]
    base = rates[control]
    found = []
    for rate, drawn in zip(rates, draws, strict=True):
        low, high = percentile_interval((drawn - draws[control]).T, level)
        found.append(
            Gain(
                rate.f1 - base.f1, float(low[2]), float(high[2]),
                rate.precision - base.precision, float(low[0]), float(high[0]),
                rate.recall - base.recall, float(low[1]), float(high[1]),
            )
        )  # fmt: skip
    return found


class _Gains:
    def __init__(self, counts: list[Index], rule: AdoptionRule) -> None:
        self.counts, self.level = counts, rule.level
        self.draws = f1_draws(counts, rule.resamples, rule.seed)

    def of(self, option: int, other: int) -> Gain:
        pair = [other, option]
        return gains_over(0, [self.counts[i] for i in pair], self.draws[pair], self.level)[1]
