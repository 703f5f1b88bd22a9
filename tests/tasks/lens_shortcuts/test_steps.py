"""The stages after render, on small made-up stamps."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import stdtrit

from methods.lenses.batches import resident
from methods.lenses.training import logits, restored
from methods.shortcuts.claims import Claim
from methods.shortcuts.evaluation import undefined as no_estimate
from methods.shortcuts.gate_results import QUICK
from methods.shortcuts.grades import GradeEdges
from methods.shortcuts.seed_differences import SeedDifference
from methods.statistics.ranking import auroc
from params.block import read_block
from params.lens_shortcuts import Full, Mode
from run_stage import params_model
from storage.files.documents import write_json
from storage.files.inputs import InputError
from storage.files.tables import read_csv, read_parquet
from storage.files.tensors import read_tensors
from tasks.lens_shortcuts import compare, full, gates, mask, train, tree
from tasks.lens_shortcuts.comparison.choice import GateConfirmation, claim, confirmation
from tasks.lens_shortcuts.model import training
from tasks.lens_shortcuts.model.labelled_stamps import stamp_set
from tasks.report.decision import Decision
from tasks.report.templates import sentences
from tests.decisions import texts
from tests.imports import ROOT
from tests.tasks.lens_shortcuts import artifacts as made

MODES: tuple[Mode, ...] = ("paired", "unpaired")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints go to .cache of the working folder."""
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)


@dataclass(frozen=True)
class Pipeline:
    root: Path

    def stamps(self, mode: str) -> Path:
        return self.root / mode / "stamps"

    def path(self, option: str, name: str) -> Path:
        return self.root / option / name

    def unmasked(self) -> None:
        for mode in MODES:
            gates.main(made.gates(), mode, self.stamps(mode), self.path(mode, "gates.csv"))
            train.main(made.train(), mode, self.stamps(mode), self.path(mode, "run"))

    def walk(self, gates_from: Any = "placebo") -> None:
        files: dict[str, Any] = {
            name: {mode: self.path(mode, name) for mode in MODES} for name in ("stamps", "gates.csv", "run")
        }
        tree.main(
            made.tree(gates_from), files["stamps"], files["gates.csv"], files["run"], self.root / "tree.json"
        )

    def masked(self, force: bool = True) -> None:
        for variant in ("B2", "B3"):
            mask.main(
                made.mask(force),
                variant,
                self.stamps("unpaired"),
                self.root / "tree.json",
                self.path(variant, "run"),
            )

    def compare(self) -> None:
        by_mode: dict[str, Any] = {
            name: {mode: self.path(mode, name) for mode in MODES} for name in ("stamps", "gates.csv")
        }
        runs = {option: self.path(option, "run") for option in (*MODES, "B2", "B3")}
        compare.main(
            made.compare(), by_mode["stamps"], by_mode["gates.csv"], runs, self.root / "tree.json",
            self.root / "results", self.root / "chosen.json", self.root / "page.html",
        )  # fmt: skip


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    torch.set_num_threads(1)
    found = Pipeline(tmp_path_factory.mktemp("lens"))
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.chdir(found.root)
    for mode in MODES:
        made.write_stamps(found.stamps(mode), mode)
    found.unmasked()
    found.walk()
    found.masked()
    found.compare()
    monkeypatch.undo()
    return found


def rows_of(root: Path) -> Any:
    return read_csv(root / "results" / "table.csv").set_index("variant")


def test_every_variant_has_its_row_and_every_file_is_there(pipeline: Pipeline) -> None:
    table = read_csv(pipeline.root / "results" / "table.csv")
    assert table["variant"].tolist() == ["A1", "B1", "B2", "B3"]
    assert set(table["status"]) == {"trained"}
    assert set(table["rank"]) == {"not ranked"}
    written = {path.name for path in (pipeline.root / "results").iterdir()}
    assert written == {
        "table.csv", "gates.csv", "epochs.csv", "bins.csv", "curves.csv", "decision.json", "EXPERIMENT_RESULTS.md",
        "sensitivity.png", "einstein_radii.png", "gates.png", "learning.png", "stamps.png", "hardest_errors.png",
    }  # fmt: skip


