"""A study's whole life in a fresh clone, typed as a person does: made, remade, copied, broken, verified, merged, removed."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from flows.studies.freshness import pinned_bytes, stale_stages
from tests.clone import Clone, clone_working_tree
from tests.flows.study_clone import PYTHON, commit, made_study, scores

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]
MANY = 50


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """With the study `fraud`, made and committed."""
    folder = tmp_path_factory.mktemp("study")
    made = clone_working_tree(folder / "clone")
    made.run("git", "config", "user.name", "test")
    made.run("git", "config", "user.email", "test@localhost")
    assert_understood(made_study(made))
    made.run(PYTHON, "-m", "flows.reproduce", "--study", "fraud", "--no-prefect", "--jobs", "2")
    commit(made, "fraud")
    return made


def assert_understood(said: str) -> None:
    words = " ".join(said.split())
    for expected in (
        "CSV separated by semicolons, 1,200 rows, 5 columns",
        "collected_at timestamp, 2024-05-01 00:00 to 2024-05-17",
        "score score",
        "label is_fraud",
        "split by time: the latest 50% report",
        "left out amount",
        "holdout 600 rows",
        "next: python -m flows.reproduce --study fraud",
    ):
        assert expected in words, said


def test_it_comes_to_a_decision_and_leaves_everything_else_as_it_was(clone: Clone) -> None:
    decision = json.loads(clone.read("studies/fraud/results/fpr_thresholds/decision.json"))
    assert decision["action"] in ("ship", "keep", "collect", "redesign")
    assert clone.changed() == []
    changed = clone.run("git", "diff", "--name-only", "HEAD^", "HEAD").split()
    assert all(path.startswith("studies/fraud/") for path in changed)
    files = {Path(path).relative_to("studies/fraud").parts[0] for path in changed}
    assert files == {".dvc", "params.yaml", "dvc.yaml", "dvc.lock", "data.dvc", "results"}
    assert clone.run(PYTHON, "-m", "flows.show", "--study", "fraud").count("Graded: ") == 1


def test_again_nothing_is_stale_with_our_command_and_with_dvcs_own(clone: Clone) -> None:
    again = clone.run(PYTHON, "-m", "flows.reproduce", "--study", "fraud", "--no-prefect")
    assert "nothing is stale: 4 stages are up to date" in again
    folder = Clone(clone.path / "studies" / "fraud")
    assert "up to date" in folder.run("dvc", "status")
    assert "Data and pipelines are up to date" in folder.run("dvc", "repro")


def test_a_commit_of_it_is_made_again_and_what_no_commit_holds_is_refused_in_one_line(clone: Clone) -> None:
    done = clone.run(PYTHON, "-m", "flows.verify", "--study", "fraud", "--no-prefect")
    holding, _, count = done.rpartition(" files were made again")[0].splitlines()[-1].partition(" of ")
    assert holding == count
    assert int(count) > 5
    refused = clone.try_(PYTHON, "-m", "flows.verify", "--study", "nowhere", "--no-prefect")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "git add studies/nowhere" in refused.stderr
    assert "agree" in clone.run(PYTHON, "-m", "flows.verify", "--study", "fraud", "--quick")


def test_a_copy_runs_only_what_its_changed_params_touch(clone: Clone) -> None:
    said = clone.run(
        PYTHON, "-m", "flows.study", "copy", "fraud", "strict", "--set", "compare.selection.max_fpr=0.005"
    )
    assert "1 of 4 stages would run" in said
    ran = clone.run(PYTHON, "-m", "flows.reproduce", "--study", "strict", "--no-prefect")
    assert ran.count("\nran ") + ran.startswith("ran ") == 1
    assert clone.run(PYTHON, "-m", "flows.reproduce", "--study", "fraud", "--no-prefect").startswith(
        "nothing"
    )
    commit(clone, "strict")


def test_one_that_is_broken_is_named_and_the_others_work(clone: Clone) -> None:
    path = clone.path / "studies" / "broken" / "params.yaml"
    path.parent.mkdir()
    path.write_text("runtime: {}\n")
    listed = " ".join(clone.run(PYTHON, "-m", "flows.study", "list").split())
    assert "broken broken study broken is" in listed
    assert "fraud" in listed
    shown = clone.try_(PYTHON, "-m", "flows.show", "--all")
    assert shown.returncode == 1
    assert "study broken is broken: its params.yaml has to hold runtime and the block of one" in shown.stderr
    assert "N1_guaranteed" in shown.stdout
    assert clone.run(PYTHON, "-m", "flows.reproduce", "--study", "fraud", "--no-prefect").startswith(
        "nothing"
    )
    assert "gone" in clone.run(PYTHON, "-m", "flows.study", "remove", "broken", "--yes")


def test_what_cannot_be_told_or_used_is_one_line_and_makes_nothing(clone: Clone, tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("score_a,score_b,label\n" + "0.5,0.25,1\n0.25,0.125,0\n" * 20)
    new = [PYTHON, "-m", "flows.study", "new", "two", "--experiment", "fpr_thresholds", "--data", str(path)]
    refused = clone.try_(*new)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "--map score=score_a" in refused.stderr
    wrong = clone.try_(*new, "--map", "score=score_a", "--set", "compare.selection.max_fqr=0.1")
    assert "fpr_thresholds has no compare.selection.max_fqr" in wrong.stderr
    path.write_text("score,label\n" + "0.5,1\n0.25,1\n" * 20)
    assert "no negative row in holdout" in clone.try_(*new).stderr
    assert not (clone.path / "studies" / "two").exists()


def test_the_same_file_again_is_known_to_dvc_and_told_all_the_same(clone: Clone, tmp_path: Path) -> None:
    new = [PYTHON, "-m", "flows.study", "new", "again", "--experiment", "fpr_thresholds"]
    said = clone.run(*new, "--data", str(scores(tmp_path / "scores.csv")), "--map", "score=score")
    assert_understood(said.replace("--study again", "--study fraud"))
    clone.run(PYTHON, "-m", "flows.study", "remove", "again", "--yes")


def test_branches_that_each_add_a_study_merge_without_a_conflict(clone: Clone) -> None:
    start = clone.run("git", "rev-parse", "--abbrev-ref", "HEAD").strip()
    for name in ("one", "other"):
        clone.run("git", "checkout", "--quiet", "-b", f"with-{name}", start)
        clone.run(PYTHON, "-m", "flows.study", "copy", "fraud", name)
        commit(clone, name)
    clone.run("git", "merge", "--quiet", "-m", "both", "with-one")
    assert clone.changed() == []
    for name in ("one", "other"):
        assert "4 stages are up to date" in clone.run(PYTHON, "-m", "flows.study", "check", name)
    clone.run("git", "checkout", "--quiet", start)


def runs(path: Path) -> Path:
    """As a tracker exports them."""
    random = np.random.default_rng(2)
    gains = {"baseline": 0.0, "cosine": 3.0, "heavy": -4.0}
    rows = [
        f"{name},{backbone},{seed},{60 + gain + random.normal(0, 0.4):.2f},{60 + gain + random.normal(0, 0.4):.2f}"
        for backbone in ("small", "large")
        for seed in range(4)
        for name, gain in gains.items()
    ]
    path.write_text("\n".join(["recipe,backbone,seed,val_f1,test_f1", *rows]) + "\n")
    return path


def test_studies_of_two_experiments_stand_side_by_side_and_all_of_them_are_one_command(
    clone: Clone, tmp_path: Path
) -> None:
    new = (PYTHON, "-m", "flows.study", "new", "heads", "--experiment", "head_sweep")
    clone.run(*new, "--data", str(runs(tmp_path / "runs.csv")), "--map", "cell=backbone")
    clone.run(PYTHON, "-m", "flows.reproduce", "--study", "heads", "--no-prefect", "--jobs", "2")
    listed = clone.run(PYTHON, "-m", "flows.study", "list").splitlines()
    rows = {line.split()[0]: line.split()[1:3] for line in listed}
    assert rows["fraud"] == ["fpr_thresholds", "yes"]
    assert rows["heads"] == ["head_sweep", "yes"]
    assert "cosine" in next(line for line in listed if line.startswith("heads"))
    everything = clone.try_(PYTHON, "-m", "flows.reproduce", "--all", "--no-prefect", timeout=1200)
    assert everything.returncode == 1, "the repository's own data is not there"
    assert everything.stderr.startswith("data/ is missing")
    assert everything.stdout.count("nothing is stale") >= 2
    clone.run(PYTHON, "-m", "flows.study", "remove", "heads", "--yes")


def test_its_end_leaves_no_file_and_says_how_to_free_the_cache(clone: Clone) -> None:
    clone.run(PYTHON, "-m", "flows.study", "copy", "fraud", "gone")
    lost = clone.try_(PYTHON, "-m", "flows.study", "remove", "gone")
    assert (lost.returncode, "say --yes" in lost.stderr) == (1, True)
    said = clone.run(PYTHON, "-m", "flows.study", "remove", "gone", "--yes")
    assert "dvc gc --workspace --projects . studies/" in " ".join(said.split())
    assert not (clone.path / "studies" / "gone").exists()


def test_fifty_of_them_are_told_fresh_or_stale_and_the_repository_does_not_look_there(
    clone: Clone,
) -> None:
    folders = [clone.path / "studies" / f"many-{number}" for number in range(MANY)]
    for folder in folders:
        shutil.copytree(
            clone.path / "studies" / "fraud", folder, ignore=shutil.ignore_patterns("artifacts", "tmp")
        )
    assert [stale_stages(folder) for folder in folders] == [[]] * MANY
    assert all(pinned_bytes(folder) for folder in folders)
    found = subprocess.run(
        ["dvc", "stage", "list", "--all", "--name-only"], cwd=clone.path, env=clone.environment,
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "studies/" not in found
    for folder in folders:
        shutil.rmtree(folder)
