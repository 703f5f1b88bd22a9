"""The frames that become CSV files: options, seeds, groups and conditions."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from methods.calibration.cross_fitting import MethodChoice
from methods.calibration.evaluation import mean_confidence, mean_correct
from methods.statistics.group_intervals import FEWEST
from storage.speech.logits import answer_names
from tasks.report.templates import Reason, sentences
from tasks.speech_temperature.comparison.evaluation import OptionEvaluation, SplitLogits

MOST_VALUES = 12  # of a condition of numbers, before quarters take their place


def option_table(evaluations: dict[str, OptionEvaluation], choice: MethodChoice) -> pd.DataFrame:
    """A row per option over its seeds; the first is the control."""
    dev_nll = dict(zip(evaluations, choice.nll or (), strict=False))  # the methods come first
    table = pd.DataFrame(
        [
            {"option": name, "dev_nll": dev_nll.get(name), **each.summary, "status": each.status}
            for name, each in evaluations.items()
        ]
    )
    few = Reason("few_groups", {"groups": int(table["groups"][0]), "fewest": FEWEST})
    refusal = sentences("tasks/speech_temperature/comparison/reasons.j2", [few])[0]
    return table.assign(refused=table["refused"].map({True: refusal, False: ""}))


def seed_table(evaluations: dict[str, OptionEvaluation], seeds: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"option": name, "seed": seed, **asdict(figures)}
            for name, each in evaluations.items()
            for seed, figures in zip(
                seeds if len(each.figures) == len(seeds) else ["all"], each.figures, strict=True
            )
        ]
    )


def condition_tables(
    test: SplitLogits, control: OptionEvaluation, clips: pd.DataFrame, labels: list[str]
) -> dict[str, pd.DataFrame]:
    """Accuracy and confidence of the uncalibrated model by group, least accurate first, and by each column that
    describes the clips. label: of a group that has one alone."""
    rows = clips.set_index("clip").loc[test.clips].reset_index()  # by clip, which stands there once
    rows = rows.assign(
        **{
            name: _in_quarters(rows[name]) for name in clips.columns.drop(["clip", "group", "label", "split"])
        },
        label=np.array(answer_names(labels))[rows["label"]],
        accuracy=mean_correct(control.predictions, test.labels),
        confidence=mean_confidence(control.predictions),
    )
    found = {
        name: rows.groupby(name, as_index=False).agg(
            label=("label", "min"), last=("label", "max"), clips=("clip", "size"), groups=("group", "nunique"),
            accuracy=("accuracy", "mean"), confidence=("confidence", "mean"),
        )
        for name in clips.columns.drop(["clip", "label", "split"])
    }  # fmt: skip
    groups = found.pop("group").sort_values(["accuracy", "group"], ignore_index=True)
    groups["label"] = groups["label"].where(groups["label"] == groups["last"], "")
    return {
        "group": groups.drop(columns="last"),
        **{name: table.drop(columns=["label", "last"]) for name, table in found.items()},
    }


def _in_quarters(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Numbers of many values by their quarter, named by its ends; else as they are."""
    if not pd.api.types.is_numeric_dtype(column) or column.nunique() <= MOST_VALUES:
        return column
    quarter = pd.qcut(column, 4, labels=False, duplicates="drop")
    ends = column.groupby(quarter).agg(["min", "max"])
    names = {number: f"{low:.4g} to {high:.4g}" for number, low, high in ends.itertuples()}
    return quarter.map(names).astype(pd.CategoricalDtype(list(dict.fromkeys(names.values())), ordered=True))
