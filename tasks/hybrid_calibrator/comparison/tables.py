"""table.csv, a row per option with every figure on the report images and its interval over images; side_by_side.csv."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.calibration.calibration_error import expected_calibration_error, width_bin
from methods.detection.adoption import CountDraws, interval_around
from methods.detection.evaluation import (
    image_mean_draws,
    macro,
    mean_draws,
    rates,
    row_brier,
    row_log_loss,
)
from methods.detection.rows import CALIBRATED, DetectionEvaluation
from methods.statistics.intervals import percentile_interval
from params.hybrid_calibrator import Compare
from tasks.hybrid_calibrator.comparison.evaluation import VariantEvaluation
from tasks.hybrid_calibrator.model.scene import DetectionVariant

SIDE_BY_SIDE = (
    "tp", "fp", "fn", "precision", "recall", "f1", "macro_f1", "delta_f1", "ap50", "ap", "recall_of_ceiling",
    "sam_only_share", "log_loss",
)  # fmt: skip
ENDS = ("", "_low", "_high")


def table(evaluations: list[VariantEvaluation], params: Compare) -> pd.DataFrame:
    return pd.DataFrame(
        [_record(each, number, params) for each in evaluations for number in range(len(each.rows))]
    )


def side_by_side(table: pd.DataFrame) -> pd.DataFrame:
    """A row per option, a column per figure and variant."""
    tables = {str(name): rows.set_index("option") for name, rows in table.groupby("variant", sort=False)}
    columns = {f"{figure} {name}": rows[figure].astype(float) for figure in SIDE_BY_SIDE for name, rows in tables.items()}  # fmt: skip
    return pd.DataFrame(columns).reindex(table["option"].unique()).rename_axis("option").reset_index()


def _record(each: VariantEvaluation, number: int, params: Compare) -> dict[str, Any]:
    row, gain, name = each.rows[number], each.gains[number], each.rows[number].name
    counts, calibrated = row.report.counts, row.tier == CALIBRATED
    means = macro(counts)
    tp, fp, fn = row.report.sums.tolist()
    record: dict[str, Any] = {
        "variant": each.name, "option": name, "tier": row.tier, "nms_iou": row.nms_iou, "images": len(counts),
        "ground_truth": tp + fn, "tp": tp, "fp": fp, "fn": fn,
    }  # fmt: skip
    report, optimum, tune = (_rates(each, params.level) for each in (row.report, row.optimum, row.tune))
    for rate in ("precision", "recall", "f1"):
        record |= _named(rate, report[rate])
    record |= {"macro_precision": means.precision, "macro_recall": means.recall}
    low, high = interval_around(np.array(means.f1), row.macro_f1_draws, params.level)
    record |= _named("macro_f1", (means.f1, max(float(low), 0.0), min(float(high), 1.0)))
    record |= {"delta_f1": gain.f1, "delta_f1_low": gain.low, "delta_f1_high": gain.high}
    for rate in ("precision", "recall"):
        record |= {f"delta_{rate}{end}": getattr(gain, f"{rate}{end}") for end in ENDS}
    record["beats_every_calibrator"] = None if calibrated else name in {*each.ahead, *each.ahead_at_optimum}
    record |= {"ap50": row.average_precision, "ap": row.mean_average_precision}
    record |= {f"error_{kind}": count for kind, count in vars(row.errors).items()}
    record |= _named("micro_optimum_f1", optimum["f1"])
    record["tune_images"] = len(row.tune.counts)
    record |= _named("tune_f1", tune["f1"])
    record |= {"ceiling": row.ceiling, "recall_of_ceiling": row.recall_of_ceiling}
    record |= _shares(each.variant, row, params)
    return record | _probability_columns(each.variant, name, len(counts), params)


def _shares(variant: DetectionVariant, row: DetectionEvaluation, params: Compare) -> dict[str, Any]:
    """Of the accepted boxes, whose number is tp + fp and what lies in a crowd."""
    names = ["detector_supported_share", *(f"mix_{source}" for source in variant.sources)]
    supported = row.support[:, variant.scene.detector].any(axis=1)
    split = row.support / row.support.sum(axis=1, keepdims=True)
    draws = image_mean_draws(
        np.column_stack([supported, split]), row.accepted_image, len(row.report.counts), params.resamples, params.seed
    )  # fmt: skip
    record: dict[str, Any] = {"accepted": len(row.support)}
    record |= _with_interval("sam_only_share", row.sam_only, 1 - draws[:, 0], params.level)
    for name, share, drawn in zip(names, [row.detector_supported, *row.mix.tolist()], draws.T, strict=True):
        record |= _with_interval(name, share, drawn, params.level)
    return record


def _probability_columns(
    variant: DetectionVariant, name: str, images: int, params: Compare
) -> dict[str, Any]:
    """Of p_final on all report candidates, and what the blender made of its inputs; empty for other rows."""
    options = variant.facts["options"]
    coefficients = [f"coefficient_{key}" for each in options.values() for key in each.get("coefficients", {})]
    figures = [f"{figure}{end}" for figure in ("log_loss", "brier", "ece") for end in ENDS]
    columns: dict[str, Any] = dict.fromkeys(["candidates", *figures, "intercept", *coefficients])
    if name not in variant.options:
        return columns
    p, positive = variant.probabilities[variant.options.index(name)], variant.positive
    loss, squared = row_log_loss(p, positive), row_brier(p, positive)
    bins = params.calibration_bins
    cell = variant.image * bins + width_bin(p, bins)
    gap = np.bincount(cell, positive - p, images * bins).reshape(images, bins)
    losses = [np.bincount(variant.image, each, images) for each in (loss, squared)]
    rows = np.bincount(variant.image, minlength=images)
    draws = mean_draws(np.column_stack([*losses, gap]), rows, params.resamples, params.seed)
    columns["candidates"] = len(p)
    columns |= _with_interval("log_loss", float(loss.mean()), draws[:, 0], params.level)
    columns |= _with_interval("brier", float(squared.mean()), draws[:, 1], params.level)
    calibration = expected_calibration_error(p, positive, bins)
    columns |= _with_interval("ece", calibration, np.abs(draws[:, 2:]).sum(axis=1), params.level)
    if "coefficients" in options[name]:
        columns |= {f"coefficient_{key}": value for key, value in options[name]["coefficients"].items()}
        columns["intercept"] = options[name]["intercept"]
    return columns


def _rates(counts: CountDraws, level: float) -> dict[str, tuple[float, float, float]]:
    """Precision, recall and F1 with the ends of their intervals, which draws that tune again set."""
    values = rates(counts.sums)
    low, high = interval_around(values, rates(counts.draws), level)
    ends = zip(values.tolist(), np.maximum(low, 0).tolist(), np.minimum(high, 1).tolist(), strict=True)
    return dict(zip(("precision", "recall", "f1"), ends, strict=True))


def _named(name: str, value: tuple[float, float, float]) -> dict[str, float]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), value, strict=True))


def _with_interval(name: str, value: float, draws: NDArray[np.float64], level: float) -> dict[str, float]:
    low, high = percentile_interval(draws, level)
    return _named(name, (value, float(low), float(high)))
