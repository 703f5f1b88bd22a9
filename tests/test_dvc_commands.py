"""DVC's own commands work on this repository: reproduce, experiments, metrics, parameters, plots without a network.

So do the commands that DVC's extension for editors runs to fill its views, as it runs them: their answers have all
that it reads of them.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.clone import Clone, clone_working_tree
from tests.imports import ROOT

PIPELINE: dict[str, Any] = YAML(typ="safe").load(ROOT / "dvc.yaml")
EXPERIMENT = "fpr_thresholds"  # the quickest stands for all
DECISION = f"results/{EXPERIMENT}/decision.json"
LOOSER = f"{EXPERIMENT}.compare.selection.max_fpr=0.05"
EXTENSION_NEEDS = (3, 33, 3)  # of DVC 3; it was tested with 3.67


def test_every_decision_is_a_metric_and_every_plot_is_shown() -> None:
    results = ROOT / "results"
    written = {path.relative_to(ROOT).as_posix() for path in results.glob("*/decision.json")}
    assert written == set(PIPELINE["metrics"])
    plots = {path.relative_to(ROOT).as_posix() for path in results.glob("**/*.png")}
    assert plots == set(PIPELINE["plots"])


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    made = clone_working_tree(tmp_path_factory.mktemp("dvc") / "clone")
    made.run("python", "-m", "flows.data")
    return made


pytestmark = pytest.mark.slow


def test_metrics_and_plots_are_shown_with_nothing_from_the_network(clone: Clone) -> None:
    shown = json.loads(clone.run("dvc", "metrics", "show", "--json"))
    decision = shown[""]["data"][DECISION]["data"]
    assert decision["chosen"] == json.loads(clone.read(DECISION))["chosen"]
    clone.run("dvc", "plots", "show", "--out", ".cache/shown")
    page = (clone.path / ".cache" / "shown" / "index.html").read_text()
    assert not re.findall(r"(?:https?:)?//\w|<script", page)
    images = re.findall(r'<img src="([^"]+)"', page)
    assert len(images) == len(PIPELINE["plots"])
    assert all((clone.path / ".cache" / "shown" / image).exists() for image in images)


@pytest.fixture(scope="module")
def experiment(clone: Clone) -> str:
    """Its stages are up to date, and an experiment with another parameter has been run."""
    clone.run("dvc", "repro", "--quiet", f"{EXPERIMENT}_compare")
    assert clone.changed() == []
    clone.run("dvc", "exp", "run", "--quiet", "--name", "looser", "-S", LOOSER, f"{EXPERIMENT}_compare")
    return "looser"


def test_an_experiment_with_another_parameter_shows_what_it_changed(clone: Clone, experiment: str) -> None:
    params = json.loads(clone.run("dvc", "params", "diff", "--json"))
    assert params["params.yaml"][f"{EXPERIMENT}.compare.selection.max_fpr"]["new"] == 0.05
    budget = json.loads(clone.run("dvc", "metrics", "diff", "--json"))[DECISION]["evidence.budget"]
    assert (budget["old"], budget["new"]) == (0.02, 0.05)
    assert experiment in clone.run("dvc", "exp", "show", "--csv")
    difference = json.loads(clone.run("dvc", "exp", "diff", "--json", "HEAD", experiment))
    assert difference["metrics"][DECISION]["evidence.budget"]["new"] == 0.05
    clone.run("dvc", "plots", "diff", "--out", ".cache/compared", "HEAD", "workspace")
    assert len(list((clone.path / ".cache" / "compared" / "static").iterdir())) >= len(PIPELINE["plots"])


def test_the_extension_finds_a_project_and_its_pipeline(clone: Clone) -> None:
    version = tuple(map(int, clone.run("dvc", "--version").strip().split(".")))
    assert EXTENSION_NEEDS <= version < (4,)
    assert clone.run("dvc", "root") == ".\n"
    assert clone.run("dvc", "remote", "list") == ""
    for key in ("studio.token", "studio.offline", "studio.url"):
        assert clone.try_("dvc", "config", key).stdout == "", "nothing here tells anybody of experiments"
    stages = [line.split()[0] for line in clone.run("dvc", "stage", "list").splitlines()]
    assert {name.partition("@")[0] for name in stages} == set(PIPELINE["stages"])
    graph = clone.run("dvc", "dag", "--md")
    assert graph.startswith("```mermaid\n")
    assert all(f'["{name}"]' in graph for name in stages)
    command = f"> python run_stage.py {EXPERIMENT}.compare\n"
    assert command in clone.run("dvc", "repro", f"{EXPERIMENT}_compare", "-s", "-f", "--dry")


def test_the_tracked_files_of_the_extension_are_the_outputs_and_where_each_is(
    clone: Clone, experiment: str
) -> None:
    clone.run("git", "checkout", "--quiet", "--force", "HEAD")
    clone.run("dvc", "repro", "--quiet", f"{EXPERIMENT}_compare")  # from the run-cache
    status = json.loads(clone.run("dvc", "data", "status", "--granular", "--unchanged", "--json"))
    assert set(status) <= {"unchanged", "uncommitted", "not_in_cache", "committed"}
    assert not status.get("committed")
    (row,) = shown(clone, "HEAD")[1:]
    outputs = {path: out for path, out in row["data"]["outs"].items() if out["use_cache"]}
    here = {path.rstrip("/") for path in status["unchanged"]}
    elsewhere = {path.rstrip("/") for path in status["uncommitted"]["deleted"]}
    assert set(status["uncommitted"]) == {"deleted"}, "what is here is as dvc.lock pins it"
    # Not all of them: two embeddings are simulated, and data/ has the same bytes.
    assert {path.rstrip("/") for path in status["not_in_cache"]} <= elsewhere
    assert not here & elsewhere
    assert set(outputs) <= here | elsewhere
    mine = {path for path in outputs if path.startswith(f"artifacts/{EXPERIMENT}/")}
    assert {"data"} | mine <= here
    assert any(path.startswith("artifacts/lens_shortcuts/") for path in elsewhere)


def test_the_table_of_the_extension_has_decisions_parameters_and_files_in_every_row(
    clone: Clone, experiment: str
) -> None:
    commit = clone.run("git", "rev-parse", "HEAD").strip()
    workspace, baseline = shown(clone, commit)
    assert (workspace["rev"], baseline["rev"]) == ("workspace", commit)
    named = {run["revs"][0]["name"]: run["revs"][0] for run in baseline["experiments"]}
    for row in (workspace, baseline, named[experiment]):
        assert not row.get("error")
        data = row["data"]
        assert row is workspace or data["timestamp"]
        assert list(data["params"]) == ["params.yaml"]
        assert set(data["metrics"]) == set(PIPELINE["metrics"])
        for path, decision in data["metrics"].items():
            assert {"action", "grade", "chosen", "control"} <= decision["data"].keys(), path
            leaves = dict(_leaves(decision["data"]))
            assert all(isinstance(value, str | int | float) for value in leaves.values()), path
            assert not any("." in name or ":" in name for names in leaves for name in names), path
        for files in (data["deps"], data["outs"]):
            assert all(each["hash"] and each["size"] is not None for each in files.values())
        assert {f"tasks/{EXPERIMENT}/compare.py", f"data/{EXPERIMENT}"} <= data["deps"].keys()
        assert data["outs"]["data"]["is_data_source"]
    assert of_row(baseline, DECISION)["evidence"]["budget"] == 0.02
    assert of_row(named[experiment], DECISION)["evidence"]["budget"] == 0.05
    params = named[experiment]["data"]["params"]["params.yaml"]["data"]
    assert params[EXPERIMENT]["compare"]["selection"]["max_fpr"] == 0.05


def shown(clone: Clone, revision: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(clone.run("dvc", "exp", "show", "--rev", revision, "--json"))
    return rows


def of_row(row: dict[str, Any], metrics: str) -> dict[str, Any]:
    values: dict[str, Any] = row["data"]["metrics"][metrics]["data"]
    return values


def _leaves(tree: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _leaves(value, (*above, name))
    else:
        yield above, tree


def test_the_plots_of_the_extension_have_an_image_for_each_revision(clone: Clone, experiment: str) -> None:
    folder = ".dvc/tmp/plots"
    revisions = {"HEAD", experiment, "workspace"}
    output = clone.run("dvc", "plots", "diff", "HEAD", experiment, "-o", folder, "--split", "--json")
    answer = json.loads(output)
    assert not answer.get("errors")
    assert set(answer["data"]) == set(PIPELINE["plots"])
    assert {
        revision for images in answer["data"].values() for each in images for revision in each["revisions"]
    } <= revisions
    for path, images in answer["data"].items():
        assert {each["type"] for each in images} == {"image"}, path
        assert {"HEAD", experiment} <= {each["revisions"][0] for each in images}, path
        assert all(Path(each["url"]).read_bytes().startswith(b"\x89PNG") for each in images), path


def test_the_menus_of_the_extension_queue_apply_rename_branch_and_remove(
    clone: Clone, experiment: str
) -> None:
    clone.run("git", "checkout", "--quiet", "--force", "HEAD")
    clone.run("dvc", "exp", "run", "--queue", "--name", "later", "-S", LOOSER.replace("5", "3"))
    runs = {run["revs"][0]["name"]: run for run in shown(clone, "HEAD")[1]["experiments"]}
    assert runs["later"]["executor"]["state"] == "queued"
    clone.run("dvc", "exp", "remove", "--queue")
    # It complains of the outputs that this clone never made.
    applied = clone.try_("dvc", "exp", "apply", experiment)
    assert f"artifacts/{EXPERIMENT}" not in applied.stderr
    assert json.loads(clone.read(DECISION))["evidence"]["budget"] == 0.05
    clone.run("git", "checkout", "--quiet", "--force", "HEAD")
    clone.run("dvc", "exp", "branch", experiment, "looser-branch")
    assert "looser-branch" in clone.run("git", "branch", "--list")
    clone.run("dvc", "exp", "rename", experiment, "renamed")
    clone.run("dvc", "exp", "remove", "renamed")
    assert not shown(clone, "HEAD")[1]["experiments"]


def test_an_experiment_in_a_folder_of_its_own_leaves_the_working_copy_alone(clone: Clone) -> None:
    clone.run("git", "checkout", "--quiet", "--force", "HEAD")
    changed = f"{EXPERIMENT}.compare.selection.max_fpr=0.04"
    command = ["dvc", "exp", "run", "--quiet", "--temp", "--name", "apart", "--set-param", changed]
    clone.run(*command, f"{EXPERIMENT}_compare")
    assert clone.changed() == []
    assert "apart" in clone.run("dvc", "exp", "list")
