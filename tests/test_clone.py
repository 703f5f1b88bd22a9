"""A fresh clone makes the committed tables again, byte for byte, by DVC alone, and knows when nothing is stale."""

import sys
from pathlib import Path

import pytest

from tests.clone import IDENTITY, Clone, clone_working_tree

pytestmark = pytest.mark.slow
PYTHON = sys.executable
STAGES = ["fpr_thresholds_compare"]  # with those upstream of it: the quickest experiment stands for all


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return clone_working_tree(tmp_path_factory.mktemp("bare") / "clone")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """With data/ and everything that `dvc repro` alone makes of it."""
    made = clone_working_tree(tmp_path_factory.mktemp("fresh") / "clone")
    assert "data/ matches data.dvc" in made.run(PYTHON, "-m", "flows.data")
    made.run("dvc", "repro", "--quiet", *STAGES)
    return made


def test_missing_data_stops_every_entry_point_with_what_to_do(bare: Clone) -> None:
    for command in (["-m", "flows.reproduce"], ["-m", "flows.fpr_thresholds"]):
        done = bare.try_(PYTHON, *command)
        assert done.returncode == 1
        assert done.stderr == (
            "data/ is missing\n  -> `make data` pulls it, or simulates it and compares it with data.dvc\n"
        )


def test_simulated_data_is_what_data_dvc_pins_and_dvc_alone_makes_the_committed_tables_and_lock_again(
    clone: Clone,
) -> None:
    assert clone.changed() == []


def test_then_nothing_is_stale(clone: Clone) -> None:
    assert "nothing is stale: 4 stages are up to date" in clone.run(PYTHON, "-m", "flows.reproduce", *STAGES)
    output = clone.run(PYTHON, "-m", "flows.fpr_thresholds")
    assert output.startswith("nothing is stale")
    assert "Graded: " in output


def test_forced_runs_change_nothing(clone: Clone) -> None:
    clone.run("dvc", "repro", "--quiet", "--force", *STAGES)
    assert clone.changed() == []
    clone.run(PYTHON, "-m", "flows.reproduce", *STAGES, "--force", "--no-prefect", "--jobs", "2")
    assert clone.changed() == []


def test_an_edited_compare_reruns_compare_alone(clone: Clone) -> None:
    params = clone.path / "params.yaml"
    before = params.read_text()
    params.write_text(before.replace("selection: {max_fpr: 0.02,", "selection: {max_fpr: 0.03,"))
    assert before != params.read_text()
    output = clone.run(PYTHON, "-m", "flows.reproduce", *STAGES, "--no-prefect", "--jobs", "1")
    assert "ran fpr_thresholds_compare" in output
    assert "params changed: fpr_thresholds.compare.selection.max_fpr" in " ".join(output.split())
    assert "ran fpr_thresholds_tune" not in output
    params.write_text(before)
    clone.run(PYTHON, "-m", "flows.reproduce", *STAGES, "--no-prefect")
    assert clone.changed() == []


def test_an_eleventh_option_is_one_more_entry_in_params(clone: Clone) -> None:
    params = clone.path / "params.yaml"
    before = params.read_text()
    entry = (
        "      - name: X_valid_guaranteed\n        sources: [{pool: valid, rows: all, top: null}]\n        target: 0.02\n"
        "        rule: guaranteed\n        delta: 0.1\n        in_sample: refuse\n"
    )
    params.write_text(before.replace("    folds: {count: 4}\n", f"{entry}    folds: {{count: 4}}\n"))
    clone.run(PYTHON, "-m", "flows.reproduce", *STAGES, "--no-prefect", "--jobs", "1")
    assert b"X_valid_guaranteed,crypto" in clone.read("results/fpr_thresholds/table.csv")
    assert (clone.path / "artifacts/fpr_thresholds/thresholds/X_valid_guaranteed.json").exists()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            ("drift: 0.15", "drift: 0.3"),
            "data/fpr_thresholds was simulated with other parameters than params.yaml has: drift",
        ),
    ],
)
def test_data_simulated_otherwise_stops_every_entry_point(
    clone: Clone, edit: tuple[str, str], message: str
) -> None:
    params: Path = clone.path / "params.yaml"
    before = params.read_text()
    params.write_text(before.replace(*edit))
    done = clone.try_(PYTHON, "-m", "flows.reproduce", "--no-prefect")
    params.write_text(before)
    assert done.returncode == 1
    assert message in done.stderr


def test_changed_data_stops_every_entry_point_and_is_named(clone: Clone) -> None:
    path = clone.path / "data/fpr_thresholds/valid.jsonl"
    before = path.read_bytes()
    path.unlink()  # it may be a link into DVC's cache
    path.write_bytes(before.replace(b"profit", b"profits", 1))
    done = clone.try_(PYTHON, "-m", "flows.fpr_thresholds")
    path.write_bytes(before)
    assert done.returncode == 1
    assert "data/ is not what data.dvc pins: fpr_thresholds/valid.jsonl changed" in done.stderr


def test_a_conflict_in_dvc_lock_is_named_and_resolved_as_the_readme_says(tmp_path: Path) -> None:
    clone = clone_working_tree(tmp_path / "clone")
    clone.run(PYTHON, "-m", "flows.data")
    params = clone.path / "params.yaml"
    trunk = clone.run("git", "branch", "--show-current").strip()
    edits = {
        "theirs": ("    clean_share: 0.95", "    clean_share: 0.9"),
        "ours": ("    resamples: 2000", "    resamples: 1000"),
    }
    for branch, (old, new) in edits.items():
        clone.run("git", "checkout", "--quiet", "-b", branch, trunk)
        params.write_text(params.read_text().replace(old, new))
        clone.run(PYTHON, "-m", "flows.reproduce", *STAGES, "--no-prefect")
        clone.run("git", *IDENTITY, "commit", "--quiet", "-am", branch)
    assert clone.try_("git", *IDENTITY, "merge", "theirs").returncode == 1
    done = clone.try_(PYTHON, "-m", "flows.reproduce", "--no-prefect")
    assert (done.returncode, done.stderr) == (
        1,
        f"{params}: a merge left its conflict marks; resolve them first\n",
    )
    resolved = clone.run("git", "show", f"{trunk}:params.yaml")
    for old, new in edits.values():
        resolved = resolved.replace(old, new)
    params.write_text(resolved)
    done = clone.try_(PYTHON, "-m", "flows.reproduce", "--no-prefect")
    assert done.returncode == 1
    assert "dvc.lock has a merge conflict: see README, 'A conflict in dvc.lock'" in done.stderr
    clone.run("git", "checkout", "--ours", "--", "dvc.lock", "results")
    clone.run(PYTHON, "-m", "flows.reproduce", *STAGES, "--no-prefect")
    clone.run("git", "add", "dvc.lock", "results", "params.yaml")
    clone.run("git", *IDENTITY, "commit", "--quiet", "-m", "merged")
    assert "nothing is stale" in clone.run(PYTHON, "-m", "flows.reproduce", *STAGES, "--no-prefect")
