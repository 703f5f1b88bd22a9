"""The page: the decision, how to read it, and the tables, formatted."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from storage.files.markdown import bullets, markdown_table
from tasks.head_sweep.comparison.decision import Made, difference
from tasks.head_sweep.comparison.evaluation import Judged


def page(made: Made, decided: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    first = made.first
    parts = [
        "# head_sweep",
        "On cached image embeddings, which head recipe gives the best foreground macro F1, and which of the "
        "differences are more than noise?",
        f"**Chosen:** {decided['chosen']}. **Control:** {decided['control']}. **Verdict:** {decided['verdict']}.",
        bullets(decided["reasons"]),
        "## How to read it",
        bullets(_reading(made)),
        f"## Profiles ({first.dataset})",
        _of_rows(first),
        markdown_table(_profile_rows(made, first.dataset)),
        "![forest](forest.png)",
        f"## Accuracy and confidence of the profiles ({first.dataset}, test)",
        "Means over all cells of a profile: not paired, so rows with other numbers of cells do not compare.",
        markdown_table(_confidence_rows(made, first.dataset)),
        f"## Knobs ({first.dataset})",
        "Main effects: pairs of runs that differ in this knob alone.",
        markdown_table(_difference_rows(made.knobs, first.dataset, ["knob"])),
        "## Encoder families, encoders, sizes, smoothing",
        markdown_table(_difference_rows(made.factors, first.dataset, ["factor", "value", "against"])),
        "![heat map](heat_map.png)",
        f"## The {made.params.top} recipes that inner validation likes best",
        "Their order is validation's; test stands beside it and chose nothing.",
        markdown_table(_top(made)),
        "![F1 by class size](class_f1.png)",
        "![reliability](reliability.png)",
        "![cost](cost.png)",
    ]
    for other in made.judged[1:]:
        parts += [
            f"## Profiles ({other.dataset})", _of_rows(other), markdown_table(_profile_rows(made, other.dataset)),
            f"## Accuracy and confidence of the profiles ({other.dataset}, test)",
            markdown_table(_confidence_rows(made, other.dataset)),
        ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _of_rows(judged: Judged) -> str:
    validation, test = judged.validation, judged.test
    rarest = sorted(zip(test.classes.tolist(), validation.classes.tolist(), judged.classes, strict=False))[:2]
    listed = " and ".join(f"{name} ({v} and {t})" for t, v, name in rarest)
    return (
        f"Inner validation has {validation.rows:,} rows of {validation.groups} groups, test {test.rows:,} of "
        f"{test.groups}; fewest are those of {listed}, validation and test. Differences are paired: same cell (encoder, "
        "size, smoothing), same seed, same rows."
    )


def _reading(made: Made) -> Iterable[str]:
    planned, params = made.planned, made.params
    yield (
        f"preset {planned['preset']}: {planned['runs']} runs from {planned['trainings']} trainings and {planned['forks']} "
        f"forks; {planned['post_hoc']} runs share their weights with another"
    )
    yield (
        "the recipe with the best macro F1 on inner validation is compared there with the control of its cell (where it "
        "is the control, with the runner-up); what cannot be told apart is *not distinguishable*, and the control stays. "
        "Profiles and optional toggles are judged there, too; test only confirms: *holds*, *does not hold*, *cannot tell*"
    )
    yield (
        f"an interval ({params.level:.0%}) draws whole groups of its split again, the same for all runs: cells share their "
        "rows and are no independent evidence. *Floor* adds the luck of seeds (runs of one encoder, size and seed count "
        "as one draw of it; copies of a run count once). *Within noise*: the interval holds 0, or the difference is no "
        f"larger than its floor; *not after Holm*: larger, but not after Holm's correction (alpha {params.alpha:g}) over "
        "the table; named (better, worse, helps, hurts): after it, too"
    )
    yield (
        "early stopping, temperatures and the choice of a recipe all read inner validation, so its figures flatter, and "
        "the interval of the best of many recipes is too kind to it; test labels are read here, once, and choose nothing"
    )
    yield (
        "*macro F1* of a profile is a mean over its own cells; *control* is the control's in the same cells, so compare "
        "within a row, not down the column. Background classes are predicted but left out of it; taking one for "
        "foreground counts against it"
    )
    yield (
        "`logit_both` corrects for the prior twice and `inverted` has the wrong sign: both are here because the plan and "
        "the original have them"
    )
    yield (
        f"ECE has 15 bins; *null* is what a calibrated head of these confidences would read at most ({params.level:.0%}); "
        "*after T* is with the temperature that validation asks for, whether the profile applies it or not. On few rows an "
        "ECE reads too high; its interval is corrected for that and may lie below it"
    )


def _profile_rows(made: Made, dataset: str) -> pd.DataFrame:
    own = made.profiles[made.profiles["dataset"] == dataset]
    rows = own.to_dict("records")
    return pd.DataFrame(
        {
            "profile": own["profile"],
            "runs (cells)": [
                f"{row['runs']} ({row['cells']})" + (f", {row['failed']} failed" if row["failed"] else "")
                for row in rows
            ],
            "macro F1 on test": [_span(row, "macro_f1_fg") for row in rows],
            "control": [_number(row["control_macro_f1_fg"]) for row in rows],
            "seed sd": [_number(row["seed_sd"]) for row in rows],
            f"validation, against {made.control} (points)": [
                difference(row, "validation_delta") for row in rows
            ],
            "validation says": own["validation_verdict"],
            f"test, against {made.control} (points)": [difference(row, "delta") for row in rows],
            "floor": [_hundred(row["delta_floor"]) for row in rows],
            "p (Holm)": [_p(row["p_holm"]) for row in rows],
            "test alone": own["verdict"],
            "validation's word on test": own["on_test"],
            f"test, against {made.params.full}": [difference(row, "delta_full") for row in rows],
        }
    )


def _confidence_rows(made: Made, dataset: str) -> pd.DataFrame:
    own = made.profiles[made.profiles["dataset"] == dataset]
    rows = own.to_dict("records")
    return pd.DataFrame(
        {
            "profile": own["profile"],
            "cells": own["cells"],
            "accuracy": [_span(row, "accuracy") for row in rows],
            "NLL": [_span(row, "nll") for row in rows],
            "ECE": [_span(row, "ece") for row in rows],
            "null": [_number(row["ece_null"]) for row in rows],
            "ECE after T": [_span(row, "ece_after_T") for row in rows],
        }
    )


def _difference_rows(table: pd.DataFrame, dataset: str, names: list[str]) -> pd.DataFrame:
    if not len(table):
        return pd.DataFrame(columns=names)
    own = table[table["dataset"] == dataset]
    rows = own.to_dict("records")
    shown = own[names].copy()
    shown["pairs"] = own["delta_pairs"]
    shown["validation (points)"] = [difference(row, "validation_delta") for row in rows]
    shown["validation says"] = own["validation_verdict"]
    shown["test (points)"] = [difference(row, "delta") for row in rows]
    shown["floor"] = [_hundred(row["delta_floor"]) for row in rows]
    shown["p (Holm)"] = [_p(row["p_holm"]) for row in rows]
    shown["test alone"] = own["verdict"]
    shown["validation's word on test"] = own["on_test"]
    return shown


def _top(made: Made) -> pd.DataFrame:
    top = made.recipes.head(made.params.top)
    rows = top.to_dict("records")
    return pd.DataFrame(
        {
            "recipe": top["recipe"],
            "seeds": top["seeds"],
            "validation": [_span(row, "validation_macro_f1_fg") for row in rows],
            "test": [_span(row, "macro_f1_fg") for row in rows],
            "tokens": [f"`{row['tokens']}`" for row in rows],
        }
    )


def _span(row: Mapping[Any, Any], name: str) -> str:
    return f"{row[name]:.3f} [{row[f'{name}_low']:.3f}, {row[f'{name}_high']:.3f}]"


def _number(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.3f}"


def _hundred(value: float) -> str:
    return "" if pd.isna(value) or value == 0 else f"{100 * value:.1f}"


def _p(value: float) -> str:
    return "" if pd.isna(value) else "< .001" if value < 0.001 else f"{value:.3f}"
