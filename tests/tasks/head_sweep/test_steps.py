"""The sweep's stages on small made-up embeddings: plan, train, compare, resume, pinned head, refusals."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from methods.calibration.temperature import fit_temperature
from methods.heads.specs import HeadSpec
from params.block import read_block
from params.head_sweep import Cells, Compare, Plan, Size, Train
from storage.files.documents import read_json, write_json
from storage.files.inputs import InputError
from storage.heads.embeddings import Card, Embeddings, write_embeddings
from tasks.head_sweep import compare, plan, train
from tasks.head_sweep.use.apply import read_head
from tasks.report.decision import Decision
from tests.decisions import texts
from tests.imports import ROOT

PARAMS = ROOT / "params.yaml"
ENCODERS = ("one", "two")
PROFILES = {
    "base": "bal-mix0p1-lr0p01-pat2", "calib": "bal-mix0p1-lr0p01-pat2-temp", "full": "nat-mix0p1-center-gelu-ln-eff0p9999-lr0p01-pat2-hard5-temp",
    "infer": "nat-mix0-lr0p01-pat2-lainfer1-temp", "crt": "nat-mix0-lr0p01-pat2-crt10bal",
}  # fmt: skip
COMPARE = Compare(
    kind="sweep", dataset="made", full="full", families={"one": "first", "two": "second"}, few_rows=5, level=0.95,
    resamples=200, null_draws=100, top=3, seed=1,
)  # fmt: skip
RUNS, STATES = 20, 16  # of one encoder; calib shares base's


def planned(preset: str = "small", **profiles: str) -> Plan:
    cells = Cells(encoders=list(ENCODERS), sizes=["tiny"], smoothing=[0, 0.1], seeds=[1, 2],
                  profiles=[*PROFILES, *profiles])  # fmt: skip
    sizes = {"tiny": Size(hidden=16, batch=32)}
    return Plan(preset=preset, profiles={**PROFILES, **profiles}, sizes=sizes, presets={"small": [cells]})


def made(encoder: str, d: int = 24, dataset: str = "made") -> Embeddings:
    rng = np.random.default_rng(0)
    labels = np.concatenate([np.arange(5).repeat(16), rng.choice(5, 420, p=[0.5, 0.25, 0.1, 0.05, 0.1])])
    groups = np.arange(500) // 4
    split = np.array(["train", "train", "train", "validation", "test"])[groups % 5]
    own = np.random.default_rng(d)
    values = own.normal(size=(5, d))[labels] + 1.2 * own.normal(size=(500, d)) + 2
    names = np.array(["a", "b", "c", "__bg_0", "__bg_1"])[labels]
    return Embeddings(
        encoder, dataset, [f"row_{i}" for i in range(500)], [f"image_{g}" for g in groups], names.tolist(),
        split.tolist(), values.astype(np.float32), Card("made up", "none", "0" * 64, {}),
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run of all three stages."""
    root = tmp_path_factory.mktemp("sweep")
    run_stages(root)
    return root


def files(root: Path, name: str) -> dict[str, Path]:
    return {encoder: root / encoder / name for encoder in ENCODERS}


def run_stages(root: Path) -> None:
    before = Path.cwd()
    os.chdir(root)
    try:
        plan.main(planned(), root / "plan.json")
        for number, encoder in enumerate(ENCODERS):
            (root / encoder).mkdir(exist_ok=True)
            write_embeddings(root / encoder / "embeddings.json", made(encoder, 24 + 8 * number))
            train_one(root, encoder)
        compare_all(root, COMPARE)
    finally:
        os.chdir(before)


def train_one(root: Path, encoder: str) -> None:
    own = root / encoder
    train.main(
        Train(device="cpu"), encoder, root / "plan.json", own / "embeddings.json", own / "runs.json",
        own / "heads.safetensors", own / "logits.npz",
    )  # fmt: skip


def compare_all(root: Path, params: Compare, results: str = "results") -> None:
    compare.main(
        params, root / "plan.json", files(root, "embeddings.json"), files(root, "runs.json"),
        files(root, "heads.safetensors"), files(root, "logits.npz"), root / "finished_runs.json", root / results,
        root / "head.json", root / "page.html",
    )  # fmt: skip


