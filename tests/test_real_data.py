"""Real data through the pipeline, as the README tells a user to do it; skipped where the data is absent."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.clone import REAL, Clone, clone_working_tree

PYTHON = sys.executable
pytestmark = pytest.mark.slow


def adopt(clone: Clone, example: str, experiment: str = "fpr_thresholds") -> None:
    """What the README says under "Your own data", after the files have been put into data/."""
    shutil.copy(clone.path / "examples" / example, clone.path / "params.yaml")
    clone.run("dvc", "add", "--quiet", "data")
    clone.run(PYTHON, "-m", "flows.reproduce", experiment, "--no-prefect", "--jobs", "1")


@pytest.mark.skipif(not (REAL / "comments").exists(), reason="shared/real/comments is not here")
def test_dated_comments_run_through_all_stages(tmp_path: Path) -> None:
    clone = clone_working_tree(tmp_path / "clone")
    folder = clone.path / "data" / "fpr_thresholds"
    folder.mkdir(parents=True)
    shutil.copy(REAL / "comments" / "messages.jsonl", folder)
    adopt(clone, "own_messages.yaml")

    prepared = json.loads(clone.read("artifacts/fpr_thresholds/prepared.json"))
    assert prepared["train"] + prepared["calib"] + prepared["holdout"] == 1956
    # The same comment is posted again and again, with another number or sign: such rows cannot report.
    assert prepared["holdout_rows_excluded"] == {
        "text in calib": 18, "text in train": 15, "near-copy in calib": 13, "near-copy in train": 7,
    }  # fmt: skip
    table: Any = pd.read_csv(clone.path / "results/fpr_thresholds/table.csv").set_index(["option", "label"])
    spam = table.xs("spam", level="label")
    assert (spam["fp"] + spam["tn"]).unique().tolist() == [305]
    assert spam.loc["N1_guaranteed", "fpr"] <= 0.02
    assert spam.loc["N2_forward_chained", "fpr"] <= 0.02
    assert spam.loc["N2_forward_chained", "recall"] > 0.4
    diagnosis: Any = pd.read_csv(clone.path / "results/fpr_thresholds/diagnosis.csv").set_index("label")
    assert diagnosis.loc["spam", "holdout_low"] > 0.8
    assert "nothing is stale" in clone.run(PYTHON, "-m", "flows.reproduce", "fpr_thresholds", "--no-prefect")


@pytest.mark.skipif(not (REAL / "multilabel").exists(), reason="shared/real/multilabel is not here")
def test_scores_of_eighty_labels_run_through_tune_and_compare(tmp_path: Path) -> None:
    clone = clone_working_tree(tmp_path / "clone")
    folder = clone.path / "data" / "fpr_thresholds"
    folder.mkdir(parents=True)
    shutil.copy(REAL / "multilabel" / "coco-tresnetxl.npz", folder / "scores.npz")
    example = clone.path / "examples" / "own_scores.yaml"
    columns = "{id: null, collected_at: null, split: null, scores: sgmd, labels: labels}"
    example.write_text(example.read_text().replace("columns: null", f"columns: {columns}"))
    adopt(clone, "own_scores.yaml")

    table: Any = pd.read_csv(clone.path / "results/fpr_thresholds/table.csv")
    labels = table[~table["label"].isin(["micro", "macro"])]
    broken = (labels["fpr"] > labels["target"]).groupby(labels["option"]).mean()
    recall = labels.groupby("option")["recall"].mean()
    # One random half: the ten halves of the reference are tests/methods/budgets/test_thresholds.py's.
    assert broken["N1_guaranteed"] <= 0.14
    assert broken["A_empirical"] > 2 * broken["N1_guaranteed"]
    assert recall["N1_guaranteed"] > 0.85
    model = json.loads(clone.read("artifacts/fpr_thresholds/model/model.json"))
    assert model["kind"] == "given"


def third_detector(folder: Path) -> list[dict[str, Any]]:
    """Half of what the first one found, as corners and less sure."""
    found = json.loads((folder / "instances_val2014_fakebbox100_results.json").read_text())[::2]
    for row in found:
        x, y, width, height = row["bbox"]
        row.update(bbox=[x, y, x + width, y + height], score=row["score"] ** 2)
    return list(found)


@pytest.mark.skipif(not (REAL / "coco100").exists(), reason="shared/real/coco100 is not here")
def test_three_detectors_run_through_all_stages_to_the_decision_of_a_study(tmp_path: Path) -> None:
    clone, theirs = clone_working_tree(tmp_path / "clone"), tmp_path / "theirs"
    theirs.mkdir()
    shutil.copy(REAL / "coco100" / "instances_val2014_100.json", theirs / "truth.json")
    for name, kind in {"first": "bbox", "second": "segm"}.items():
        file = f"instances_val2014_fake{kind}100_results.json"
        shutil.copy(REAL / "coco100" / file, theirs / f"{name}.json")
    (theirs / "third.json").write_text(json.dumps(third_detector(REAL / "coco100")))
    files = [str(path) for path in sorted(theirs.iterdir())]
    new = ("new", "coco", "--experiment", "hybrid_calibrator", "--data", *files)
    made = clone.run(PYTHON, "-m", "flows.study", *new)
    assert "boxes, xyxy" in made
    again = (PYTHON, "-m", "flows.reproduce", "--study", "coco", "--no-prefect", "--jobs", "1")
    clone.run(*again)

    folder = "studies/coco/{}/hybrid_calibrator"
    results, artifacts = folder.format("results"), folder.format("artifacts")
    table: Any = pd.read_csv(clone.path / results / "table.csv")
    assert set(table["variant"]) == {"nonwindow"}
    assert set(table["images"]) == {30}
    assert (table["tp"] + table["fn"] == table["ground_truth"]).all()
    found = json.loads(clone.read(f"{artifacts}/nonwindow/prepared.json"))
    assert [source["name"] for source in found["sources"]] == ["first", "second", "third"]
    assert {f"raw_{source['name']}" for source in found["sources"]} <= set(table["option"])
    decision = json.loads(clone.read(f"{results}/decision.json"))
    assert list(decision["evidence"]["variants"]) == ["nonwindow"]
    shown = clone.run(PYTHON, "-m", "flows.show", "--study", "coco")
    assert shown.startswith("Redesign: ")  # no source has a classifier
    assert "nothing is stale" in clone.run(*again)
