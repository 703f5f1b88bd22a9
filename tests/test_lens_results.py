"""The committed table of lens_shortcuts shows what it is there to show."""

import json
from typing import Any

import pandas as pd
import pytest

from methods.shortcuts.decision_tree import Leaf
from tasks.report.templates import Reason, sentences
from tests.decisions import texts
from tests.imports import ROOT

RESULTS = ROOT / "results" / "lens_shortcuts"


@pytest.fixture(scope="module")
def table() -> Any:
    return pd.read_csv(RESULTS / "table.csv").set_index("variant")


@pytest.fixture(scope="module")
def gates() -> Any:
    return pd.read_csv(RESULTS / "gates.csv")


def test_all_five_variants_are_there_and_one_seed_is_not_ranked(table: Any) -> None:
    assert table.index.tolist() == ["A1", "B1", "B2", "B3", "B4"]
    assert set(table["status"]) == {"trained"}
    assert set(table["rank"]) == {"not ranked"}


def test_the_default_finds_lenses(table: Any) -> None:
    assert table["test_auroc"].between(0.88, 0.99).all()
    assert table.loc["A1", "test_win_rate"] > 0.9


def test_no_gate_finds_anything_in_the_careful_placebo(gates: Any) -> None:
    honest = gates[gates["set"] == "placebo"]
    assert len(honest) >= 2 * 2 * 7
    assert not honest["finds"].any()


def test_arcs_are_seen_by_the_radial_gate_and_not_by_the_residual_core(gates: Any) -> None:
    final = gates[(gates["set"] == "arcs") & (gates["split"] == "val") & (gates["mode"] == "unpaired")]
    auc = final.set_index("gate")["auc"]
    assert auc["radial_lr"] > 0.8
    assert abs(auc["core_lr_residual"] - 0.5) < 0.08
    assert auc["core_lr_raw"] > 0.6


def test_every_planted_leak_is_found_by_some_gate(gates: Any) -> None:
    planted = gates[gates["set"].str.startswith("leak_")]
    assert planted["set"].nunique() == 5
    assert planted.groupby("set")["finds"].any().all()


def test_bins_add_up_to_the_table(table: Any) -> None:
    bins = pd.read_csv(RESULTS / "bins.csv")
    for variant, rows in bins[bins["part"] == "test"].groupby("variant"):
        pooled = (rows["auroc"] * rows["positives_counted"]).sum() / rows["positives_counted"].sum()
        assert pooled == pytest.approx(table.loc[variant, "test_auroc"], abs=1e-5)


def test_the_decision_is_a_leaf_of_the_tree_with_its_path() -> None:
    decision = json.loads((RESULTS / "decision.json").read_text())
    said = texts(decision)[0]
    leaves = [Reason("leaf", {"name": each}) for each in Leaf]
    assert said.split("'")[1] in sentences("tasks/lens_shortcuts/comparison/reasons.j2", leaves)
    assert decision["evidence"]["path"]
    assert decision["evidence"]["gates_mode"] == "placebo"
    assert any("not ranked" in reason for reason in texts(decision))