def test_the_plans_406_runs_need_290_trainings_and_116_forks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = read_block(PARAMS, "head_sweep.plan", Plan).model_copy(update={"preset": "plan_406"})
    plan.main(params, tmp_path / "plan.json")
    assert capsys.readouterr().out.startswith("preset plan_406: 406 runs = 290 trainings + 116 forks")
    assert len(read_json(tmp_path / "plan.json")["planned"]) == 406


@pytest.mark.parametrize(
    ("preset", "runs"), [("second_generation_36", 36), ("minimal_36", 36), ("default", 342), ("confirm", 24)]
)
def test_every_preset_expands(preset: str, runs: int) -> None:
    params = read_block(PARAMS, "head_sweep.plan", Plan).model_copy(update={"preset": preset})
    expanded = plan.preset_runs(params)
    assert len(expanded) == runs
    assert all(HeadSpec.parse(run.spec.id) == run.spec for run in expanded)


@pytest.mark.parametrize(
    ("profile", "says"),
    [
        ("bal-mix0-eff0p99", "balance twice"),
        ("bal-mix0p1-lr0p01-pat2", "twice"),
        ("bal-mix0-wrong", "no knob"),
        ("bal-mix0-ls0p2", "twice"),
    ],
)
def test_a_profile_that_cannot_be_run_is_refused_with_its_place(
    tmp_path: Path, profile: str, says: str
) -> None:
    with pytest.raises(InputError, match=f"params.yaml, field head_sweep.plan.*{says}"):
        plan.main(planned(again=profile), tmp_path / "plan.json")


def test_an_unknown_profile_size_or_preset_is_refused() -> None:
    with pytest.raises(ValueError, match="no preset"):
        planned(preset="other")
    block = planned().model_dump()
    block["presets"]["small"][0]["sizes"] = ["huge"]
    with pytest.raises(ValueError, match="huge"):
        Plan.model_validate(block)


def test_base_against_calib_is_exactly_zero_in_all_that_counts_answers(folder: Path) -> None:
    table = pd.read_csv(folder / "results" / "table.csv").set_index("profile")
    calib = table.loc["calib"]
    assert calib["delta"] == calib["delta_low"] == calib["delta_high"] == 0
    assert calib["verdict"] == "changes no answer"
    runs = pd.read_csv(folder / "results" / "runs.csv").set_index(["encoder", "smoothing", "seed"])
    base, cooled = (runs[runs["profile"] == name] for name in ("base", "calib"))
    same = ["macro_f1_fg", "weighted_f1_fg", "macro_precision_fg", "macro_recall_fg", "accuracy"]
    pd.testing.assert_frame_equal(base[same], cooled[same])
    assert not np.allclose(base["nll"], cooled["nll"])
    pd.testing.assert_series_equal(base["ece_after_T"], cooled["ece"], check_names=False)


def test_the_decision_is_made_on_validation_and_judged_on_test(folder: Path) -> None:
    decision = read_json(folder / "results" / "decision.json")
    assert set(decision) == set(Decision.model_fields)
    recipes = pd.read_csv(folder / "results" / "recipes.csv")
    assert decision["evidence"]["challenger"] in set(recipes["recipe"])
    assert recipes["validation_macro_f1_fg"].is_monotonic_decreasing
    assert decision["grade"] in {"holds", "does not hold", "cannot tell", "not judged"}
    assert decision["evidence"]["runs"] == 2 * RUNS


def test_other_test_labels_choose_the_same(folder: Path, tmp_path: Path) -> None:
    """Test labels are read by compare alone, and choose nothing there."""
    shutil.copytree(folder, tmp_path / "other")
    root = tmp_path / "other"
    for encoder in ENCODERS:
        path = root / encoder / "embeddings.json"
        side = json.loads(path.read_text())
        swap = {"a": "b", "b": "a"}
        side["labels"] = [swap.get(label, label) if split == "test" else label
                          for label, split in zip(side["labels"], side["split"], strict=True)]  # fmt: skip
        path.write_text(json.dumps(side))
    compare_all(root, COMPARE)
    one, two = (read_json(each / "results" / "decision.json") for each in (folder, root))
    assert one["chosen"] == two["chosen"]
    for name in ("optional_toggles", "harmful_toggles"):
        knobs = [[each["knob"] for each in document["evidence"][name]] for document in (one, two)]
        assert knobs[0] == knobs[1]
    before, after = (pd.read_csv(each / "results" / "table.csv")["macro_f1_fg"] for each in (folder, root))
    assert not np.allclose(before, after)