def test_figures_of_the_table_are_those_of_the_scores(pipeline: Pipeline) -> None:
    table = rows_of(pipeline.root)
    scores = read_parquet(pipeline.path("unpaired", "run") / "scores.parquet")
    of = scores[(scores["set"] == "arcs") & (scores["split"] == "test")]
    found = stamp_set(pipeline.stamps("unpaired"), "arcs", "test")
    assert table.loc["B1", "test_auroc"] == pytest.approx(
        auroc(of["r0"].to_numpy(), found.positive), abs=1e-6
    )
    placebo = scores[(scores["set"] == "placebo") & (scores["split"] == "test")]
    assert table.loc["B1", "test_placebo"] == pytest.approx(
        auroc(placebo["r0"].to_numpy(), found.positive), abs=1e-6
    )
    assert table.loc["A1", "win_rate"] > 0.5
    assert np.isnan(table.loc["B1", "win_rate"])  # no pairs, no figure


def test_the_epoch_is_chosen_by_one_half_of_val_and_told_by_the_other(pipeline: Pipeline) -> None:
    run = pipeline.path("unpaired", "run")
    records = [json.loads(line) for line in (run / "seed_1" / "metrics.jsonl").read_text().splitlines()]
    facts = json.loads((run / "seed_1" / "metrics.json").read_text())
    values = [record["val_auroc"] for record in records]
    assert facts["best_epoch"] == 1 + int(np.argmax(values))
    scores = read_parquet(run / "scores.parquet")
    val = scores[(scores["set"] == "arcs") & (scores["split"] == "val")]
    assert 0.4 < val["selects"].mean() < 0.6
    assert {"reliance", "placebo_auroc", "theta_E"} <= set(records[1])  # every second epoch, and the last
    assert "reliance" not in records[0]


def test_weights_and_status_are_pinned(pipeline: Pipeline) -> None:
    run = pipeline.path("B3", "run")
    assert {path.name for path in (run / "seed_1").iterdir()} == {
        "best.safetensors", "last.safetensors", "metrics.json", "metrics.jsonl",
    }  # fmt: skip
    status = json.loads((run / "status.json").read_text())
    assert status["status"] == "trained"
    assert status["recipe"] == made.RECIPE | {"network": made.RECIPE["network"]}
    assert len(status["phases"]) == 2
    assert not (pipeline.root / ".cache").exists() or not list((pipeline.root / ".cache").iterdir())


def test_pinned_weights_give_the_pinned_scores(pipeline: Pipeline) -> None:
    run = pipeline.path("unpaired", "run")
    network = restored(
        3,
        8,
        {
            name: torch.from_numpy(each)
            for name, each in read_tensors(run / "seed_1" / "best.safetensors").items()
        },
        "cpu",
    )
    found = stamp_set(pipeline.stamps("unpaired"), "arcs", "test")
    again = logits(network, resident(found.pixels, found.positive, "residual", "cpu"), 7)
    scores = read_parquet(run / "scores.parquet")
    kept = scores[(scores["set"] == "arcs") & (scores["split"] == "test")]["r7"]
    np.testing.assert_array_equal(again, kept)


def test_the_decision_prints_both_paths(pipeline: Pipeline) -> None:
    decision = json.loads((pipeline.root / "results" / "decision.json").read_text())
    assert set(decision) == set(Decision.model_fields)
    assert decision["control"] == "B1"
    assert decision["evidence"]["path"]
    assert decision["evidence"]["path_other"]
    page = (pipeline.root / "results" / "EXPERIMENT_RESULTS.md").read_text()
    assert "placebo gates (these decide)" in page
    assert "**plan gates:" in page
    assert "not ranked" in page
    assert "<NA>" not in page
    assert "nan" not in page.lower().replace("finance", "")


