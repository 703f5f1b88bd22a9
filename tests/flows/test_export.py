"""What was chosen, in a folder that says what it is; or one line that says why not."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from serving import load
from serving.rules.thresholds import fires
from storage.files.arrays import read_arrays
from storage.files.documents import read_json
from tests.clone import IDENTITY, Clone, clone_working_tree
from tests.imports import ROOT

pytestmark = pytest.mark.slow
EXPERIMENT = "fpr_thresholds"
MADE = (f"artifacts/{EXPERIMENT}", f"data/{EXPERIMENT}")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """With what the stages of one experiment made here."""
    if not all((ROOT / path).exists() for path in MADE):
        pytest.skip("the default experiments were not run in this clone (`make demo`)")
    made = clone_working_tree(tmp_path_factory.mktemp("export") / "clone")
    for path in MADE:
        shutil.copytree(ROOT / path, made.path / path)
    return made


def export(clone: Clone, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return clone.try_("python", "-m", "flows.export", *arguments)


def refused(clone: Clone, *arguments: str) -> str:
    done = export(clone, *arguments)
    assert done.returncode == 1, done.stdout
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_the_folder_holds_what_was_chosen_and_is_the_same_again(clone: Clone, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    done = export(clone, EXPERIMENT, "--to", str(first))
    assert done.returncode == 0, done.stderr
    decided = json.loads(clone.read(f"results/{EXPERIMENT}/decision.json"))
    shown = decided["action"] == "ship" and decided["grade"] == "holds"
    said = done.stdout.splitlines()
    assert said[0].startswith(
        f"{EXPERIMENT}: {'Shown' if shown else 'Not shown'} to be better than {decided['control']}"
    )
    assert said[1].startswith("It takes messages: the text model that was calibrated is in it")
    assert said[-1].startswith("  python -m flows.apply ")
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=first, capture_output=True, check=False)
    assert checked.returncode == 0
    assert (first / "decision.json").read_bytes() == clone.read(f"results/{EXPERIMENT}/decision.json")
    decision = load(first, EXPERIMENT)
    adopted = json.loads(clone.read(f"artifacts/{EXPERIMENT}/adopted.json"))["labels"]
    assert dict(zip(decision.labels, decision.thresholds, strict=True)) == {
        name: float(each["threshold"]) for name, each in adopted.items()
    }
    assert decision.export.provenance["commit"] == clone.run("git", "rev-parse", "HEAD").strip()
    assert export(clone, EXPERIMENT, "--to", str(second)).returncode == 0
    assert {path.name: path.read_bytes() for path in first.iterdir()} == {
        path.name: path.read_bytes() for path in second.iterdir()
    }
    for path in first.iterdir():
        assert str(clone.path).encode() not in path.read_bytes()
        assert str(ROOT).encode() not in path.read_bytes()


def test_every_message_of_the_default_scores_and_fires_as_its_stage_pinned(
    clone: Clone, tmp_path: Path
) -> None:
    """From the raw messages on, to the last bit."""
    assert export(clone, EXPERIMENT, "--to", str(tmp_path / "to")).returncode == 0
    folder = clone.path / "artifacts" / EXPERIMENT
    rows, labels = pd.read_parquet(folder / "rows.parquet"), read_json(folder / "prepared.json")["labels"]
    said = {
        (path.stem, row["id"]): row["text"]
        for path in (clone.path / "data" / EXPERIMENT).glob("*.jsonl")
        for row in map(json.loads, path.read_text().split("\n")[:-1])
    }
    files = rows["pool"].where(~rows["pool"].isin(["train", "calib", "holdout"]), "messages")
    decision = load(tmp_path / "to")
    decided = decision.decide({"text": [said[place] for place in zip(files, rows["id"], strict=True)]})
    pinned = dict(zip(labels, read_arrays(folder / "scores.npz")["scores"][-1].T, strict=True))
    for label, threshold in zip(decision.labels, decision.thresholds, strict=True):
        np.testing.assert_array_equal(decided[f"score:{label}"], pinned[label].astype(np.float64))
        np.testing.assert_array_equal(decided[f"fires:{label}"], fires(pinned[label], threshold))
    assert len(rows) > 5000


def test_the_card_has_what_hugging_face_reads(clone: Clone, tmp_path: Path) -> None:
    assert export(clone, EXPERIMENT, "--license", "mit", "--to", str(tmp_path / "to")).returncode == 0
    _, front, body = (tmp_path / "to" / "card.md").read_text().split("---\n", 2)
    stated = YAML(typ="safe").load(front)
    assert stated["license"] == "mit"
    assert stated["library_name"] == "calibration-serving"
    (model,) = stated["model-index"]
    (result,) = model["results"]
    assert {"type", "name"} <= result["dataset"].keys()
    assert all({"type", "value"} <= metric.keys() for metric in result["metrics"])
    for part in ("What it must not be used for", "Use it", "Where it comes from"):
        assert f"## {part}" in body


def test_what_is_there_already_is_not_touched(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert "is there already: name a folder that is not, or an empty one" in refused(
        clone, EXPERIMENT, "--to", str(tmp_path)
    )
    (tmp_path / "empty").mkdir()
    assert export(clone, EXPERIMENT, "--to", str(tmp_path / "empty")).returncode == 0


def test_a_working_copy_that_is_not_what_its_commit_says(clone: Clone, tmp_path: Path) -> None:
    asked = (EXPERIMENT, "--to", str(tmp_path / "to"))
    artifact = clone.path / "artifacts" / EXPERIMENT / "adopted.json"
    for path, says in (
        (
            clone.path / "serving" / "rules" / "thresholds.py",
            "is stale (dependency serving/rules/thresholds.py changed)",
        ),
        (artifact, "artifacts/fpr_thresholds/adopted.json is not what dvc.lock says"),
        (
            clone.path / "params" / "report.py",
            "params/report.py differ from the commit that the export would name",
        ),
    ):
        before = path.read_bytes()
        path.write_bytes(before + b"\n")
        said = export(clone, *asked)
        path.write_bytes(before)
        assert says in said.stderr, (path, said.stdout)
        assert (said.returncode, said.stderr.count("\n")) == (1, 1)
    artifact.rename(artifact.with_suffix(".away"))
    assert "adopted.json is missing: export without --here" in refused(clone, "--here", *asked)
    artifact.with_suffix(".away").rename(artifact)
    assert not (tmp_path / "to").exists()


def test_what_cannot_be_exported(clone: Clone, tmp_path: Path) -> None:
    to = ("--to", str(tmp_path / "to"))
    assert "oracle has no export: there is no tasks/oracle/use/export.py" in refused(clone, "oracle", *to)
    assert "which experiment?" in refused(clone, *to)
    assert "no study is called 'none'" in refused(clone, "--study", "none", *to)
    tree = clone.run("git", "mktree", "--missing").strip() or clone.run(
        "git", "hash-object", "-t", "tree", "/dev/null"
    )
    older = clone.run("git", *IDENTITY, "commit-tree", tree.strip(), "-m", "older").strip()
    assert f"commit {older[:8]} cannot be exported: it is older than exports" in refused(
        clone, EXPERIMENT, "--rev", older, *to
    )
