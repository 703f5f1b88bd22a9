"""Is a challenger adopted in place of the control? By paired F1, precision and recall over the same images."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from methods.detection.evaluation import rates
from methods.statistics.intervals import percentile_interval
from methods.statistics.sample_sizes import scaled_size

Index = NDArray[np.int64]
Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Verdict = Literal["holds", "does not hold", "cannot tell"]


@dataclass(frozen=True)
class CountDraws:
    """counts (images, classes, 3); draws (resamples, 3): TP, FP, FN of draws of whole images, each with thresholds that it
    tuned itself. Draws of all options are of the same images."""

    counts: Index
    draws: Singles

    @property
    def sums(self) -> Index:
        return np.asarray(self.counts.sum(axis=(0, 1)))


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
    """images: how many the counts were of."""

    chosen: int
    challenges: list[Challenge]
    images: int


@dataclass(frozen=True)
class AdoptionRule:
    max_precision_drop: float
    min_recall_gain: float
    level: float
    min_images: int


def adopt(options: list[CountDraws], rule: AdoptionRule, others: list[CountDraws] | None = None) -> Adoption:
    """options: the control, then each challenger, simpler ones first; others: the models that might as well have been the
    control. From fewer than `min_images` images none is adopted.

    The first challenger is adopted if the intervals of its F1 gains over the control and over all others lie above
    0. A later one if that holds for these, the choice so far and the first challenger; or if its recall is at least
    `min_recall_gain` above that of the choice so far and of all others, and the interval of its F1 gain over none of
    them lies below 0. Neither with a precision more than `max_precision_drop` below the control's.
    """
    images = len(options[0].counts)
    enough, chosen, challenges = images >= rule.min_images, 0, []
    for challenger in range(1, len(options)):

        def gain_over(other: CountDraws, own: CountDraws = options[challenger]) -> Gain:
            return gain(own, other, rule.level)

        over_control, over_incumbent = gain_over(options[0]), gain_over(options[chosen])
        over_first = gain_over(options[1]) if challenger > 1 else None
        over_others = [gain_over(other) for other in others or []]
        precise = over_control.precision >= -rule.max_precision_drop - 1e-12
        beaten = [over_control, over_incumbent, *([over_first] if over_first else []), *over_others]
        reason: Literal["F1", "recall"] | None = None
        if enough and precise and all(each.low > 0 for each in beaten):
            reason = "F1"
        elif (
            enough
            and precise
            and over_first
            and all(_recalls_more(each, rule) for each in (over_incumbent, *over_others))
        ):
            reason = "recall"
        challenges.append(
            Challenge(
                challenger, chosen, over_control, over_incumbent, over_first, over_others, reason, precise
            )
        )
        chosen = challenger if reason else chosen
    return Adoption(chosen, challenges, images)


def _recalls_more(gain: Gain, rule: AdoptionRule) -> bool:
    return gain.recall >= rule.min_recall_gain and gain.high >= 0


def confirmation(chosen: int, report: Adoption, rule: AdoptionRule) -> Verdict:
    """Does a choice that other images made hold on these? Fewer than `min_images` cannot tell.

    A challenger holds where it is adopted here as well (for recall: with an interval above 0), and does not where it
    is refuted. The control holds where every challenger is refuted, and does not where one is adopted.
    """
    if report.images < rule.min_images:
        return "cannot tell"
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


def gain(option: CountDraws, other: CountDraws, level: float) -> Gain:
    """Of a row over itself exactly 0."""
    value = rates(option.sums) - rates(other.sums)
    low, high = interval_around(value, rates(option.draws) - rates(other.draws), level)
    (p, r, f1), (p_low, r_low, low), (p_high, r_high, high) = (each.tolist() for each in (value, low, high))
    return Gain(f1, low, high, p, p_low, p_high, r, r_low, r_high)


def interval_around(value: Floats, draws: Floats, level: float) -> tuple[Floats, Floats]:
    """Percentiles of draws (resamples, ...) less their mean, about the value: what draws tune on fewer distinct images
    lowers all their rates."""
    low, high = percentile_interval(draws, level)
    shift = value - draws.mean(axis=0)
    return np.minimum(low + shift, value), np.maximum(high + shift, value)


def totals(variants: list[list[CountDraws]]) -> list[CountDraws]:
    """Per option the counts of several variants of the same images, added image by image and draw by draw."""
    return [
        CountDraws(
            np.sum([each.counts for each in own], axis=0), np.sum([each.draws for each in own], axis=0)
        )
        for own in zip(*variants, strict=True)
    ]
