"""A commit is made again and compared: what was edited, left stale or changed is found and named."""

import sys
from pathlib import Path

import pytest

from flows.published.verdicts import FileVerdict
from flows.verify import main, summary
from tests.clone import IDENTITY, Clone, clone_working_tree

pytestmark = pytest.mark.slow
PYTHON = sys.executable
TABLE = "results/fpr_thresholds/table.csv"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return clone_working_tree(tmp_path_factory.mktemp("verify") / "clone")


def commit_edit(clone: Clone, name: str, old: str, new: str) -> None:
    path: Path = clone.path / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    clone.run("git", *IDENTITY, "commit", "--quiet", "-am", f"edit {name}")


def verified(clone: Clone, *options: str) -> tuple[int, str]:
    done = clone.try_(PYTHON, "-m", "flows.verify", "fpr_thresholds", "--no-prefect", *options)
    assert not list((clone.path / ".worktrees").glob("*"))
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_a_clean_commit_is_made_again_whatever_the_working_copy_holds(clone: Clone) -> None:
    (clone.path / TABLE).write_text("edited, not committed")
    code, output = verified(clone)
    clone.run("git", "checkout", "--quiet", TABLE)
    assert (code, "17 of 17 files were made again" in output) == (0, True)


def test_an_edited_cell_is_found_and_named(clone: Clone) -> None:
    before = clone.run("git", "rev-parse", "HEAD").strip()
    first = (clone.path / TABLE).read_text().splitlines()[1]
    commit_edit(clone, TABLE, first, first.replace(",0.01,", ",0.011,", 1))
    code, output = verified(clone)
    assert code == 1
    assert f"{TABLE} different 1 cell: A_as_is crypto target: 0.011 -> 0.01 (by 9.1e-02)" in output
    assert "16 of 17 files were made again" in output
    assert verified(clone, "--rev", before, "--quick")[0] == 0
    clone.run("git", "reset", "--quiet", "--hard", before)


@pytest.mark.parametrize(
    ("edit", "stage", "why"),
    [
        (
            ("params.yaml", "clean_share: 0.95", "clean_share: 0.9"),
            "fpr_thresholds_compare",
            "parameter fpr_thresholds.compare modified",
        ),
        (
            ("methods/splits/row_splits.py", "at random", "by chance"),
            "fpr_thresholds_score",
            "methods/splits/row_splits.py modified",
        ),
    ],
)
def test_a_changed_parameter_or_module_that_was_not_reproduced_is_named(
    clone: Clone, edit: tuple[str, str, str], stage: str, why: str
) -> None:
    before = clone.run("git", "rev-parse", "HEAD").strip()
    commit_edit(clone, *edit)
    code, output = verified(clone, "--quick")
    clone.run("git", "reset", "--quiet", "--hard", before)
    assert code == 1
    assert f"{stage} different dvc.lock is stale: " in output
    assert why in output


def test_an_unknown_revision_is_refused(clone: Clone) -> None:
    code, output = verified(clone, "--rev", "nowhere")
    assert code == 2
    assert "could not find the commit" in output


def test_a_commit_that_cannot_run_says_at_which_step(clone: Clone) -> None:
    before = clone.run("git", "rev-parse", "HEAD").strip()
    commit_edit(
        clone, "tasks/fpr_thresholds/tune.py", "def main(", "raise RuntimeError('broken')\n\n\ndef main("
    )
    code, output = verified(clone)
    clone.run("git", "reset", "--quiet", "--hard", before)
    assert code == 2
    assert "could not run the stages" in output
    assert "broken" in output


def test_the_summary_has_a_line_for_each_file() -> None:
    assert summary([FileVerdict("a", "identical"), FileVerdict("b", "different", "1 cells")]).row_count == 2


def test_experiments_are_not_named_beside_studies(capsys: pytest.CaptureFixture[str]) -> None:
    for studies in (["--all"], ["--study", "mine"]):
        with pytest.raises(SystemExit):
            main(["head_sweep", *studies])
        assert "experiments are the repository's own: name them, or --study" in capsys.readouterr().err
