"""The committed tables of the defaults show their lessons."""

import json
from typing import Any

import pandas as pd
import pytest

from tests.decisions import texts
from tests.imports import ROOT

RESULTS = ROOT / "results" / "fpr_thresholds"
LEARNABLE = ["crypto", "scam"]


@pytest.fixture(scope="module")
def table() -> Any:
    return pd.read_csv(RESULTS / "table.csv").set_index(["option", "label"])


@pytest.fixture(scope="module")
def decision() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((RESULTS / "decision.json").read_text())
    return loaded


def test_the_tiny_calibration_set_is_brittle(table: Any) -> None:
    """On the label with fewest negatives, 45; with 92 the control's interval is as wide as that of 1,147 here."""
    width = table["threshold_high"] - table["threshold_low"]
    assert width["A_as_is", "crypto"] > 2 * width["N2_forward_chained", "crypto"]


def test_in_sample_pool_rows_blow_the_budget(table: Any) -> None:
    for option in ("B1_full_pool", "D2_mined_600", "D3_train_calib"):
        for label in LEARNABLE:
            assert table.loc[(option, label), "verdict"] == "violates"
            assert table.loc[(option, label), "fpr"] > 2 * 0.02


def test_a_guarantee_is_declared_infeasible_with_what_to_collect_or_has_the_rows_it_needs(table: Any) -> None:
    assert table.loc[("N1_guaranteed", "scam"), "certificate"] == "needs 114 negatives, has 92: collect 22"
    assert table.loc[("N1_guaranteed", "crypto"), "certificate"] == "needs 114 negatives, has 45: collect 69"
    for option in ("N2_forward_chained", "N3_any_label"):
        for label in LEARNABLE:
            assert table.loc[(option, label), "status"] == "feasible"
            assert table.loc[(option, label), "fpr"] < table.loc[("B1_full_pool", label), "fpr"]


def test_no_guarantee_is_broken_and_the_few_later_rows_confirm_none(table: Any) -> None:
    """Forward-chained rows count from models like the one in use: those of earlier ones broke the joint guarantee."""
    assert table.loc[("N3_any_label", "micro"), "verdict"] == "cannot tell"
    for label in LEARNABLE:
        assert table.loc[("N2_forward_chained", label), "verdict"] == "cannot tell"


def test_the_unlearnable_label_is_diagnosed_as_such(decision: dict[str, Any]) -> None:
    diagnosis = pd.read_csv(RESULTS / "diagnosis.csv").set_index("label")
    assert diagnosis.loc["promo", "diagnosis"] == "ranking"
    assert str(diagnosis.loc["promo", "sentence"]).startswith("no threshold can be shown to help this label")
    labels = decision["evidence"]["labels"]
    assert [name for name, found in labels.items() if found["oracle"]["kind"] == "learnable"] == LEARNABLE
    assert labels["promo"]["oracle"]["kind"] == "no threshold helps"
    assert labels["promo"]["action"] == "redesign"


def test_mined_rows_with_their_pool_as_denominator_promise_what_the_pool_does(table: Any) -> None:
    for label in LEARNABLE:
        assert (
            table.loc[("D2_mined_600", label), "threshold"] == table.loc[("B1_full_pool", label), "threshold"]
        )
        assert (
            table.loc[("D2_mined_600", label), "selected_threshold"]
            > table.loc[("D2_mined_600", label), "threshold"]
        )


def test_labels_choose_for_themselves_and_one_that_no_threshold_helps_has_no_veto(
    decision: dict[str, Any],
) -> None:
    assert decision["chosen"] == {
        "crypto": "N2_forward_chained",
        "scam": "N2_forward_chained",
        "promo": "A_as_is",
    }
    assert (decision["action"], decision["grade"]) == ("collect", "cannot tell")


def test_the_control_keeps_the_budget_in_the_folds_and_is_left_out_by_the_risk_that_its_rows_leave(
    decision: dict[str, Any], table: Any
) -> None:
    for label in LEARNABLE:
        control = decision["evidence"]["folds"]["A_as_is"][label]
        assert control["fpr"] <= 0.02
        assert control["risk"] > decision["evidence"]["max_risk"]
        assert not control["eligible"]
    assert table.loc[("A_as_is", "micro"), "verdict"] == "violates"
    said = [each["text"] for each in decision["reasons"] if each["kind"] == "control_left_out"]
    assert "so few calibration rows leave a risk of 40%" in said[0]


def test_cannot_tell_comes_with_the_negatives_that_would_decide(decision: dict[str, Any]) -> None:
    assert decision["evidence"]["fewest_negatives_that_hold"] == 149
    needed = [each for each in decision["would_change"] if each["unit"] == "negatives"]
    assert len(needed) == len(LEARNABLE)
    assert all(each["needed"] > each["present"] for each in needed)
    helped = [each for each in decision["would_change"] if each["unit"] == "positives"]
    assert [each["needed"] for each in helped] == [None]