def test_every_figure_says_on_how_many_it_rests(pipeline: Pipeline) -> None:
    row = rows_of(pipeline.root).loc["B1"]
    found = stamp_set(pipeline.stamps("unpaired"), "arcs", "test")
    assert row["test_positives"] == found.positive.sum()
    assert row["test_negatives"] == (~found.positive).sum()
    assert row["test_far_positives"] == (found.theta_E >= made.RECIPE["reliance_theta_E"]).sum()
    assert row["positives"] + row["negatives"] == pytest.approx(60, abs=2)  # half of val
    gate = read_csv(pipeline.root / "results" / "gates.csv")
    assert (gate["positives"] == gate["n"] / 2).all()
    epochs = read_csv(pipeline.root / "results" / "epochs.csv").dropna(subset=["n_0.5_1"])
    assert (epochs[["n_0.5_1", "n_1_2", "n_2_3"]].sum(axis=1) == row["positives"]).any()


def test_placebo_gates_are_a_family_of_their_own(pipeline: Pipeline) -> None:
    gate = read_csv(pipeline.root / "results" / "gates.csv")
    for (_, name), rows in gate.groupby(["mode", "set"]):
        assert (rows["family"] == len(rows)).all(), name
    reasons = texts(json.loads((pipeline.root / "results" / "decision.json").read_text()))
    assert sum(f"{len(QUICK) * 2} gates find something" in each for each in reasons) == len(MODES)


def test_the_choice_is_held_against_every_edge_on_test(pipeline: Pipeline) -> None:
    decision = json.loads((pipeline.root / "results" / "decision.json").read_text())
    page = (pipeline.root / "results" / "EXPERIMENT_RESULTS.md").read_text()
    checked = decision["evidence"]["choice_on_test"]
    if decision["chosen"] == "none":
        assert not checked
        assert "there is nothing to confirm" in page
        return
    assert set(checked) == {"auroc", "placebo", "reliance", "theta_E_least", "theta_E_spread"}
    assert (checked["auroc"]["passes"], checked["auroc"]["fails"]) == (0.88, 0.88)
    answers = {each["answer"] for each in checked.values()}
    said = "does not hold" if "does not hold" in answers else "cannot tell"
    assert decision["grade"] == ("holds" if answers == {"holds"} else said)
    needing = {name for name, each in checked.items() if each["answer"] == "cannot tell"}
    claims = [each["claim"] for each in decision["would_change"]]
    assert len(claims) == len(needing)
    assert all(claim.startswith("on which side of FAIL the ") for claim in claims)
    for each in decision["would_change"]:
        assert (each["unit"], each["present"]) == ("test positives", made.COUNTS["test"] // 2)


def test_one_training_is_never_better(pipeline: Pipeline) -> None:
    decision = json.loads((pipeline.root / "results" / "decision.json").read_text())
    against = decision["evidence"]["against_control_on_test"]
    assert list(against) == ["B2", "B3"]
    for each in against.values():
        assert (each["seeds"], each["comparisons"]) == (1, 2)
        assert "not distinguishable" in each["told"]


@pytest.mark.parametrize(
    ("seeds", "low", "high", "expected"),
    [
        (1, -0.01, 0.03, "not distinguishable"),
        (1, 0.001, 0.03, "higher on these stamps, not distinguishable from the luck of one training"),
        (2, -0.03, -0.01, "lower on these stamps, not distinguishable from the luck of 2 trainings"),
        (3, -0.01, 0.03, "not distinguishable"),
        (3, 0.01, 0.03, "better"),
        (3, -0.03, -0.01, "worse"),
    ],
)
def test_what_is_said_of_a_difference(seeds: int, low: float, high: float, expected: str) -> None:
    found = claim(SeedDifference((low + high) / 2, low, high, seeds), 3)
    assert sentences("tasks/lens_shortcuts/comparison/reasons.j2", [found]) == [expected]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["holds", "holds"], "holds"),
        (["holds", "cannot tell"], "cannot tell"),
        (["cannot tell", "does not hold", "holds"], "does not hold"),
    ],
)
def test_a_choice_holds_where_every_gate_does(answers: list[str], expected: str) -> None:
    found = no_estimate(Claim("empty_bin"))
    gates = {
        str(number): GateConfirmation(found, GradeEdges(1, 1), None, answer)
        for number, answer in enumerate(answers)
    }
    assert confirmation(gates) == expected


