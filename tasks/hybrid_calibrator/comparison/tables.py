"""One row of the table: every figure on the report images with its interval over images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.calibration.calibration_error import expected_calibration_error, width_bin
from methods.detection.adoption import Gain
from methods.detection.evaluation import (
    f1_draws,
    image_mean_draws,
    macro,
    macro_f1_draws,
    micro,
    row_brier,
    row_log_loss,
)
from methods.detection.rows import CALIBRATED, Judged
from methods.statistics.intervals import percentile_interval
from params.hybrid_calibrator import Compare
from tasks.hybrid_calibrator.model.scene import Variant

Floats = NDArray[np.float64]
RATES = ("precision", "recall", "f1")


def record(
    variant: Variant, judged: Judged, gain: Gain, draws: Floats, optimum_draws: Floats, beats: bool, params: Compare
) -> dict[str, Any]:  # fmt: skip
    """draws (3, resamples) of precision, recall and F1, optimum_draws (resamples,) of the micro-optimum F1."""
    counts = judged.report_counts
    rates, means = micro(counts), macro(counts)
    tp, fp, fn = counts.sum(axis=(0, 1)).tolist()
    row: dict[str, Any] = {
        "variant": variant.name,
        "option": judged.row.name,
        "tier": judged.row.tier,
        "images": len(counts),
        "ground_truth": tp + fn,
        "tp": tp,
        "fp": fp,
        "fn": fn,
    }
    for number, name in enumerate(RATES):
        row |= _with_interval(name, getattr(rates, name), draws[number], params.level)
    row |= {"macro_precision": means.precision, "macro_recall": means.recall}
    macro_draws = macro_f1_draws(counts, params.resamples, params.seed)
    row |= _with_interval("macro_f1", means.f1, macro_draws, params.level)
    row |= {
        "delta_f1": gain.f1,
        "delta_f1_low": gain.low,
        "delta_f1_high": gain.high,
    }
    for name in ("precision", "recall"):
        row |= {f"delta_{name}{end}": getattr(gain, f"{name}{end}") for end in ("", "_low", "_high")}
    row |= {
        "beats_every_calibrator": None if judged.row.tier == CALIBRATED else beats,
        "ap50": judged.average_precision,
    }
    row |= _with_interval("micro_optimum_f1", judged.micro_optimum.f1, optimum_draws, params.level)
    row |= {"tune_images": len(judged.tune_counts)}
    tune_draws = f1_draws([judged.tune_counts], params.resamples, params.seed)[0, 2]
    row |= _with_interval("tune_f1", micro(judged.tune_counts).f1, tune_draws, params.level)
    row |= {
        "ceiling": judged.ceiling,
        "recall_of_ceiling": judged.recall_of_ceiling,
    }
    row |= _shares(variant, judged, len(counts), params)
    return row | _probability_columns(variant, judged.row.name, len(counts), params)


def _shares(variant: Variant, judged: Judged, images: int, params: Compare) -> dict[str, Any]:
    """Of the accepted boxes, whose number is tp + fp and what lies in a crowd."""
    names = ["detector_supported_share", *(f"mix_{source}" for source in variant.sources)]
    supported = judged.support[:, variant.scene.detector].any(axis=1)
    split = judged.support / judged.support.sum(axis=1, keepdims=True)
    draws = image_mean_draws(
        np.column_stack([supported, split]), judged.accepted_image, images, params.resamples, params.seed
    )
    row: dict[str, Any] = {"accepted": len(judged.support)}
    row |= _with_interval("sam_only_share", judged.sam_only, 1 - draws[:, 0], params.level)
    points = [judged.detector_supported, *judged.mix.tolist()]
    for name, point, drawn in zip(names, points, draws.T, strict=True):
        row |= _with_interval(name, point, drawn, params.level)
    return row


def _probability_columns(variant: Variant, name: str, images: int, params: Compare) -> dict[str, Any]:
    """Of p_final on all report candidates, and what the blender made of its inputs; empty for other rows."""
    coefficients = [
        key for each in variant.fitted["options"].values() for key in each.get("coefficients", {})
    ]
    empty = [f"{figure}{end}" for figure in ("log_loss", "brier", "ece") for end in ("", "_low", "_high")]
    columns: dict[str, Any] = dict.fromkeys(
        ["candidates", *empty, "intercept", *(f"coefficient_{key}" for key in coefficients)]
    )
    if name not in variant.options:
        return columns
    p, positive = variant.probabilities[variant.options.index(name)], variant.positive
    loss, squared = row_log_loss(p, positive), row_brier(p, positive)
    gap = np.zeros((len(p), params.calibration_bins))
    gap[np.arange(len(p)), width_bin(p, params.calibration_bins)] = positive - p
    draws = image_mean_draws(
        np.column_stack([loss, squared, gap]), variant.image, images, params.resamples, params.seed
    )
    columns["candidates"] = len(p)
    columns |= _with_interval("log_loss", float(loss.mean()), draws[:, 0], params.level)
    columns |= _with_interval("brier", float(squared.mean()), draws[:, 1], params.level)
    calibration = expected_calibration_error(p, positive, params.calibration_bins)
    columns |= _with_interval("ece", calibration, np.abs(draws[:, 2:]).sum(axis=1), params.level)
    facts = variant.fitted["options"][name]
    if "coefficients" in facts:
        columns |= {f"coefficient_{key}": value for key, value in facts["coefficients"].items()}
        columns["intercept"] = facts["intercept"]
    return columns


def _with_interval(name: str, value: float, draws: Floats, level: float) -> dict[str, float]:
    low, high = percentile_interval(draws, level)
    return {name: value, f"{name}_low": float(low), f"{name}_high": float(high)}
