"""Every row of one variant by the one evaluator: what choice, table and plots are made from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.detection.acceptance import AcceptanceRule
from methods.detection.adoption import Gain, gains_over
from methods.detection.evaluation import f1_draws, image_mean_draws
from methods.detection.rows import CALIBRATED, DetectionEvaluation, evaluate
from methods.statistics.intervals import percentile_interval
from params.hybrid_calibrator import Compare
from tasks.hybrid_calibrator.model.scene import DetectionVariant

Draws = NDArray[np.float64]


@dataclass(frozen=True)
class VariantEvaluation:
    """One variant; gains and draws in the order of the rows.

    draws (rows, 3, resamples): precision, recall and F1 on the report images; optimum_draws: the same where every row
    has the micro-F1 thresholds, for which no constraint holds. ahead: what is no calibrator but whose F1 gain over
    each of them on the report images has an interval above 0, with its least gain; ahead_at_optimum: the same at
    those thresholds. more_loss: per set of columns, how much more out-of-fold log-loss the control would have had
    with it on the train images, with its interval over images.
    """

    variant: DetectionVariant
    rows: list[DetectionEvaluation]
    gains: list[Gain]
    draws: Draws
    optimum_draws: Draws
    ahead: dict[str, Gain]
    ahead_at_optimum: dict[str, Gain]
    more_loss: dict[str, tuple[float, float, float]]

    @classmethod
    def of(cls, variant: DetectionVariant, params: Compare) -> "VariantEvaluation":
        limits = params.thresholds
        rule = AcceptanceRule(limits.optimum, limits.max_fp_per_tp, limits.min_recall, params.match_iou)
        rows = [evaluate(row, variant.scene, rule, params.support_iou) for row in variant.rows]
        counts, optimum_counts = [each.report_counts for each in rows], [each.optimum_counts for each in rows]
        draws, optimum_draws = (
            f1_draws(each, params.resamples, params.seed) for each in (counts, optimum_counts)
        )
        return cls(
            variant, rows, gains_over(variant.control, counts, draws, params.level), draws, optimum_draws,
            _ahead(rows, counts, draws, params.level), _ahead(rows, optimum_counts, optimum_draws, params.level),
            _more_loss(variant, params),
        )  # fmt: skip

    @property
    def name(self) -> str:
        return self.variant.name

    def counts(self, names: list[str], split: str) -> list[NDArray[np.int64]]:
        by_name = {each.row.name: each for each in self.rows}
        return [
            by_name[name].tune_counts if split == "tune" else by_name[name].report_counts for name in names
        ]


def _ahead(
    rows: list[DetectionEvaluation], counts: list[NDArray[np.int64]], draws: Draws, level: float
) -> dict[str, Gain]:
    calibrated = [number for number, each in enumerate(rows) if each.row.tier == CALIBRATED]
    over = [gains_over(number, counts, draws, level) for number in calibrated]
    least = {
        each.row.name: min((gains[number] for gains in over), key=lambda gain: (gain.low > 0, gain.f1))
        for number, each in enumerate(rows)
        if each.row.tier != CALIBRATED
    }
    return {name: gain for name, gain in least.items() if gain.low > 0}


def _more_loss(variant: DetectionVariant, params: Compare) -> dict[str, tuple[float, float, float]]:
    used = variant.facts["options"][variant.options[0]]["features"]
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
