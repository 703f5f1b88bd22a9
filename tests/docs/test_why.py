"""What docs/why.md says of the originals' mistakes is what the defaults' own results say."""

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import mean

import pytest

from tests.imports import ROOT

PAGE = (ROOT / "docs" / "why.md").read_text(encoding="utf-8")
RESULTS = ROOT / "results"


def row(experiment: str, file: str = "table.csv", results: Path = RESULTS, **where: str) -> Mapping[str, str]:
    with (results / experiment / file).open(encoding="utf-8", newline="") as text:
        return next(
            each for each in csv.DictReader(text) if all(each[name] == value for name, value in where.items())
        )


def percent(text: str) -> str:
    return f"{float(text):.1%}"


def three(text: str) -> str:
    figure = f"{float(text):.3f}"
    return figure if figure >= "1" else figure.removeprefix("0")


def points(gain: float) -> str:
    return f"{100 * gain:.1f}"


def in_sample(results: Path) -> str:
    pool = row("fpr_thresholds", results=results, option="B1_full_pool", label="crypto")
    low, high = percent(pool["fpr_low"]), percent(pool["fpr_high"])
    return f"promises crypto {percent(pool['target'])} false positives; later rows read {percent(pool['fpr'])} [{low}, {high}]"


def tuned_where_reported(results: Path) -> str:
    control = row("fpr_thresholds", results=results, option="A_as_is", label="crypto")
    later = int(control["fp"]) + int(control["tn"])
    return (
        f"fires on {control['allowed']} of {control['negatives']} crypto negatives where it was tuned, and on "
        f"{control['fp']} of {later} later ones"
    )


def wrong_sign(results: Path) -> str:
    def lost(profile: str) -> str:
        of = row("head_sweep", results=results, dataset="simulated", profile=profile)
        delta, low, high = (-float(of[name]) for name in ("delta", "delta_high", "delta_low"))
        return f"{points(delta)}{' points' * (profile != 'full_logit_both')} [{points(low)}, {points(high)}]"

    return (
        f"falls by {lost('full_logit_train_inverted')}; done in training and again after it, by "
        f"{lost('full_logit_both')}"
    )


def two_evaluators(results: Path) -> str:
    union, blend = (
        row("hybrid_calibrator", results=results, variant="nonwindow", option=name)
        for name in ("union", "lr_blend")
    )
    apart = float(union["micro_optimum_f1"]) - float(union["f1"])
    return (
        f"have an F1 of {three(union['f1'])} or {three(union['micro_optimum_f1'])}, as thresholds are sought: "
        f"{points(apart)} points, where the blend's gain is {points(float(blend['delta_f1']))}"
    )


def copies(results: Path) -> str:
    union, nms = (
        row("hybrid_calibrator", results=results, variant="nonwindow", option=name)
        for name in ("union", "union_nms")
    )
    return f"an F1 of {three(union['f1'])} with {union['error_duplicate']} duplicates; after suppression {three(nms['f1'])}"


def fitted_where_reported(results: Path) -> str:
    fits = json.loads((results / "speech_temperature" / "temperatures.json").read_text())
    own = mean(each["estimate"]["nll_after"] for each in fits)
    of = row("speech_temperature", results=results, option="temperature")
    return (
        f"log loss reads {own:.2f} on the rows that fitted it, {float(of['dev_nll']):.2f} on speakers left out of the "
        f"fit, {float(of['nll']):.2f} on test"
    )


def blind_gate(results: Path) -> str:
    linear, trees = (
        row("lens_shortcuts", "gates.csv", results, set="leak_no_shot_noise", gate=name)
        for name in ("core_lr_raw", "core_trees_raw")
    )
    ends = f"[{three(linear['low'])}, {three(linear['high'])}]"
    return f"reads {three(linear['auc'])} {ends}, and trees on the same pixels {three(trees['auc'])}"


def test_the_budget_s_example_is_that_of_the_default() -> None:
    evidence = json.loads((RESULTS / "fpr_thresholds" / "decision.json").read_text())["evidence"]
    silent = row("fpr_thresholds", option="N2_forward_chained", label="crypto")
    assert silent["fp"] == "0"
    assert f"A budget of {evidence['budget']:.0%} is a promise" in PAGE
    assert f"none of {silent['tn']} fired" in PAGE
    assert f"From {evidence['fewest_negatives_that_hold']} on" in PAGE


MISTAKES: list[Callable[[Path], str]] = [
    in_sample, tuned_where_reported, wrong_sign, two_evaluators, copies, fitted_where_reported, blind_gate,
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_mistake_is_shown_by_what_the_defaults_read(mistake: Callable[[Path], str]) -> None:
    assert mistake(RESULTS) in PAGE


def test_every_mistake_of_the_page_is_shown_so() -> None:
    (section,) = PAGE.split("## What the originals got wrong\n")[1:]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(MISTAKES)