def test_validation_labels_choose(folder: Path, tmp_path: Path) -> None:
    """Other labels there give other figures there, and the same ones on test."""
    root = tmp_path / "other"
    shutil.copytree(folder, root)
    for encoder in ENCODERS:
        path = root / encoder / "embeddings.json"
        side = json.loads(path.read_text())
        swap = {"a": "b", "b": "a"}
        side["labels"] = [swap.get(label, label) if split == "validation" else label
                          for label, split in zip(side["labels"], side["split"], strict=True)]  # fmt: skip
        path.write_text(json.dumps(side))
    compare_all(root, COMPARE)
    one, two = (pd.read_csv(each / "results" / "table.csv") for each in (folder, root))
    assert (one["delta"].dropna() == two["delta"].dropna()).all()
    assert not np.allclose(one["validation_delta"].dropna(), two["validation_delta"].dropna())


def test_twice_is_once(folder: Path, tmp_path: Path) -> None:
    run_stages(tmp_path)
    for path in sorted(each for each in folder.rglob("*") if each.is_file() and ".cache" not in each.parts):
        assert path.read_bytes() == (tmp_path / path.relative_to(folder)).read_bytes(), path.name


def test_the_pinned_head_scores_new_embeddings_as_the_run_did(folder: Path) -> None:
    head = read_head(folder / "head.json")
    encoder = head.spec.encoder
    seen = made(encoder, head.inputs)
    rows = np.compress(np.array(seen.split) == "test", seen.values, axis=0)
    with np.load(folder / encoder / "logits.npz", allow_pickle=False) as stored:
        raw = stored[f"{head.spec.state.id}/test"]
    expected = (raw - head.spec.adjust_infer * np.array(head.prior_offsets)) / head.temperature
    assert np.array_equal(head.logits(rows), expected)
    assert head.probabilities(rows).sum(axis=1) == pytest.approx(1)
    labels = np.array([seen.classes.index(label) for label in seen.labels])
    with np.load(folder / encoder / "logits.npz", allow_pickle=False) as stored:
        there = stored[f"{head.spec.state.id}/validation"] - head.spec.adjust_infer * np.array(
            head.prior_offsets
        )
    fit = fit_temperature(there, labels[np.array(seen.split) == "validation"])
    assert (head.temperature, head.temperature_status) == (fit.temperature, fit.status)
    moved = head.logits(rows, adjust=head.spec.adjust_infer + 1)
    assert moved == pytest.approx(expected - np.array(head.prior_offsets) / head.temperature)
    with pytest.raises(ValueError, match="expected embeddings"):
        head.logits(rows[:, :3])
    with pytest.raises(ValueError, match="norm 0"):
        head.logits(np.zeros((2, head.inputs)))


def test_every_state_that_a_run_reads_is_kept_and_no_other(folder: Path) -> None:
    runs = read_json(folder / "one" / "runs.json")["runs"]
    with np.load(folder / "one" / "logits.npz", allow_pickle=False) as stored:
        states = {name.rpartition("/")[0] for name in stored.files}
    assert states == {run["state"] for run in runs}
    assert (len(runs), len(states)) == (RUNS, STATES)