def test_where_hosts_are_pictures_a_brighter_one_is_said_to_be_noisier(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    row = {
        "mode": "unpaired", "set": "leak_bright_hosts", "split": "train", "gate": "radial_lr", "n": 200, "positives": 100,
        "family": 1, "auc": 0.7, "low": 0.6, "high": 0.8, "finds": True, "status": "ok",
    }  # fmt: skip
    unpaired = read_csv(pipeline.path("unpaired", "gates.csv"))
    pd.concat([unpaired, pd.DataFrame([row])]).to_csv(tmp_path / "gates.csv", index=False)
    pages = []
    for number, pictures in enumerate((True, False)):
        stamps = shutil.copytree(pipeline.stamps("unpaired"), tmp_path / f"stamps_{number}")
        if pictures:
            rows = pd.read_parquet(stamps / "rows.parquet")
            rows.assign(host_image=0).to_parquet(stamps / "rows.parquet")
        compare.main(
            made.compare(), {"paired": pipeline.stamps("paired"), "unpaired": stamps},
            {"paired": pipeline.path("paired", "gates.csv"), "unpaired": tmp_path / "gates.csv"},
            {mode: pipeline.path(mode, "run") for mode in MODES},
            pipeline.root / "tree.json", tmp_path / f"results_{number}", tmp_path / "chosen.json",
            tmp_path / "page.html",
        )  # fmt: skip
        pages.append((tmp_path / f"results_{number}" / "EXPERIMENT_RESULTS.md").read_text())
    assert "| 0.700 [0.600, 0.800]* |" in pages[0]
    assert "multiplied noise and all" in pages[0]
    assert "pictures" not in pages[1]


def test_twice_is_once(pipeline: Pipeline, tmp_path: Path) -> None:
    train.main(made.train(), "unpaired", pipeline.stamps("unpaired"), tmp_path / "run")
    assert contents(tmp_path / "run") == contents(pipeline.path("unpaired", "run"))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


KILLED = """
import sys, torch
from pathlib import Path
from tasks.lens_shortcuts import train
from tests.tasks.lens_shortcuts import artifacts as made
torch.set_num_threads(1)
train.main(made.train(network={"epochs": 4}), "unpaired", Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_a_training_that_is_killed_goes_on_and_leaves_the_same_bytes(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    def start(name: str) -> "subprocess.Popen[bytes]":
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        command = [sys.executable, "-c", KILLED, str(pipeline.stamps("unpaired")), str(folder / "run")]
        return subprocess.Popen(
            command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE
        )

    whole = start("whole")
    whole.communicate()
    assert whole.returncode == 0
    killed = start("killed")
    deadline = time.monotonic() + 300
    while not list((tmp_path / "killed").glob(".cache/*/seed_1.npz")):
        assert killed.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    killed.kill()
    killed.communicate()
    assert not (tmp_path / "killed" / "run").exists()
    again = start("killed")
    said = again.communicate()[0].decode()
    assert again.returncode == 0
    assert "goes on after epoch" in said
    assert contents(tmp_path / "killed" / "run") == contents(tmp_path / "whole" / "run")
    assert not list((tmp_path / "killed" / ".cache").iterdir())


def test_a_variant_that_the_tree_does_not_ask_for_says_why(pipeline: Pipeline, tmp_path: Path) -> None:
    answer = json.loads((pipeline.root / "tree.json").read_text()) | {
        "masks_required": False,
        "why": "B1 passes",
    }
    (tmp_path / "tree.json").write_text(json.dumps(answer))
    for variant in ("B2", "B3"):
        mask.main(
            made.mask(force=False),
            variant,
            pipeline.stamps("unpaired"),
            tmp_path / "tree.json",
            tmp_path / variant / "run",
        )
        status = json.loads((tmp_path / variant / "run" / "status.json").read_text())
        assert (status["status"], status["reason"]) == ("not required", "B1 passes")
        assert [path.name for path in (tmp_path / variant / "run").iterdir()] == ["status.json"]
    modes: dict[str, Any] = {mode: pipeline.path(mode, "run") for mode in MODES}
    compare.main(
        made.compare(), {mode: pipeline.stamps(mode) for mode in MODES},
        {mode: pipeline.path(mode, "gates.csv") for mode in MODES},
        {**modes, "B2": tmp_path / "B2" / "run", "B3": tmp_path / "B3" / "run"},
        tmp_path / "tree.json", tmp_path / "results", tmp_path / "chosen.json", tmp_path / "page.html",
    )  # fmt: skip
    table = rows_of(tmp_path)
    assert table.loc["B2", "status"] == "not required"
    assert table.loc["B2", "why"] == "B1 passes"


def test_a_variant_that_the_tree_asks_for_is_trained_without_being_forced(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    answer = json.loads((pipeline.root / "tree.json").read_text()) | {
        "masks_required": True,
        "why": "core FAIL",
    }
    (tmp_path / "tree.json").write_text(json.dumps(answer))
    mask.main(
        made.mask(force=False), "B2", pipeline.stamps("unpaired"), tmp_path / "tree.json", tmp_path / "run"
    )
    assert json.loads((tmp_path / "run" / "status.json").read_text())["status"] == "trained"
    assert contents(tmp_path / "run").keys() == contents(pipeline.path("B2", "run")).keys()
    first, second = (
        read_parquet(path / "scores.parquet") for path in (tmp_path / "run", pipeline.path("B2", "run"))
    )
    pd.testing.assert_frame_equal(first, second)


def test_the_answer_of_the_tree_holds_no_figure(pipeline: Pipeline) -> None:
    """So that variants are trained anew only where the answer or the recipe changed."""
    answer = json.loads((pipeline.root / "tree.json").read_text())
    assert set(answer) == {
        "baseline", "mode", "gates", "leaf", "masks_required", "why", "thresholds", "recipe",
    }  # fmt: skip


def test_three_seeds_are_ranked(pipeline: Pipeline, tmp_path: Path) -> None:
    run: dict[str, Any] = {}
    for mode in MODES:
        run[mode] = tmp_path / mode / "run"
        train.main(
            made.train(seeds=[1, 2, 3], network={"epochs": 1}),
            mode,
            pipeline.stamps(mode),
            run[mode],
        )
    stamps: dict[str, Any] = {mode: pipeline.stamps(mode) for mode in MODES}
    found: dict[str, Any] = {mode: pipeline.path(mode, "gates.csv") for mode in MODES}
    tree.main(made.tree("plan"), stamps, found, run, tmp_path / "tree.json")
    run["B2"] = tmp_path / "B2" / "run"
    mask.main(made.mask(), "B2", pipeline.stamps("unpaired"), tmp_path / "tree.json", run["B2"])
    compare.main(
        made.compare(),
        stamps,
        found,
        run,
        tmp_path / "tree.json",
        tmp_path / "results",
        tmp_path / "chosen.json",
        tmp_path / "page.html",
    )
    table = read_csv(tmp_path / "results" / "table.csv")
    assert table["seed"].tolist() == [1, 2, 3] * 3
    assert set(table[table["mode"] == "paired"]["rank"]) == {1}  # the only one of its mode
    decision = json.loads((tmp_path / "results" / "decision.json").read_text())
    found = decision["evidence"]["against_control_on_test"]["B2"]
    assert found["seeds"] == 3
    value, low, high = found["auroc"]
    each = table[table["variant"] == "B2"]
    assert value == pytest.approx(each["test_delta"].mean(), abs=1e-6)
    training = stdtrit(2, 0.975) * each["test_delta"].std() / 3**0.5
    assert high - value > training  # and what the stamps add
    assert value - low == pytest.approx(high - value, rel=0.05)  # not to the digit: an AUROC ends at 1


def test_without_a_placebo_the_tree_says_what_it_lacks(tmp_path: Path) -> None:
    found = Pipeline(tmp_path)
    for mode in MODES:
        made.write_stamps(found.stamps(mode), mode, placebo=False)
    found.unmasked()
    found.walk()
    answer = json.loads((tmp_path / "tree.json").read_text())
    assert answer["leaf"] in (
        "undecided: needs a gate that is defined",
        "undecided: needs a model that ranks",
    )
    found.masked(force=False)
    found.compare()
    table = rows_of(tmp_path)
    assert table.loc["B1", "placebo_grade"] == "undefined"
    assert np.isnan(table.loc["B1", "placebo"])
    assert table.loc["B2", "status"] == "not required"


def test_one_class_in_a_split_is_refused(tmp_path: Path) -> None:
    folder = made.write_stamps(tmp_path / "stamps", "unpaired")
    rows = pd.read_parquet(folder / "rows.parquet")
    rows.loc[rows["split"] == "val", "label"] = 1
    rows.to_parquet(folder / "rows.parquet")
    with pytest.raises(InputError, match=r"arcs_val.npy.*120 of 120 stamps are positive"):
        gates.main(made.gates(), "unpaired", folder, tmp_path / "gates.csv")


def test_an_einstein_radius_outside_the_bins_is_refused(tmp_path: Path) -> None:
    folder = made.write_stamps(tmp_path / "stamps", "unpaired")
    rows = pd.read_parquet(folder / "rows.parquet")
    rows.loc[1, "theta_E"] = 4.0
    rows.to_parquet(folder / "rows.parquet")
    with pytest.raises(InputError, match=r"unpaired-train-1.*lies outside.*theta_E_edges"):
        train.main(made.train(), "unpaired", folder, tmp_path / "run")


def test_full_training_trains_the_choice_with_its_own_network_where_its_stamps_are(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    network = {**made.RECIPE["network"], "width": 16, "schedule": "cosine", "epochs": 2, "patience": 1}
    params = Full.model_validate({"network": network, "seeds": [5]})
    choice = json.loads((pipeline.root / "chosen.json").read_text())
    phases = [{"start": 0, "radius": 5, "probability": 0.5}]
    (tmp_path / "chosen.json").write_text(
        json.dumps(choice | {"chosen": "B2", "mode": "unpaired", "phases": phases})
    )
    for name, status in (("off", "not required"), ("on", "given")):
        folder = tmp_path / f"whole_{name}"
        if name == "on":
            shutil.copytree(pipeline.stamps("unpaired"), folder)
        else:
            folder.mkdir()
        write_json(folder / "status.json", {"status": status, "reason": f"it is {name}", "mode": "unpaired"})
        full.main(params, folder, tmp_path / "chosen.json", tmp_path / name)
    found = {name: json.loads((tmp_path / name / "status.json").read_text()) for name in ("off", "on")}
    assert (found["off"]["status"], found["off"]["reason"]) == ("not required", "it is off")
    assert [path.name for path in (tmp_path / "off").iterdir()] == ["status.json"]
    status = found["on"]
    assert (status["status"], status["variant"], status["seeds"]) == ("trained", "B2", [5])
    assert status["recipe"]["network"] == network


def test_the_key_to_resume_by_knows_the_device_and_bfloat16(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Auto is another device on another machine; a run that began there cannot go on here."""
    keys = []

    def stopped(stage: str, inputs: object, facts: dict[str, Any]) -> None:
        keys.append((facts["on"], facts["bfloat16"]))
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "Finished", stopped)
    for there, units in ((False, False), (True, False), (True, True)):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda units=units: units)
        with pytest.raises(KeyboardInterrupt):
            train.main(
                made.train(network={"device": "auto", "amp": True}), "unpaired", pipeline.stamps("unpaired"),
                tmp_path / "run",
            )  # fmt: skip
    assert keys == [("cpu", False), ("cuda", False), ("cuda", True)]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"lens_shortcuts.train.recipe.network.device: cuda is wanted"):
        train.main(
            made.train(network={"device": "cuda"}), "unpaired", pipeline.stamps("unpaired"), tmp_path / "run"
        )


@pytest.mark.parametrize("file", ["params.yaml", "examples/lens_plan.yaml"])
def test_the_default_and_the_plan_are_valid_and_share_their_rules(file: str) -> None:
    steps = ("prepare", "sample", "render", "gates", "train", "tree", "mask", "compare", "whole", "full")
    blocks = {}
    for step in steps:
        main = import_module(f"tasks.lens_shortcuts.{step}").main
        blocks[step] = read_block(ROOT / file, f"lens_shortcuts.{step}", params_model(main))
    default = read_block(ROOT / "params.yaml", "lens_shortcuts.tree", params_model(tree.main))
    assert blocks["tree"] == default
    if file != "params.yaml":
        assert blocks["train"].recipe.network == blocks["full"].network
        assert blocks["sample"].share == 0.1  # of what decides; whole takes all of it
    assert not blocks["whole"].enabled
