"""Names and roots of studies, and what is said of those that are not there or broken."""

from pathlib import Path

import pytest

from flows.studies.folder import (
    StudyError,
    experiment_of,
    new_folder,
    repository,
    study_folder,
    study_name,
    study_names,
)


@pytest.fixture
def around(tmp_path: Path) -> Path:
    (tmp_path / "run_stage.py").touch()
    (tmp_path / "tasks" / "toy").mkdir(parents=True)
    (tmp_path / "tasks" / "toy" / "prepare.py").touch()
    (tmp_path / "studies" / "fraud").mkdir(parents=True)
    return tmp_path


def test_the_code_of_a_study_is_two_floors_up(around: Path) -> None:
    folder = around / "studies" / "fraud"
    assert (repository(folder), study_name(folder)) == (around, "fraud")
    assert (repository(around), study_name(around)) == (around, None)


def test_a_folder_that_is_called_so_elsewhere_is_no_study(tmp_path: Path) -> None:
    elsewhere = tmp_path / "studies" / "of-somebody"
    elsewhere.mkdir(parents=True)
    assert repository(elsewhere) == elsewhere


@pytest.mark.parametrize("name", ["", "Fraud", "2fraud", "a_b", "a--b", "a-", "../a", "a/b", "a" * 41, "ä"])
def test_names_that_neither_a_folder_nor_a_key_of_prefect_can_have_are_refused(
    around: Path, name: str
) -> None:
    with pytest.raises(StudyError, match="cannot be the name of a study"):
        new_folder(around, name)


def test_a_name_is_given_once(around: Path) -> None:
    with pytest.raises(StudyError, match="is there already"):
        new_folder(around, "fraud")
    assert new_folder(around, "fraud-2") == around / "studies" / "fraud-2"


def test_an_unknown_study_is_answered_with_those_that_are_near(around: Path) -> None:
    assert study_names(around) == ["fraud"]
    with pytest.raises(StudyError, match="there are fraud"):
        study_folder(around, "frauds")


@pytest.mark.parametrize(
    ("params", "why"),
    [
        (None, "no such file"),
        ("runtime: {}\n", "it holds no block"),
        ("runtime: {}\ntoy: {}\nother: {}\n", "it holds toy, other"),
        ("runtime: {}\nother: {}\n", "it holds other"),
        ("a: [", "not valid YAML"),
        ("- 1\n", "it holds no block"),
    ],
)
def test_a_study_without_the_block_of_one_experiment_is_broken_in_one_line(
    around: Path, params: str | None, why: str
) -> None:
    folder = around / "studies" / "fraud"
    if params is not None:
        (folder / "params.yaml").write_text(params)
    with pytest.raises(StudyError, match="study fraud is broken") as refused:
        experiment_of(folder)
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_experiment_is_that_of_its_block(around: Path) -> None:
    folder = around / "studies" / "fraud"
    (folder / "params.yaml").write_text("runtime: {}\ntoy: {k: 1}\n")
    assert experiment_of(folder) == "toy"