def test_a_failed_run_enters_no_average_and_is_named(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "failed"
    shutil.copytree(folder, root)
    path = root / "one" / "runs.json"
    document = json.loads(path.read_text())
    broken = next(run for run in document["runs"] if run["profile"] == "full")
    broken |= {"status": "diverged", "validation": None}
    path.write_text(json.dumps(document))
    compare_all(root, COMPARE)
    table = pd.read_csv(root / "results" / "table.csv").set_index("profile")
    assert table["runs"]["full"] == 7
    assert table["failed"]["full"] == 1
    runs = pd.read_csv(root / "results" / "runs.csv").set_index("id")
    assert runs["status"][broken["id"]] == "diverged"
    assert np.isnan(runs["macro_f1_fg"][broken["id"]])
    assert any("diverged" in reason for reason in texts(read_json(root / "results" / "decision.json")))


def diverge(root: Path, which: Callable[[dict[str, Any]], bool]) -> int:
    """Runs that are made to have failed, of both encoders."""
    number = 0
    for encoder in ENCODERS:
        path = root / encoder / "runs.json"
        document = json.loads(path.read_text())
        for run in document["runs"]:
            if which(run):
                run |= {"status": "diverged", "validation": None}
                number += 1
        path.write_text(json.dumps(document))
    return number


def test_a_control_of_which_a_seed_failed_is_compared_at_the_others(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "control"
    shutil.copytree(folder, root)
    assert diverge(root, lambda run: run["profile"] in ("base", "calib") and run["id"].endswith("__s2")) == 8
    compare_all(root, COMPARE)
    decision = read_json(root / "results" / "decision.json")
    assert decision["control"].startswith("base @")
    assert decision["evidence"]["gain_on_validation"] is None
    assert decision["action"] == "collect"
    assert decision["would_change"][0]["unit"] == "seeds"
    left_out = decision["evidence"]["left_out"]
    assert {name.split(" ")[0] for name in left_out} == set(PROFILES)
    assert {why for name, why in left_out.items() if not name.startswith(("base", "calib"))} == {"one seed"}


def test_without_any_run_of_the_control_nothing_can_be_chosen(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "none"
    shutil.copytree(folder, root)
    diverge(root, lambda run: run["profile"] == "base")
    with pytest.raises(InputError, match="a run of the control 'base' beside it"):
        compare_all(root, COMPARE)
    diverge(root, lambda run: True)
    with pytest.raises(InputError, match="every run of dataset 'made' diverged"):
        compare_all(root, COMPARE)


def test_few_rows_are_named_beside_the_choice(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "few"
    shutil.copytree(folder, root)
    assert read_json(folder / "results" / "decision.json")["evidence"]["few_rows"] == {
        "validation": {},
        "test": {},
    }
    compare_all(root, COMPARE.model_copy(update={"few_rows": 20}))
    decision = read_json(root / "results" / "decision.json")
    few = decision["evidence"]["few_rows"]["validation"]
    assert set(few) == {"c"}
    assert any(f"c, {few['c']}" in each and "below 20" in each for each in texts(decision)), texts(decision)


def test_flops_are_told_by_phase(folder: Path) -> None:
    runs = pd.read_csv(folder / "results" / "runs.csv")
    parts = runs[["first_phase_flops", "second_phase_flops", "evaluation_flops"]]
    assert (parts.sum(axis=1) == runs["flops"]).all()
    assert ((runs["second_phase_flops"] > 0) == runs["profile"].isin(["full", "crt"])).all()
    # 16 units, 24 inputs, 5 classes: cRT trains the last layer alone
    crt = runs[(runs["profile"] == "crt") & (runs["encoder"] == "one")]
    assert (crt["second_phase_flops"] == crt["second_phase_steps"] * 32 * 4 * 16 * 5).all()


def test_families_of_encoders_are_compared_and_each_needs_one(folder: Path) -> None:
    factors = pd.read_csv(folder / "results" / "factors.csv").set_index("factor")
    family, encoder = factors.loc["encoder family"], factors.loc["encoder"]
    assert (family["value"], family["against"]) == ("second", "first")
    assert family["delta"] == encoder["delta"]  # one encoder each
    with pytest.raises(InputError, match=r"no family is named for \['two'\]"):
        compare_all(folder, COMPARE.model_copy(update={"families": {"one": "first"}}), "unused")


def test_a_killed_training_goes_on_where_it_was_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    """Through the launcher, killed as soon as its first chunk is kept."""
    whole, cut = (clone(tmp_path / name) for name in ("whole", "cut"))
    launch(whole).wait(300)
    process = launch(cut)
    deadline = time.monotonic() + 300
    while not list((cut / ".cache").glob("head_sweep_train@one-*/*.npz")) and time.monotonic() < deadline:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)
    assert not (cut / "artifacts" / "head_sweep" / "one" / "runs.json").exists()
    launch(cut).wait(300)
    assert "finished before" in (cut / ".logs" / "head_sweep_train@one.log").read_text()
    for name in ("runs.json", "heads.safetensors", "logits.npz"):
        one, two = (root / "artifacts" / "head_sweep" / "one" / name for root in (whole, cut))
        assert one.read_bytes() == two.read_bytes()
    assert not list((cut / ".cache").glob("head_sweep_train*"))


def clone(root: Path) -> Path:
    """What the launcher needs, with a plan of several chunks."""
    own = root / "artifacts" / "head_sweep" / "one"
    own.mkdir(parents=True)
    for name in (
        "run_stage.py",
        "params",
        "tasks",
        "methods",
        "storage",
        "params.yaml",
        "dvc.yaml",
        "requirements.lock",
    ):
        (root / name).symlink_to(ROOT / name)
    plan.main(planned(), root / "artifacts" / "head_sweep" / "plan.json")
    write_embeddings(own / "embeddings.json", made("one"))
    return root


def launch(root: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "run_stage.py", "head_sweep.train", "one"], cwd=root, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


# --- refusals ---------------------------------------------------------------------------------------------------


def without_train(side: dict[str, Any]) -> None:
    side["labels"] = ["b" if label == "c" and split == "train" else label
                      for label, split in zip(side["labels"], side["split"], strict=True)]  # fmt: skip


def one_group(side: dict[str, Any]) -> None:
    first = side["split"].index("train")
    side["labels"] = [("rare" if row == first else label) for row, label in enumerate(side["labels"])]


def no_test(side: dict[str, Any]) -> None:
    side["split"] = ["validation" if split == "test" else split for split in side["split"]]


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (without_train, "class 'c' has no train row"),
        (one_group, "class 'rare' stands in one group"),
        (no_test, "no test row"),
    ],
)
def test_rows_that_no_sweep_can_judge_are_refused_by_name(
    folder: Path, tmp_path: Path, edit: Callable[[dict[str, Any]], None], says: str
) -> None:
    root = tmp_path / "edited"
    shutil.copytree(folder, root)
    path = root / "one" / "embeddings.json"
    side = json.loads(path.read_text())
    edit(side)
    path.write_text(json.dumps(side))
    with pytest.raises(InputError, match=says):
        train_one(root, "one")


def test_an_encoder_that_no_stage_trains_is_refused(folder: Path) -> None:
    only = {"one": folder / "one" / "embeddings.json"}
    with pytest.raises(InputError, match=r"runs of \['two'\], which no stage trains"):
        compare.main(
            COMPARE, folder / "plan.json", only, {"one": folder / "one" / "runs.json"},
            {"one": folder / "one" / "heads.safetensors"}, {"one": folder / "one" / "logits.npz"}, folder / "f.json", folder / "x",
            folder / "y.json", folder / "z.html",
        )  # fmt: skip


def test_a_dataset_without_runs_cannot_decide(folder: Path) -> None:
    with pytest.raises(InputError, match="no run of dataset 'other'"):
        compare_all(folder, COMPARE.model_copy(update={"dataset": "other"}), "unused")


def test_a_head_that_does_not_fit_its_tensors_is_refused(folder: Path, tmp_path: Path) -> None:
    for name in ("head.json", "head.safetensors"):
        shutil.copy(folder / name, tmp_path / name)
    side = read_json(tmp_path / "head.json")
    write_json(tmp_path / "head.json", {**side, "classes": side["classes"][:-1]})
    with pytest.raises(InputError, match="does not fit"):
        read_head(tmp_path / "head.json")


def test_an_encoder_without_runs_in_the_plan_trains_nothing(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "third"
    shutil.copytree(folder, root)
    (root / "three").mkdir()
    write_embeddings(root / "three" / "embeddings.json", made("three"))
    train_one(root, "three")
    assert read_json(root / "three" / "runs.json")["runs"] == []
