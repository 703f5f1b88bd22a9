"""The decision and its reasons in words: every number comes from the table or from the tune images' counts."""

from typing import Any

import pandas as pd

from methods.detection.adoption import Challenge, Gain
from methods.detection.rows import CALIBRATED
from params.hybrid_calibrator import Compare
from storage.files.markdown import bullets, markdown_table, rounded
from tasks.hybrid_calibrator.comparison import decision as words
from tasks.hybrid_calibrator.comparison.evaluation import Compared, Decided

SIDE_BY_SIDE = (
    "tp", "fp", "fn", "precision", "recall", "f1", "macro_f1", "delta_f1", "ap50", "recall_of_ceiling",
    "sam_only_share", "log_loss",
)  # fmt: skip
SUPPORT = ("ceiling", "recall_of_ceiling", "sam_only_share", "detector_supported_share")
SHOWN = {
    "precision": "P", "recall": "R", "f1": "F1", "delta_f1": "F1 against control", "macro_f1": "macro F1",
    "micro_optimum_f1": "F1 at micro optimum", "tune_f1": "tune F1",
}  # fmt: skip


def decision(
    made: Decided, compared: list[Compared], table: pd.DataFrame, params: Compare, absent: list[str]
) -> dict[str, Any]:
    """chosen, control, verdict (does the choice hold on the report images), reasons, evidence."""
    chosen = {name: made.names[number] for name, number in made.chosen.items()}
    same = len(set(chosen.values())) == 1
    return {
        "chosen": next(iter(chosen.values())) if same else words.listed(chosen),
        "control": made.names[0],
        "verdict": made.verdict,
        "reasons": [
            *(sentence for each in compared for sentence in words.beaten(each)),
            *(
                f"{name}, tune images: {sentence}"
                for name, adoption in made.own.items()
                for sentence in words.why(adoption, made, words.alike(compared, made, name), params)
            ),
            *(sentence for each in compared for sentence in words.above(each, made)),
            *(sentence for each in compared for sentence in words.control_columns(each, made.names[0])),
            *words.across(made, compared, params),
            *(words.confirmed(each, made, table) for each in compared),
            *(f"{name}: not given, so nothing is said about it" for name in absent),
        ],
        "evidence": {
            "rule": params.adoption.model_dump(),
            "thresholds": params.thresholds.model_dump(),
            "variants": {
                each.variant.name: {
                    "chosen": chosen[each.variant.name],
                    "own_choice": made.names[made.own[each.variant.name].chosen],
                    "verdict": made.verdicts[each.variant.name],
                    "tune": [_challenge(step, made) for step in made.own[each.variant.name].challenges],
                    "report": [_challenge(step, made) for step in made.reported[each.variant.name].challenges],
                    "no_challengers_above_the_choice_on_tune": {
                        name: {split: _gain(gain) for split, gain in gains.items()}
                        for name, gains in made.above[each.variant.name].items()
                    },
                    "report_f1": {str(row["option"]): rounded(row["f1"]) for row in each.table.to_dict("records")},
                    "beats_every_calibrator": {name: _gain(gain) for name, gain in each.beaten.items()},
                    "beats_every_calibrator_at_micro_optimum": {
                        name: _gain(gain) for name, gain in each.beaten_at_optimum.items()
                    },
                }
                for each in compared
            },
            "pooled": [_challenge(step, made) for step in made.pooled.challenges] if made.pooled else None,
        },
    }  # fmt: skip


def side_by_side(table: pd.DataFrame) -> pd.DataFrame:
    """A row per option, a column per figure and variant."""
    tables = {str(name): rows.set_index("option") for name, rows in table.groupby("variant", sort=False)}
    columns = {f"{figure} {name}": rows[figure].astype(float) for figure in SIDE_BY_SIDE for name, rows in tables.items()}  # fmt: skip
    return pd.DataFrame(columns).reindex(table["option"].unique()).rename_axis("option").reset_index()


