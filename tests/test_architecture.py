"""The promises of the layout: one direction of imports, one graph, complete dependencies, no hidden defaults."""

import inspect
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from flows.pinned.code import closure, code_dependencies, imported, names, templates, with_code_dependencies
from params.block import Block
from run_stage import declared_files
from tests.imports import PACKAGES, ROOT

MAY_IMPORT = {
    "flows": {"flows", "tasks", "params", "serving", "run_stage.py"},
    "tasks": {"tasks", "methods", "storage", "params", "serving"},
    "simulators": {"methods", "storage", "params"},
    "methods": {"methods", "serving"},
    "storage": {"storage"},
    "params": {"params"},
    "serving": {"serving"},
}
OF_A_WHEEL = "serving/__init__.py"  # what a service imports; all it does, it does on demand
EXPERIMENTS = sorted(path.name for path in (ROOT / "tasks").iterdir() if (path / "prepare.py").exists())
NOT_EXPERIMENTS = {"report", "intake", "planning", "watch"}


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(ROOT / name)
    return loaded


STAGES: dict[str, dict[str, Any]] = load("dvc.yaml")["stages"]


def expanded(stage: dict[str, Any], kind: str) -> list[str]:
    """The stage's deps or outs, those of a matrix once for each of its values."""
    entries = [next(iter(entry)) if isinstance(entry, dict) else entry for entry in stage[kind]]
    for axis, values in stage.get("matrix", {}).items():
        entries = [entry.replace(f"${{item.{axis}}}", str(value)) for entry in entries for value in values]
    return entries


def modules(package: str) -> list[Path]:
    return sorted(path for path in (ROOT / package).rglob("*.py") if path.name != "__init__.py")


def experiment_of(stage: str) -> str:
    """Or what a stage over all of them is named after."""
    return next(name for name in (*EXPERIMENTS, *NOT_EXPERIMENTS) if stage.startswith(f"{name}_"))


def steps(experiment: str) -> list[str]:
    return [path.stem for path in modules(f"tasks/{experiment}") if "\ndef main(" in path.read_text()]


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package: str) -> None:
    for path in modules(package):
        targets = {target.relative_to(ROOT).parts[0] for target in imported(path)}
        assert targets <= MAY_IMPORT[package], (
            f"{path.relative_to(ROOT)} imports {targets - MAY_IMPORT[package]}"
        )


def test_merging_and_features_of_candidates_take_numpy_alone_as_a_service_does() -> None:
    """A service may hold them one day; what reads files is elsewhere."""
    paths = (
        "methods/detection/features.py",
        "methods/detection/clusters.py",
        "methods/experts/projection.py",
    )
    reached = [ROOT / each for each in closure(*(ROOT / path for path in paths)) if each.endswith(".py")]
    packages = {name.split(".")[0] for path in reached for name in names(path)}
    assert packages - set(sys.stdlib_module_names) <= {"numpy", "methods", "serving"}


def test_experiments_never_import_each_other() -> None:
    for experiment in EXPERIMENTS:
        for path in modules(f"tasks/{experiment}"):
            for target in imported(path):
                parts = target.relative_to(ROOT).parts
                assert parts[0] != "tasks" or parts[1] in (experiment, *NOT_EXPERIMENTS), (
                    f"{path} imports {target}"
                )


def test_one_package_imports_dvc_one_makes_artifacts_and_only_flows_import_prefect() -> None:
    for package in PACKAGES:
        for path in modules(package):
            name = path.relative_to(ROOT).as_posix()
            packages = {imported_name.split(".")[0] for imported_name in names(path)}
            assert "dvc" not in packages or name.startswith("flows/pinned/"), f"{name} imports dvc"
            assert "prefect" not in packages or package == "flows", f"{name} imports prefect"
            assert "prefect.artifacts" not in names(path) or name.startswith("flows/published/"), (
                f"{name} makes artifacts"
            )


def test_the_same_names_everywhere() -> None:
    simulators = {path.stem for path in modules("simulators")}
    flows = {path.stem for path in modules("flows")}
    params = {path.stem for path in modules("params")}
    blocks = set(load("params.yaml")) - {"runtime"}
    assert simulators == set(EXPERIMENTS) == blocks - NOT_EXPERIMENTS
    assert set(EXPERIMENTS) <= flows
    assert set(EXPERIMENTS) <= params


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_runs_the_step_it_is_named_after(stage: str) -> None:
    experiment = experiment_of(stage)
    step = stage.removeprefix(f"{experiment}_")
    assert STAGES[stage]["cmd"].split()[:3] == ["python", "run_stage.py", f"{experiment}.{step}"]


