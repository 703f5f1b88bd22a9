"""With no experiment named, everything under results/ is made again: also what is no experiment's own."""

import sys
from pathlib import Path

import pytest

from tests.clone import IDENTITY, Clone
from tests.flows.toy_clone import toy_clone

pytestmark = pytest.mark.slow

PIPELINE = """
stages:
  toy_compare:
    cmd: mkdir -p results/toy; cp in.txt results/toy/table.csv
    deps: [in.txt]
    outs: [results/toy: {cache: false}]
  overview_page:
    cmd: (echo All of it; cat results/toy/table.csv) > results/overview.md
    deps: [results/toy/table.csv]
    outs: [results/overview.md: {cache: false}]
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    made = toy_clone(tmp_path_factory.mktemp("verify_all"), PIPELINE, "")
    made.run(sys.executable, "-m", "flows.reproduce", "--no-prefect")
    committed(made)
    return made


def committed(clone: Clone) -> None:
    clone.run("git", "add", "--all")
    clone.run("git", *IDENTITY, "commit", "--quiet", "-m", "edited")


def verified(clone: Clone, *experiments: str) -> tuple[int, str]:
    done = clone.try_(sys.executable, "-m", "flows.verify", "--no-prefect", *experiments)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_the_page_over_all_experiments_is_made_again_too(clone: Clone) -> None:
    code, output = verified(clone)
    assert (code, "2 of 2 files were made again" in output) == (0, True), output
    page: Path = clone.path / "results" / "overview.md"
    page.write_text("None of it\n")
    committed(clone)
    code, output = verified(clone)
    clone.run("git", "reset", "--quiet", "--hard", "HEAD^")
    assert code == 1
    assert "results/overview.md different" in output
    assert "1 of 2 files were made again" in output


def test_an_experiment_alone_is_compared_without_the_page(clone: Clone) -> None:
    code, output = verified(clone, "toy")
    assert (code, "1 of 1 files were made again" in output) == (0, True), output


def test_a_file_that_no_stage_makes_does_not_hold(clone: Clone) -> None:
    (clone.path / "results" / "by_hand.csv").write_text("a\n1\n")
    committed(clone)
    code, output = verified(clone)
    clone.run("git", "reset", "--quiet", "--hard", "HEAD^")
    assert code == 1
    assert "results/by_hand.csv missing no stage makes it" in output