def page(made: dict[str, Any], table: pd.DataFrame, compared: list[Compared], params: Compare) -> str:
    """The report as Markdown."""
    parts = [
        "# hybrid_calibrator",
        "Does a calibrator that blends a dense-embedding expert with a structured-feature expert accept detection "
        "candidates better than one XGBoost model, than the raw detectors, and than their union?",
        f"**{made['chosen']}** is chosen (control: {made['control']}). On the report images the choice: "
        f"**{made['verdict']}**.",
        bullets(made["reasons"]),
        *(part for each in compared for part in _variant_part(each, params)),
        "## Side by side",
        markdown_table(_formatted(side_by_side(table))),
        "## How to read this",
        bullets(
            [
                "P, R and F1 pool all classes (micro); macro is the mean over classes that have ground truth. All rows "
                f"are matched again at IoU {params.match_iou:g} after thresholding, by one evaluator, over all report "
                "images, also those without candidates or without ground truth.",
                f"Thresholds: {_threshold_rule(params)} Tune F1 is cross-fitted: no image tunes its own thresholds.",
                "everything_raw and everything_deduped accept all there is; a source without scores is accepted whole.",
                f"ceiling: the recall that all boxes of the row could reach. Support by a source: one of its raw "
                f"detections of that class overlaps with IoU {params.support_iou:g} or more.",
                f"Intervals at {params.level:.0%}: bootstrap over the report images, paired where two rows are "
                "compared; of tune F1 over the tune images. An ECE of few rows reads high, and that of resampled rows "
                "higher still: its interval may lie above it. AP50 has none.",
            ]
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _variant_part(each: Compared, params: Compare) -> list[str]:
    table = each.table
    calibrated = table[table["tier"] == CALIBRATED]
    first = table.iloc[0]
    mixes = [f"mix_{source}" for source in each.variant.sources]
    coefficients = [name for name in table.columns if name.startswith("coefficient_")]
    return [
        f"## {each.variant.name}: {first['images']} report images, {first['ground_truth']} objects",
        markdown_table(_compact(table)),
        " ".join(f"{line}." for line in words.beaten(each))
        or "No raw detector, union or fusion beats every calibrator.",
        "Who stands behind what is accepted:",
        markdown_table(_with_intervals(table[["option", "accepted"]], table, [*SUPPORT, *mixes])),
        "Probabilities on all report candidates, and the blenders:",
        markdown_table(
            _with_intervals(
                calibrated[["option", "candidates"]],
                calibrated,
                ["log_loss", "brier", "ece", "intercept", *coefficients],
            )
        ),
    ]


def _compact(table: pd.DataFrame) -> pd.DataFrame:
    records = table.to_dict("records")
    columns: dict[str, list[Any]] = {"option": list(table["option"]), "tier": list(table["tier"])}
    for name in ("tp", "fp", "fn"):
        columns[name.upper()] = list(table[name])
    for name, title in SHOWN.items():
        columns[title] = [_interval(row, name) for row in records]
    columns["AP50"] = [_number(row["ap50"]) for row in records]
    return pd.DataFrame(columns)


def _challenge(step: Challenge, made: Decided) -> dict[str, Any]:
    names = made.names
    return {
        "challenger": names[step.challenger],
        "incumbent": names[step.incumbent],
        "over_control": _gain(step.over_control),
        "over_incumbent": _gain(step.over_incumbent),
        "over_first_challenger": _gain(step.over_first) if step.over_first else None,
        "over_other_controls": {
            name: _gain(gain) for name, gain in zip(made.others, step.over_others, strict=True)
        },
        "adopted_for": step.adopted_for,
    }


def _gain(gain: Gain) -> dict[str, float]:
    return {name: rounded(value) for name, value in vars(gain).items()}


def _threshold_rule(params: Compare) -> str:
    if params.thresholds.optimum == "micro":
        return "F1 of all classes pooled is highest on the tune images."
    return (
        f"per class the highest F1 on the tune images with FP / TP <= {params.thresholds.max_fp_per_tp:g} and recall >= "
        f"{params.thresholds.min_recall:g}; where that cannot be had, without the second, then without both."
    )


def _interval(row: dict[Any, Any], name: str) -> str:
    signed = "+" if name.startswith("delta") else ""
    return f"{row[name]:{signed}.3f} [{row[name + '_low']:{signed}.3f}, {row[name + '_high']:{signed}.3f}]"


def _formatted(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({name: [_number(value) for value in table[name]] for name in table.columns})


def _with_intervals(first: pd.DataFrame, table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Those of the named columns that have an interval with it."""
    records = table.to_dict("records")
    columns = {
        name: [
            _interval(row, name) if f"{name}_low" in row and not pd.isna(row[name]) else _number(row[name])
            for row in records
        ]
        for name in names
    }
    return pd.DataFrame({**_formatted(first), **columns})


def _number(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or pd.isna(value):
        return ""
    return f"{value:.0f}" if float(value).is_integer() and abs(value) > 1 else f"{value:.3f}"
