"""The decision and the reasons for it: every figure comes from the table, the folds or the pinned temperatures."""

from typing import Any

import pandas as pd

from methods.calibration.cross_fitting import CANNOT_TELL, CHOSEN, MethodChoice
from methods.statistics.group_statistics import FEWEST_GROUPS
from storage.files.markdown import rounded
from storage.speech.temperatures import SeedTemperature
from tasks.report.templates import Reason, sentences
from tasks.speech_temperature.comparison.choice import verdict
from tasks.speech_temperature.comparison.evaluation import FITTED

CHANCE_ECE = 0.05  # what the plan asked for

Rows = dict[Any, dict[Any, Any]]


def decision(
    methods: list[str], choice: MethodChoice, table: pd.DataFrame, pinned: list[SeedTemperature],
    single_groups: list[tuple[str, str, str]], facts: dict[str, Any], alpha: float,
) -> dict[str, Any]:  # fmt: skip
    """chosen, control, verdict (does the choice hold on test), reasons, evidence.

    single_groups: (split, label, group) where every clip of the label is of one group. facts: of the preparation.
    """
    rows: Rows = {**table.set_index("option").to_dict("index")}
    chosen, refusal = methods[choice.chosen], _sentences(_refusal(choice))
    classes = len(facts["labels"])
    reasons = [
        _reason_of_choice(methods, choice, alpha, *refusal),
        *([Reason("threshold_never_chosen")] if "threshold" in methods else []),
        Reason("answers_stay", {"before": rows["none"], "after": rows["temperature"], "classes": classes}),
        Reason("ece", {"before": rows["none"], "after": rows["temperature"], "target": CHANCE_ECE}),
        *([Reason("no_interval", {"because": because})] if (because := rows["none"]["refused"]) else []),
        *_irregular_fits(rows),
        *_reading(facts),
        *(
            Reason("single_group", dict(zip(("split", "label", "group"), each, strict=True)))
            for each in single_groups
        ),
    ]
    return {
        "chosen": chosen,
        "control": methods[0],
        "verdict": verdict(choice, rows[chosen]["verdict"]),
        "reasons": _sentences(reasons),
        "evidence": {
            "dev_nll_cross_fitted": {
                name: _rounded(nll) for name, nll in zip(methods, choice.nll, strict=True)
            },
            "dev_groups": choice.test.groups,
            "dev_difference_to_control": _rounded(choice.test.difference),
            "dev_refused": next(iter(refusal), None),
            "dev_p": _rounded(choice.test.p),
            "test_groups": int(rows[chosen]["groups"]),
            "test_nll": {name: _rounded(rows[name]["nll"]) for name in methods},
            "temperatures": {
                str(each.seed): "Infinity" if each.temperature == float("inf") else _rounded(each.temperature)
                for each in pinned
            },
        },
    }


def _reading(facts: dict[str, Any]) -> list[Reason]:
    """What the user's file did not bring, and what there is not for its classes."""
    classes, split = len(facts["labels"]), facts.get("split", {})
    return [
        *([Reason("two_classes_only", {"classes": classes})] if classes > 2 else []),
        *([Reason("own_groups")] if not facts.get("grouped", True) else []),
        *([Reason("random_split", split)] if split.get("by") == "random" else []),
    ]


def _refusal(choice: MethodChoice) -> list[Reason]:
    """Why dev chooses nothing, where it cannot."""
    if choice.lone_class is not None:
        return [Reason("lone_class", {"number": choice.lone_class})]
    if choice.status != CANNOT_TELL:
        return []
    return [Reason("few_groups", {"groups": choice.test.groups, "fewest": FEWEST_GROUPS})]


def _reason_of_choice(methods: list[str], choice: MethodChoice, alpha: float, because: str = "") -> Reason:
    if because:
        return Reason("no_choice", {"because": because, "control": methods[0]})
    if choice.best == 0:
        return Reason("none_better", {"nll": choice.nll[0]})
    kind = "choice" if choice.status == CHOSEN else "best_like_control"
    return Reason(kind, {"methods": methods, "choice": choice, "alpha": alpha})


def _irregular_fits(rows: Rows) -> list[Reason]:
    """What a status means stands in methods/calibration/temperature.py."""
    return [
        Reason(
            "irregular_fit",
            {
                "option": name,
                "status": row["status"],
                "slope": name == "platt" and "anti-informative" in row["status"],
            },
        )
        for name, row in rows.items()
        if row["status"] != FITTED
    ]


def _sentences(reasons: list[Reason]) -> list[str]:
    return sentences("tasks/speech_temperature/comparison/reasons.j2", reasons)


def _rounded(value: float | None) -> float | None:
    return None if value is None or pd.isna(value) else rounded(value)
