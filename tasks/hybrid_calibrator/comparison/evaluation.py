"""Every row of one variant by the one evaluator: what choice, table and plots are made from."""

from dataclasses import dataclass

import numpy as np

from methods.detection.acceptance import AcceptanceRule
from methods.detection.adoption import CountDraws, Gain, gain
from methods.detection.evaluation import image_mean_draws
from methods.detection.rows import CALIBRATED, DetectionEvaluation, EvaluationRule, SceneDraws, evaluate
from methods.statistics.intervals import percentile_interval
from params.hybrid_calibrator import Compare
from tasks.hybrid_calibrator.model.scene import DetectionVariant


@dataclass(frozen=True)
class VariantEvaluation:
    """One variant; gains over the control on the report images, in the order of the rows.

    ahead: what is no calibrator but whose F1 gain over each of them on the report images has an interval above 0, with
    its least gain; ahead_at_optimum: the same where every row has the micro-F1 optimum, for which no constraint holds.
    more_loss: per set of columns, how much more out-of-fold log-loss the control would have had with it on the train
    images, with its interval over images.
    """

    variant: DetectionVariant
    rows: list[DetectionEvaluation]
    gains: list[Gain]
    ahead: dict[str, Gain]
    ahead_at_optimum: dict[str, Gain]
    more_loss: dict[str, tuple[float, float, float]]

    @classmethod
    def of(cls, variant: DetectionVariant, params: Compare) -> "VariantEvaluation":
        limits = params.thresholds
        acceptance = AcceptanceRule(limits.optimum, limits.max_fp_per_tp, limits.min_recall, params.match_iou)
        weakest_first = sorted(params.nms_ious, reverse=True)
        rule = EvaluationRule(acceptance, weakest_first, params.support_iou)
        draws = SceneDraws.of(variant.scene, params.resamples, params.seed)
        rows = [evaluate(row, variant.scene, draws, rule) for row in variant.rows(params)]
        control = next(each for each in rows if each.tier == CALIBRATED).report
        return cls(
            variant, rows, [gain(each.report, control, params.level) for each in rows],
            _ahead(rows, [each.report for each in rows], params.level),
            _ahead(rows, [each.optimum for each in rows], params.level),
            _more_loss(variant, params),
        )  # fmt: skip

    @property
    def name(self) -> str:
        return self.variant.name

    def images(self, split: str) -> int:
        return len(self.rows[0].tune.counts if split == "tune" else self.rows[0].report.counts)

    def counts(self, names: list[str], split: str) -> list[CountDraws]:
        by_name = {each.name: each for each in self.rows}
        return [by_name[name].tune if split == "tune" else by_name[name].report for name in names]


def _ahead(rows: list[DetectionEvaluation], counts: list[CountDraws], level: float) -> dict[str, Gain]:
    calibrated = [each for row, each in zip(rows, counts, strict=True) if row.tier == CALIBRATED]
    least = {
        row.name: min(
            (gain(each, other, level) for other in calibrated), key=lambda found: (found.low > 0, found.f1)
        )
        for row, each in zip(rows, counts, strict=True)
        if row.tier != CALIBRATED
    }
    return {name: found for name, found in least.items() if found.low > 0}


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