@pytest.mark.parametrize("experiment", [*EXPERIMENTS, *sorted(NOT_EXPERIMENTS)])
def test_every_step_is_a_stage_and_none_else(experiment: str) -> None:
    stages = {name.removeprefix(f"{experiment}_") for name in STAGES if experiment_of(name) == experiment}
    assert stages == set(steps(experiment))


@pytest.mark.parametrize("stage", STAGES)
def test_code_dependencies_equal_the_import_closure(stage: str) -> None:
    experiment = experiment_of(stage)
    code = [dep for dep in STAGES[stage]["deps"] if not dep.startswith(("data/", "artifacts/", "results/"))]
    expected = code_dependencies(experiment, stage.removeprefix(f"{experiment}_"))
    lines = "\n".join(f"      - {path}" for path in expected)
    assert sorted(code) == expected, f"dvc.yaml, stage {stage}: the code deps have to be\n{lines}"


def test_make_deps_has_nothing_to_write() -> None:
    text = (ROOT / "dvc.yaml").read_text()
    assert with_code_dependencies(text) == text, "`make deps`"


def test_every_template_and_view_is_there_and_somebody_names_it() -> None:
    named = {template for package in PACKAGES for path in modules(package) for template in templates(path)}
    named = {ROOT / each for each in closure(*named)}
    there = [path for package in PACKAGES for path in (ROOT / package).rglob("*")]
    assert named == {path for path in there if path.suffix == ".j2" or path.name == "view.json"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_step_is_handed_what_its_stage_declares_and_nothing_else(stage: str) -> None:
    experiment = experiment_of(stage)
    step = stage.removeprefix(f"{experiment}_")
    assert STAGES[stage]["params"] == ["runtime.cpu", f"{experiment}.{step}"]
    main = import_module(f"tasks.{experiment}.{step}").main
    named = set(inspect.signature(main).parameters) - {"params", "option"}
    assert named == set(declared_files(stage, None))


@pytest.mark.parametrize("stage", STAGES)
def test_only_compare_and_report_write_into_git(stage: str) -> None:
    into_git = [out for out in STAGES[stage].get("outs", []) if isinstance(out, dict)]
    if not stage.endswith("_compare") and experiment_of(stage) not in NOT_EXPERIMENTS:
        assert not into_git


def test_dvc_yaml_depends_on_no_folder_that_holds_a_gitignore_of_dvc() -> None:
    deps = {dep for stage in STAGES.values() for dep in expanded(stage, "deps")}
    outs = {out for stage in STAGES.values() for out in expanded(stage, "outs")}
    assert {dep for dep in deps if dep.startswith("artifacts/")} <= outs


def test_no_field_of_the_params_models_has_a_default() -> None:
    for path in modules("params"):
        module = import_module(f"params.{path.stem}")
        for name, model in vars(module).items():
            if isinstance(model, type) and issubclass(model, BaseModel) and model not in (Block, BaseModel):
                assert issubclass(model, Block), f"{name} is not a Block"
                for field, info in model.model_fields.items():
                    assert info.is_required(), f"params/{path.stem}.py: {name}.{field} has a default"


def test_every_folder_of_modules_is_a_package() -> None:
    """A folder without `__init__.py` imports all the same, and is overlooked by whoever looks for packages."""
    for package in (*PACKAGES, "bench"):
        for folder in {path.parent for path in (ROOT / package).rglob("*.py")}:
            assert (folder / "__init__.py").exists(), f"{folder} is no package"


def test_package_files_are_empty() -> None:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("__init__.py"):
            empty = path.read_bytes() == b""
            assert empty or path == ROOT / OF_A_WHEEL, (
                f"{path} is no dependency of any stage, so it may hold nothing"
            )


def test_modules_open_with_a_line_that_says_what_they_are() -> None:
    for package in PACKAGES:
        for path in modules(package):
            assert path.read_text().startswith('"""'), path


def test_nothing_reads_pickle() -> None:
    for package in (*PACKAGES, "bench"):
        for path in modules(package):
            assert not names(path) & {"pickle", "joblib", "dill", "cloudpickle"}, path
            text = path.read_text()
            assert "allow_pickle=True" not in text, path
            assert "weights_only=False" not in text, path


def test_random_numbers_come_from_one_module() -> None:
    for package in PACKAGES:
        for path in modules(package):
            if path != ROOT / "methods/statistics/streams.py":
                makers = {"Philox", "PCG64", "default_rng", "RandomState"} & set(
                    re.findall(r"\w+", path.read_text())
                )
                assert not makers, f"{path.relative_to(ROOT)} makes a generator of its own: {makers}"


def test_no_stage_depends_on_what_only_a_simulator_reads() -> None:
    """A knob of the default data would otherwise make every stage stale."""
    for stage, declared in STAGES.items():
        read = [dep for dep in declared["deps"] if dep.startswith(("simulators/", "params/simulated_"))]
        assert not read, f"{stage} depends on {read}"
