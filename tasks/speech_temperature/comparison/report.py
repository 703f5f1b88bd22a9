"""The decision and its reasons in words: every number comes from the table, the folds or the pinned temperatures."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from methods.calibration.confidence_report import BETTER, WORSE
from methods.calibration.cross_fitting import Choice
from methods.statistics.group_statistics import FEWEST_GROUPS
from params.speech_temperature import Compare
from storage.files.markdown import bullets, markdown_table
from storage.speech.temperatures import SeedTemperature
from tasks.speech_temperature.comparison.figures import compact, interval, p_value, seed_range

CHANCE_ECE = 0.05  # what the plan asked for
WORST_GROUPS = 5
MOST_ERRORS = 0.5


def decision(
    methods: list[str],
    choice: Choice,
    table: pd.DataFrame,
    pinned: list[SeedTemperature],
    facts: dict[str, Any],
    params: Compare,
) -> dict[str, Any]:
    """chosen, control, verdict (does the choice hold on test), reasons, evidence."""
    rows = table.set_index("option").to_dict("index")
    chosen, control = methods[choice.chosen], methods[0]
    return {
        "chosen": chosen,
        "control": control,
        "verdict": _verdict(choice, rows[chosen]["verdict"]),
        "reasons": [
            _why(methods, choice, params.alpha),
            *_what_chooses(methods),
            _temperature_moves_no_answer(rows),
            _ece_in_words(rows),
            *_refusals(rows),
            *_statuses(rows),
            *facts["warnings"],
        ],
        "evidence": {
            "dev_nll_cross_fitted": {
                name: _rounded(nll) for name, nll in zip(methods, choice.nll, strict=True)
            },
            "dev_groups": choice.test.groups,
            "dev_difference_to_control": _rounded(choice.test.difference),
            "dev_refused": choice.test.refused or None,
            "dev_p": None if choice.test.p is None else _rounded(choice.test.p),
            "test_groups": int(rows[chosen]["groups"]),
            "test_nll": {name: _rounded(rows[name]["nll"]) for name in methods},
            "temperatures": {str(each.seed): _temperature(each) for each in pinned},
        },
    }


def page(
    made: dict[str, Any],
    table: pd.DataFrame,
    pinned: list[SeedTemperature],
    facts: dict[str, Any],
    errors: pd.DataFrame,
    conditions: list[pd.DataFrame],
    params: Compare,
) -> str:
    """The report as Markdown."""
    rows = table.set_index("option").to_dict("index")
    answers = f"A = {facts['labels'][0]}, B = {facts['labels'][1]}"
    parts = [
        "# speech_temperature",
        "Does a temperature fitted on a development set make a model's confidence honest on groups it has not met, and "
        "what, if anything, improves its accuracy?",
        f"**{made['chosen']}** is chosen (control: {made['control']}). On test: **{made['verdict']}**.",
        bullets(made["reasons"]),
        f"## Methods on test ({answers})",
        markdown_table(compact(table)),
        "Mean and standard deviation over seeds: training variation on this test set, not uncertainty about other "
        "speakers. null: ECE that a perfectly calibrated model with these confidences exceeds one time in twenty, and p: "
        "its chance to read at least this ECE, the least and the most of the seeds; both as if clips were independent, "
        f"and clips of one group are not: by chance it reads more. Below {FEWEST_GROUPS} groups p is refused. status: of "
        "the fits on dev. Differences are to the control, paired on the same clips, flipped by group.",
        "## What temperature can and cannot do",
        bullets(_limits(rows)),
        "## What ECE says here",
        bullets(_ece_lines(rows, params)),
        "## Why an interval is refused, or how it is made",
        bullets(_interval_lines(rows)),
        "## Temperatures",
        markdown_table(_temperatures(pinned)),
        "## Which groups are wrong",
        markdown_table(_errors(errors, facts["labels"])),
        _error_sentence(errors, facts["labels"]),
        *(markdown_table(_rounded_table(found)) for found in conditions),
        "## What would help",
        bullets(_advice(rows, errors)),
        "## Clips",
        markdown_table(pd.DataFrame([{"split": name, **counts} for name, counts in facts["splits"].items()])),
    ]
    return "\n\n".join(parts) + "\n"


def _verdict(choice: Choice, on_test: str) -> str:
    if choice.status != "chosen":
        return choice.status
    return {BETTER: "holds", WORSE: "does not hold"}.get(on_test, "cannot tell")


def _why(methods: list[str], choice: Choice, alpha: float) -> str:
    best, control = methods[choice.best], methods[0]
    if choice.status == "cannot tell":
        return f"dev cannot choose: {choice.test.refused}; the control {control} stays"
    against = f"sign-flip p {choice.test.p:.3g} over {choice.test.groups} groups, corrected for {len(methods) - 1} methods"
    if choice.status == "not distinguishable":
        if best == control:
            return f"no method has a lower cross-fitted NLL on dev than the control ({choice.nll[0]:.3f})"
        return (
            f"{best} has the least cross-fitted NLL on dev ({choice.nll[choice.best]:.3f} against {choice.nll[0]:.3f}), "
            f"but is not distinguishable from the control ({against}, alpha {alpha:g}): the control stays"
        )
    chosen = methods[choice.chosen]
    kept = "" if best == chosen else f" ({best} is lower still, but not distinguishably)"
    return (
        f"{chosen} has a cross-fitted NLL on dev of {choice.nll[choice.chosen]:.3f} against the control's "
        f"{choice.nll[0]:.3f} ({against}){kept}"
    )


def _what_chooses(methods: list[str]) -> list[str]:
    if "threshold" not in methods:
        return []
    return [
        "NLL chooses, accuracy does not: threshold has the temperature's probabilities and so its NLL, and is never chosen"
    ]


def _temperature_moves_no_answer(rows: dict[Any, Any]) -> str:
    before, after = rows["none"]["accuracy"], rows["temperature"]["accuracy"]
    return (
        f"temperature cannot move accuracy: {before:.1%} before and {after:.1%} after; dividing both logits by one "
        "positive number leaves the larger one the larger"
    )


def _ece_in_words(rows: dict[Any, Any]) -> str:
    row = rows["temperature"]
    unusable = f', so "ECE < {CHANCE_ECE}" is no usable target' if row["ece_null_most"] > CHANCE_ECE else ""
    return (
        f"ECE {rows['none']['ece']:.3f} before, {row['ece']:.3f} after; of {row['clips']:.0f} clips a perfectly "
        f"calibrated model's 95% quantile is {seed_range(row, 'ece_null')} by seed, and more where clips of one group are "
        f"alike{unusable}"
    )


def _refusals(rows: dict[Any, Any]) -> list[str]:
    refused = rows["none"]["refused"]
    return [f"no interval on test: {refused}"] if refused else []


def _statuses(rows: dict[Any, Any]) -> list[str]:
    """Of every fit that was not regular; what the status means stands in methods/calibration/temperature.py."""
    return [
        f"{name} on dev: {row['status']}{_turned(name, row)}"
        for name, row in rows.items()
        if row["status"] != "fitted"
    ]


def _turned(name: str, row: dict[Any, Any]) -> str:
    turned = name == "platt" and "anti-informative" in row["status"]
    return (
        "; its slope is not positive: where it is negative, the likelier answer becomes the other one"
        if turned
        else ""
    )


def _limits(rows: dict[Any, Any]) -> Iterable[str]:
    yield _temperature_moves_no_answer(rows)
    yield "a plan that hopes for a higher accuracy from temperature (83.3% to 90-100%) hopes for what cannot happen"
    for name in ("bias", "platt", "threshold", "isotonic"):
        if name in rows:
            change = 100 * rows[name]["delta_accuracy"]
            p = rows[name]["delta_accuracy_p"]
            yield (
                f"{name} can change answers: accuracy {rows[name]['accuracy']:.1%} ({change:+.1f} points, "
                f"{'no test by group' if p is None else f'sign-flip p {p:.3g}'})"
            )


def _ece_lines(rows: dict[Any, Any], params: Compare) -> Iterable[str]:
    for name in ("none", "temperature"):
        row = rows[name]
        yield (
            f"{name}: ECE {row['ece']:.3f} ({params.bins} bins), null 95% quantile {seed_range(row, 'ece_null')}, p {p_value(row)}; "
            f"less what chance adds (debiased) {row['ece_debiased']:.3f}; equal mass {row['ece_equal_mass']:.3f}, smooth "
            f"{row['ece_smooth']:.3f}; "
            f"mean confidence "
            f"{row['confidence']:.3f} against accuracy {row['accuracy']:.3f}"
        )
    if pd.isna(rows["none"]["ece_p_most"]):
        yield (
            f"p is refused below {FEWEST_GROUPS} groups, as intervals are: the null draws every clip by itself, and so "
            "few groups cannot show how alike the clips of one are"
        )
    else:
        yield "p takes clips for independent: where those of one group are alike, it is too small"
    yield "ECE of few clips is mostly noise: read it against its null, and prefer NLL and Brier, which need no bins"


def _interval_lines(rows: dict[Any, Any]) -> Iterable[str]:
    row = rows["none"]
    yield (
        f"test holds {row['clips']:.0f} clips of {row['groups']:.0f} groups ({row['groups_A']:.0f} of A, "
        f"{row['groups_B']:.0f} of B); clips of one speaker or sound are alike, so groups are what was sampled"
    )
    if row["refused"]:
        yield (
            f"refused: {row['refused']}; at least {FEWEST_GROUPS} groups are needed before p can fall below .05 at all "
            "(2 / 2^6 = .031), and an interval over clips would claim a certainty that another speaker would break"
        )
    else:
        yield (
            f"accuracy {interval(row, 'accuracy')}: Wilson at the effective number of clips, from the variance between "
            f"groups; recalls likewise, A {interval(row, 'recall_A')}, B {interval(row, 'recall_B')}"
        )
        yield (
            f"NLL {interval(row, 'nll')}, Brier {interval(row, 'brier')}, AUC {interval(row, 'auc')}: Student's t on "
            f"groups; those of the other methods stand in table.csv, empty where a class has fewer than {FEWEST_GROUPS} "
            "groups"
        )


def _temperatures(pinned: list[SeedTemperature]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "seed": each.seed, "T": _temperature(each), "status": each.status, "dev clips": each.rows,
                "dev groups": each.groups, "dev NLL before": f"{each.nll_before:.3f}", "after": f"{each.nll_after:.3f}",
            }
            for each in pinned
        ]
    )  # fmt: skip


def _errors(errors: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    shown = _rounded_table(errors.head(WORST_GROUPS))
    return shown.assign(
        label=[labels["AB".index(answer)] for answer in errors["label"].head(WORST_GROUPS)]
    ).drop(columns="groups")


def _worst_group(errors: pd.DataFrame) -> tuple[int, float]:
    """Its row, and its share of the wrong answers; 0 where none is wrong."""
    wrong = (errors["clips"] * (1 - errors["accuracy"])).to_numpy()
    worst = int(wrong.argmax())
    return worst, float(wrong[worst] / wrong.sum()) if wrong.sum() else 0.0


def _error_sentence(errors: pd.DataFrame, labels: list[str]) -> str:
    worst, share = _worst_group(errors)
    if not share:
        return "No clip is answered wrongly."
    name, label = errors["group"].iloc[worst], labels["AB".index(errors["label"].iloc[worst])]
    one = (
        "one group explains most of the errors: look at it before anything else"
        if share > MOST_ERRORS
        else "no single group explains them"
    )
    return f"{name} ({label}) has {share:.0%} of the wrong answers of all seeds; {one}."


def _advice(rows: dict[Any, Any], errors: pd.DataFrame) -> Iterable[str]:
    groups = rows["none"]["groups"]
    by_group = (
        "what is wrong is wrong by group (above), and " if _worst_group(errors)[1] > MOST_ERRORS else ""
    )
    yield (
        f"more speakers and sources, not more clips of the same: {by_group}examples/many_speakers.yaml shows the same "
        "network on many"
    )
    if groups < FEWEST_GROUPS:
        yield f"at least {FEWEST_GROUPS} test groups, better 20: {groups:.0f} cannot carry an interval or a test"
    if (rows["none"]["groups_A"] < 2) or (rows["none"]["groups_B"] < 2):
        yield "a second test group of each class: a recall of one speaker is that speaker's"
    for name, of in (("ensemble_logit", "logits"), ("ensemble_probability", "calibrated probabilities")):
        if rows[name]["delta_nll"] < 0:
            yield (
                f"the mean of the seeds' {of} ({name}) changes the NLL by {rows[name]['delta_nll']:+.3f} (by group: "
                f"{rows[name]['verdict']}), at the price of as many models"
            )


def _temperature(pinned: SeedTemperature) -> float | str | None:
    return "Infinity" if pinned.temperature == float("inf") else _rounded(pinned.temperature)


def _rounded_table(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(
        **{name: [f"{value:.3f}" for value in table[name]] for name in ("accuracy", "confidence")}
    )


def _rounded(value: float) -> float | None:
    return None if pd.isna(value) else float(f"{value:.6g}")
