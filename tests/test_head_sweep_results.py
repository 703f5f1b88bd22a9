"""The committed tables of the default tell noise from effects, and agree with each other."""

import json
from typing import Any

import pandas as pd
import pytest

from methods.heads.specs import HeadSpec
from params.block import read_block
from params.head_sweep import Plan
from tasks.head_sweep.plan import preset_runs
from tests.imports import ROOT

RESULTS = ROOT / "results" / "head_sweep"
ANSWERS = ["macro_f1_fg", "weighted_f1_fg", "macro_precision_fg", "macro_recall_fg", "accuracy"]


@pytest.fixture(scope="module")
def table() -> Any:
    return pd.read_csv(RESULTS / "table.csv").set_index(["dataset", "profile"])


@pytest.fixture(scope="module")
def runs() -> Any:
    return pd.read_csv(RESULTS / "runs.csv")


def test_a_temperature_is_worth_exactly_nothing_in_answers(table: Any, runs: Any) -> None:
    calib = table.loc[("simulated", "calib")]
    assert calib["delta"] == calib["delta_low"] == calib["delta_high"] == 0
    assert calib["verdict"] == "changes no answer"
    cells = ["encoder", "size", "smoothing", "seed"]
    base, cooled = (runs[runs["profile"] == name].set_index(cells) for name in ("base", "calib"))
    pd.testing.assert_frame_equal(base[ANSWERS], cooled[ANSWERS])


def test_correcting_for_the_prior_twice_or_inverted_is_more_than_noise(table: Any) -> None:
    for profile in ("full_logit_both", "full_logit_train_inverted", "minimal_logit_both"):
        assert table.loc[("simulated", profile), "verdict"] == "worse"


def test_what_is_named_exceeds_its_noise_floor_and_what_does_not_is_not_named(table: Any) -> None:
    named = table[table["verdict"].isin(["better", "worse"])]
    assert len(named) > 0
    assert (named["delta"].abs() > named["delta_floor"]).all()
    below = table[(table["delta"].abs() < table["delta_floor"]) & (table["verdict"] != "changes no answer")]
    assert set(below["verdict"]) <= {"within noise"}


@pytest.mark.parametrize("name", ["table", "runs", "knobs", "factors", "recipes", "best"])
def test_no_interval_excludes_its_own_point(name: str) -> None:
    written = pd.read_csv(RESULTS / f"{name}.csv")
    columns = written.columns.astype(str)
    points = [column.removesuffix("_low") for column in columns if column.endswith("_low")]
    assert points
    for point in points:
        known = written[written[f"{point}_low"].notna()]
        inside = known[point].between(known[f"{point}_low"] - 1e-9, known[f"{point}_high"] + 1e-9)
        assert inside.all(), (point, known.loc[~inside, [point, f"{point}_low", f"{point}_high"]])


def test_a_reading_of_the_calibration_error_stands_beside_what_it_is_without_chance(table: Any) -> None:
    assert (table["ece_debiased"] <= table["ece"] + 1e-9).all()


def test_trainings_end_by_themselves(table: Any, runs: Any) -> None:
    decision = json.loads((RESULTS / "decision.json").read_text())
    ended = int((runs["status"] == "ran all epochs").sum())
    assert ended == decision["evidence"]["at_epoch_limit"] == table["at_limit"].sum()
    assert ended <= 0.02 * len(runs)


def test_no_run_failed_and_every_id_parses_back(runs: Any) -> None:
    assert set(runs["status"]) <= {"stopped early", "ran all epochs"}
    assert all(HeadSpec.parse(each).id == each for each in runs["id"])
    assert runs["id"].is_unique


def test_the_decision_keeps_the_control_or_names_what_was_compared_with_it() -> None:
    decision = json.loads((RESULTS / "decision.json").read_text())
    evidence, gain = decision["evidence"], decision["evidence"]["gain_on_validation"]
    assert {decision["control"], evidence["challenger"]} <= set(
        pd.read_csv(RESULTS / "recipes.csv")["recipe"]
    )
    assert decision["chosen"] in {decision["control"], evidence["challenger"]}
    assert decision["chosen"] == decision["control"] or gain["low"] > 0


def test_the_confirm_preset_is_the_recommended_recipe_beside_what_it_was_compared_with() -> None:
    """recipe.json says what is recommended; a preset that says another recipe is stale."""
    recipe = json.loads((RESULTS / "recipe.json").read_text())
    plan = read_block(ROOT / "params.yaml", "head_sweep.plan", Plan)
    confirm, default = (
        preset_runs(plan.model_copy(update={"preset": name})) for name in ("confirm", "default")
    )
    named = {
        (run.profile, run.spec.encoder, run.spec.hidden, run.spec.batch, run.spec.smoothing)
        for run in confirm
    }
    for each in (recipe, recipe.get("against")):
        if each:
            size = each["size"]
            wanted = (each["profile"], each["encoder"], size["hidden"], size["batch"], each["smoothing"])
            assert wanted in named, f"name {wanted} in head_sweep.plan.presets.confirm of params.yaml"
    assert not {run.spec.seed for run in confirm} & {run.spec.seed for run in default}
