"""Every row of one variant judged, and the choice over the variants: what table, report and plots are made from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.detection.acceptance import AcceptanceRule
from methods.detection.adoption import (
    Adoption,
    AdoptionRule,
    Gain,
    Verdict,
    adopt,
    confirmation,
    gains_over,
    worst,
)
from methods.detection.evaluation import f1_draws, image_mean_draws, totals
from methods.detection.rows import CALIBRATED, Judged, judge
from methods.statistics.intervals import percentile_interval
from params.hybrid_calibrator import Compare
from storage.files.inputs import InputError
from tasks.hybrid_calibrator.comparison.tables import record
from tasks.hybrid_calibrator.model.scene import Variant


@dataclass(frozen=True)
class Compared:
    """One variant with every row judged; gains and table rows in the order of the rows.

    beaten: what is no calibrator but whose F1 gain over each of them on the report images has an interval above 0,
    with its least gain; beaten_at_optimum: the same where every row has the micro-F1 thresholds, for which no
    constraint holds. more_loss: per set of columns, how much more out-of-fold log-loss the control would have had
    with it on the train images, with its interval over images.
    """

    variant: Variant
    judged: list[Judged]
    gains: list[Gain]
    beaten: dict[str, Gain]
    beaten_at_optimum: dict[str, Gain]
    more_loss: dict[str, tuple[float, float, float]]
    table: pd.DataFrame

    @classmethod
    def of(cls, variant: Variant, params: Compare) -> "Compared":
        rule = AcceptanceRule(
            params.thresholds.optimum, params.thresholds.max_fp_per_tp, params.thresholds.min_recall,
            params.match_iou,
        )  # fmt: skip
        judged = [judge(row, variant.scene, rule, params.support_iou) for row in variant.rows]
        counts = [each.report_counts for each in judged]
        draws = f1_draws(counts, params.resamples, params.seed)
        gains = gains_over(variant.control, counts, draws, params.level)
        beaten = _beats_calibrators(judged, counts, draws, params)
        optimum_counts = [each.optimum_counts for each in judged]
        optimum_draws = f1_draws(optimum_counts, params.resamples, params.seed)
        at_optimum = _beats_calibrators(judged, optimum_counts, optimum_draws, params)
        records = [
            record(variant, each, gain, drawn, of_optimum[2], each.row.name in {*beaten, *at_optimum}, params)
            for each, gain, drawn, of_optimum in zip(judged, gains, draws, optimum_draws, strict=True)
        ]
        return cls(
            variant, judged, gains, beaten, at_optimum, _more_loss(variant, params), pd.DataFrame(records)
        )

    def counts(self, names: list[str], split: str) -> list[NDArray[np.int64]]:
        by_name = {each.row.name: each for each in self.judged}
        chosen = [by_name[name] for name in names]
        return [each.tune_counts if split == "tune" else each.report_counts for each in chosen]

    def above(self, chosen: str, listed: list[str], params: Compare) -> dict[str, dict[str, Gain]]:
        """Rows that are not listed and have a higher F1 on the tune images than the choice: gains there and on the
        report images."""
        names = [chosen, *(each.row.name for each in self.judged if each.row.name not in listed)]
        gains = {}
        for split in ("tune", "report"):
            counts = self.counts(names, split)
            drawn = f1_draws(counts, params.resamples, params.seed)
            gains[split] = gains_over(0, counts, drawn, params.level)
        return {
            name: {split: found[number] for split, found in gains.items()}
            for number, name in enumerate(names)
            if gains["tune"][number].f1 > 0
        }


def _beats_calibrators(
    judged: list[Judged], counts: list[NDArray[np.int64]], draws: NDArray[np.float64], params: Compare
) -> dict[str, Gain]:
    """Rows that are no calibrator, with the least of their gains where each one's interval lies above 0."""
    calibrated = [number for number, each in enumerate(judged) if each.row.tier == CALIBRATED]
    over = [gains_over(number, counts, draws, params.level) for number in calibrated]
    least = {
        each.row.name: min((found[number] for found in over), key=lambda gain: (gain.low > 0, gain.f1))
        for number, each in enumerate(judged)
        if each.row.tier != CALIBRATED
    }
    return {name: gain for name, gain in least.items() if gain.low > 0}


def _more_loss(variant: Variant, params: Compare) -> dict[str, tuple[float, float, float]]:
    used = variant.fitted["options"][variant.options[0]]["features"]
    names = [name for name in variant.train_loss if name != used]
    if not names:
        return {}
    more = np.stack([variant.train_loss[name] - variant.train_loss[used] for name in names], axis=1)
    images = int(variant.train_image.max()) + 1
    draws = image_mean_draws(more, variant.train_image, images, params.resamples, params.seed)
    low, high = percentile_interval(draws, params.level)
    return {
        name: (float(more[:, number].mean()), float(low[number]), float(high[number]))
        for number, name in enumerate(names)
    }


@dataclass(frozen=True)
class Decided:
    """names: the control and its challengers in the order of the rule; others: the other controls; per variant what
    it chose and why.

    reported: what the rule would choose on the report images, which only confirm. above: per variant the rows that
    are not among names and above the choice on the tune images.
    pooled is the choice over all variants together, where the variants disagree and the rule asks for it.
    """

    names: list[str]
    others: list[str]
    rule: AdoptionRule
    own: dict[str, Adoption]
    pooled: Adoption | None
    chosen: dict[str, int]
    reported: dict[str, Adoption]
    above: dict[str, dict[str, dict[str, Gain]]]
    verdicts: dict[str, Verdict]
    verdict: Verdict


def choose(compared: list[Compared], params: Compare) -> Decided:
    options = compared[0].variant.options
    facts = compared[0].variant.fitted["options"]
    names, others = [options[0], *params.adoption.challengers], params.adoption.other_controls
    _refuse(params.adoption.challengers, options[1:], "are no options besides the control")
    boosted = [name for name in options[1:] if "features" in facts[name]]
    _refuse(others, boosted, "are no boosted options besides the control")
    rule = AdoptionRule(
        params.adoption.max_precision_drop, params.adoption.min_recall_gain, params.level, params.resamples,
        params.seed,
    )  # fmt: skip

    def adopted(split: str, variants: list[Compared]) -> Adoption:
        counts = totals([each.counts([*names, *others], split) for each in variants])
        return adopt(counts[: len(names)], rule, counts[len(names) :])

    own = {each.variant.name: adopted("tune", [each]) for each in compared}
    pooled = None
    if params.adoption.variants == "pooled" and len({each.chosen for each in own.values()}) > 1:
        pooled = adopted("tune", compared)
    chosen = {name: pooled.chosen if pooled else each.chosen for name, each in own.items()}
    reported = {each.variant.name: adopted("report", compared if pooled else [each]) for each in compared}
    verdicts = {name: confirmation(chosen[name], found, rule) for name, found in reported.items()}
    above = {
        each.variant.name: each.above(names[chosen[each.variant.name]], names, params) for each in compared
    }
    return Decided(
        names, others, rule, own, pooled, chosen, reported, above, verdicts, worst(list(verdicts.values()))
    )


def _refuse(named: list[str], there: list[str], complaint: str) -> None:
    if missing := sorted(set(named) - set(there)):
        raise InputError(
            Path("params.yaml"), f"names {missing}, which {complaint}; there are {there}",
            field="hybrid_calibrator.compare.adoption",
        )  # fmt: skip
