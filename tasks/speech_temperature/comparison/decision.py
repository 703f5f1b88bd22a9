"""The decision and the reasons for it: every figure comes from the table, the folds or the pinned temperatures."""

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from methods.calibration.calibration_intervals import TemperatureInterval
from methods.calibration.cross_fitting import CANNOT_TELL, CHOSEN, POWER, MethodChoice
from methods.calibration.method_differences import MethodDifference
from methods.statistics.group_intervals import FEWEST
from storage.files.markdown import rounded
from tasks.report.decision import Action, BetterOption, Decision, Grade, Requirement, stated
from tasks.report.templates import Reason, sentences
from tasks.speech_temperature.comparison.choice import verdict
from tasks.speech_temperature.comparison.evaluation import FITTED

CHANCE_ECE = 0.05  # what the plan asked for
TEMPLATE = "tasks/speech_temperature/comparison/reasons.j2"
FLIPS_TELL = 6  # groups; of fewer no sign-flip test has a p below .05

Rows = dict[Any, dict[Any, Any]]


@dataclass(frozen=True)
class DecisionBasis:
    """single_groups: (split, label, group) where every clip of the label is of one group. facts: of the preparation.
    better: rows that are no methods and that test shows to be better than the chosen one. needed: test groups that would
    confirm the choice."""

    methods: list[str]
    choice: MethodChoice
    rows: Rows
    temperatures: dict[str, TemperatureInterval]
    single_groups: list[tuple[str, str, str]]
    facts: dict[str, Any]
    better: dict[str, MethodDifference]
    needed: int | None


def decision(basis: DecisionBasis) -> Decision:
    chosen = basis.methods[basis.choice.chosen]
    action, grade = verdict(basis.choice, basis.rows[chosen]["verdict"])
    return Decision(
        format=1,
        experiment="speech_temperature",
        action=action,
        grade=grade,
        chosen=chosen,
        control=basis.methods[0],
        better_than_chosen=[
            BetterOption(name=name, figure="nll", **_gain(each)) for name, each in basis.better.items()
        ],
        would_change=_requirements(basis, action),
        reasons=stated(TEMPLATE, _reasons(basis, grade)),
        evidence=_evidence(basis, chosen),
    )


def _reasons(basis: DecisionBasis, grade: Grade) -> list[Reason]:
    """The strongest first."""
    rows, choice, classes = basis.rows, basis.choice, len(basis.facts["labels"])
    before, after = rows["none"], rows["temperature"]
    test = {"row": rows[basis.methods[choice.chosen]], "method": basis.methods[choice.chosen], "grade": grade}
    return [
        _reason_of_choice(basis),
        *(
            [Reason("on_test", test)]
            if choice.status == CHOSEN and before["accuracy_low"] is not None
            else []
        ),
        *([Reason("no_interval", {"because": because})] if (because := before["refused"]) else []),
        *(Reason("better_row", {"name": name, "difference": each}) for name, each in basis.better.items()),
        *(Reason("few_to_flip", {"split": split, "groups": groups}) for split, groups in _few(basis)),
        *([Reason("threshold_never_chosen")] if "threshold" in basis.methods else []),
        Reason("answers_stay", {"before": before, "after": after, "classes": classes}),
        Reason("ece", {"before": before, "after": after, "target": CHANCE_ECE}),
        *_irregular_fits(rows),
        *_reading(basis.facts),
        *(
            Reason("single_group", dict(zip(("split", "label", "group"), each, strict=True)))
            for each in basis.single_groups
        ),
    ]


def _reason_of_choice(basis: DecisionBasis) -> Reason:
    choice = basis.choice
    if refusal := refusal_of(choice):
        return Reason(
            "no_choice", {"because": sentences(TEMPLATE, [refusal])[0], "control": basis.methods[0]}
        )
    figures = {"methods": basis.methods, "choice": choice}
    if choice.status == CHOSEN:
        return Reason("choice", figures)
    return Reason("none_better" if choice.best == 0 else "best_like_control", figures)


def refusal_of(choice: MethodChoice) -> Reason | None:
    """Why dev chooses nothing, where it cannot."""
    if choice.lone_class is not None:
        return Reason("lone_class", {"number": choice.lone_class})
    if choice.status != CANNOT_TELL:
        return None
    return Reason("few_groups", {"groups": choice.groups, "fewest": FEWEST})


def _few(basis: DecisionBasis) -> list[tuple[str, int]]:
    """Splits whose intervals rest on the form of Student's t alone."""
    counts = {"dev": basis.choice.groups, "test": int(basis.rows["none"]["groups"])}
    return [(split, groups) for split, groups in counts.items() if FEWEST <= groups < FLIPS_TELL]


def _requirements(basis: DecisionBasis, action: Action) -> list[Requirement]:
    if action is not Action.COLLECT:
        return []
    choice, on_test = basis.choice, basis.choice.status == CHOSEN
    present, needed = (
        (int(basis.rows["none"]["groups"]), basis.needed) if on_test else (choice.groups, choice.needed)
    )
    if needed is None:
        return []
    option = basis.methods[choice.chosen if on_test else choice.best]
    claim = Reason(
        "claim", {"option": option, "control": basis.methods[0], "split": "test" if on_test else "dev"}
    )
    text = sentences(TEMPLATE, [claim])[0]
    return [Requirement(claim=text, unit="groups", present=present, needed=needed, power=POWER)]


def _evidence(basis: DecisionBasis, chosen: str) -> dict[str, Any]:
    choice, refusal = basis.choice, refusal_of(basis.choice)
    return {
        "dev_status": choice.status,
        "dev_groups": choice.groups,
        "dev_refused": sentences(TEMPLATE, [refusal])[0] if refusal else None,
        "dev_nll_cross_fitted": dict(
            zip(basis.methods, map(_rounded, choice.nll or [None] * len(basis.methods)), strict=True)
        ),
        "dev_difference_to_control": {
            name: {figure: _rounded(value) for figure, value in asdict(each).items()}
            for name, each in zip(basis.methods[1:], (choice.differences or ())[1:], strict=False)
        },
        "test_groups": int(basis.rows[chosen]["groups"]),
        "test_nll": {name: _rounded(basis.rows[name]["nll"]) for name in basis.methods},
        "temperatures": {
            seed: {"value": _rounded(each.value), "low": _rounded(each.low), "high": _rounded(each.high)}
            for seed, each in basis.temperatures.items()
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


def _gain(difference: MethodDifference) -> dict[str, float]:
    ends = (difference.value, difference.high, difference.low)
    return dict(zip(("gain", "low", "high"), (-rounded(end or 0.0) for end in ends), strict=True))


def _rounded(value: float | None) -> float | str | None:
    if value is None or pd.isna(value):
        return None
    return "Infinity" if value == float("inf") else rounded(value)
