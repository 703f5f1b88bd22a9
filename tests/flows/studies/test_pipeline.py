"""A study's dvc.yaml: the repository's stages of one experiment, with the study's options and paths of its own."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from flows.studies.pipeline import pipeline
from run_stage import _name_and_option
from tests.imports import ROOT
from tests.test_architecture import EXPERIMENTS, STAGES, expanded

WHOLE: dict[str, Any] = YAML(typ="safe").load(ROOT / "dvc.yaml")


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_without_options_it_is_the_repositorys_with_the_code_two_floors_up(experiment: str) -> None:
    made = pipeline(WHOLE, experiment, {})
    mine = {name: stage for name, stage in STAGES.items() if name.startswith(f"{experiment}_")}
    assert list(made["stages"]) == list(mine)
    for name, stage in made["stages"].items():
        assert stage["cmd"] == mine[name]["cmd"].replace("run_stage.py", "../../run_stage.py")
        assert [dep.removeprefix("../../") for dep in stage["deps"]] == mine[name]["deps"]
        assert stage["outs"] == mine[name]["outs"]
        code = [dep for dep in stage["deps"] if dep.startswith("../../")]
        assert all((ROOT / dep.removeprefix("../../")).exists() for dep in code)
        assert not any(dep.startswith(("../../data", "../../artifacts", "../../results")) for dep in code)


@pytest.mark.parametrize(
    ("experiment", "options"),
    [
        ("head_sweep", {"encoder": ["clip", "dino", "vit", "resnet"]}),
        ("hybrid_calibrator", {"variant": ["nonwindow"]}),
        ("speech_temperature", {"seed": ["1", "22"]}),
    ],
)
def test_its_options_take_the_place_of_the_repositorys_wherever_they_are_named(
    experiment: str, options: dict[str, list[str]]
) -> None:
    stages = pipeline(WHOLE, experiment, options)["stages"]
    ((axis, values),) = options.items()
    outs = {out for stage in stages.values() for out in expanded(stage, "outs")}
    deps = {dep for stage in stages.values() for dep in expanded(stage, "deps")}
    assert {dep for dep in deps if dep.startswith("artifacts/")} <= outs
    assert all(stage["matrix"] == {axis: values} for stage in stages.values() if "matrix" in stage)
    named = {_name_and_option(Path(path))[1] for path in outs if path.startswith("artifacts/")}
    assert named - {None} == set(values)


def test_axes_that_have_options_in_common_are_told_apart_by_the_stage_that_makes_them() -> None:
    stages = pipeline(WHOLE, "lens_shortcuts", {"variant": ["B2"]})["stages"]
    compared = stages["lens_shortcuts_compare"]["deps"]
    assert "artifacts/lens_shortcuts/B2/run" in compared
    assert "artifacts/lens_shortcuts/B3/run" not in compared
    assert "artifacts/lens_shortcuts/paired/run" in compared