def test_every_option_has_its_labels_and_pooled_rows(table: Any) -> None:
    assert len(table) == 10 * 5
    assert table.index.get_level_values("option").nunique() == 10


def test_looser_options_move_from_the_control_as_in_the_printed_table_of_the_original(table: Any) -> None:
    # B2 and D1 do not on this seed, where the control fires on 9 of 160 negatives and not on none
    # scam on the holdout there: recall, false-positive rate
    original = {
        "A_as_is": (0.257, 0.000),
        "B1_full_pool": (0.446, 0.175),
        "C_relaxed": (0.337, 0.037),
        "D2_mined_600": (0.396, 0.106),
        "D3_train_calib": (0.327, 0.019),
    }
    ours = {name: tuple(table.loc[(name, "scam"), ["recall", "fpr"]]) for name in original}
    for name in original.keys() - {"A_as_is"}:
        for theirs, here, control, control_here in zip(
            original[name], ours[name], original["A_as_is"], ours["A_as_is"], strict=True
        ):
            assert (theirs > control) == (here > control_here)
    assert original["B1_full_pool"][1] > 0.02 < ours["B1_full_pool"][1]


DETECTIONS = ROOT / "results" / "hybrid_calibrator"


@pytest.fixture(scope="module")
def detections() -> Any:
    return pd.read_csv(DETECTIONS / "table.csv").set_index(["variant", "option"])


def test_every_row_of_both_variants_is_judged_on_the_same_objects(detections: Any) -> None:
    assert set(detections.index.get_level_values("variant")) == {"nonwindow", "window"}
    assert (detections["tp"] + detections["fn"] == detections["ground_truth"]).all()
    assert len(set(detections["ground_truth"])) == 1


def test_a_blend_is_adopted_only_where_the_tune_images_tell_it_from_the_control(detections: Any) -> None:
    decision = json.loads((DETECTIONS / "decision.json").read_text())
    for variant, evidence in decision["evidence"]["variants"].items():
        first = evidence["tune"][0]
        over = [first["over_control"], *first["over_other_controls"].values()]
        assert first["challenger"] == "lr_blend"
        assert (first["adopted_for"] == "F1") == all(gain["low"] > 0 for gain in over)
        assert first["adopted_for"] == "F1"
        assert detections.loc[(variant, "lr_blend"), "delta_f1_low"] > 0
    verdicts = {name: each["verdict"] for name, each in decision["evidence"]["variants"].items()}
    assert verdicts == {"nonwindow": "holds", "window": "holds"}
    assert (decision["action"], decision["grade"], decision["chosen"]) == ("ship", "holds", "lr_blend")


def test_a_row_above_the_choice_that_is_no_challenger_is_named_and_not_called_better() -> None:
    decision = json.loads((DETECTIONS / "decision.json").read_text())
    for variant, evidence in decision["evidence"]["variants"].items():
        above = evidence["no_challengers_above_the_choice_on_tune"]
        assert above["stacked"]["tune"]["low"] < 0 < above["stacked"]["tune"]["f1"]
        assert any(
            text.startswith(f"in {variant}, what could not be chosen but has a higher F1 than lr_blend")
            for text in texts(decision)
        )
    assert decision["better_than_chosen"] == []


def test_nms_takes_the_duplicates_that_deduplication_leaves_to_the_union(detections: Any) -> None:
    for _, rows in detections.droplevel("variant").groupby(detections.index.get_level_values("variant")):
        assert rows.loc["union", "error_duplicate"] > 20 * rows.loc["union_nms", "error_duplicate"]
        assert rows.loc["union_nms", "f1"] > rows.loc["union", "f1"] + 0.1


def test_the_control_says_which_columns_it_chose_and_the_published_one_stands_beside_it(
    detections: Any,
) -> None:
    reasons = texts(json.loads((DETECTIONS / "decision.json").read_text()))
    for variant in ("nonwindow", "window"):
        assert any(reason.startswith(f"{variant}: the control is XGBoost on") for reason in reasons)
        published = detections.loc[(variant, "all_features"), "f1"]
        assert detections.loc[(variant, "lr_blend"), "f1"] > published
        assert detections.loc[(variant, "control"), "delta_f1"] == 0


def test_every_calibrator_beats_the_raw_detectors_and_their_union(detections: Any) -> None:
    for _, rows in detections.groupby("variant"):
        calibrated = rows[rows["tier"] == "calibrated"]
        assert calibrated["f1"].min() > rows[rows["tier"] != "calibrated"]["f1"].max()
