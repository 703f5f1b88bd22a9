"""A server, a work pool, a worker and the deployments of prefect.yaml: what is scheduled runs, and leaves its traces."""

import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from flows.walk import settings
from tests.clone import IDENTITY, Clone
from tests.decisions import decision_of
from tests.flows.real_server import (
    PREFECT,
    Server,
    log_of,
    of_run,
    run_of,
    running_server,
    running_worker,
    wait_until,
)
from tests.flows.toy_clone import toy_clone
from tests.imports import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.server, pytest.mark.timeout(1800)]
PIPELINE = """
stages:
  toy_prepare:
    cmd: mkdir -p .logs; echo preparing | tee .logs/toy_prepare.log; cat in.txt > prepared.txt
    deps: [in.txt]
    params: [toy.k]
    outs: [prepared.txt]
  toy_compare:
    cmd: mkdir -p results/toy; cp table.csv decision.json plot.png results/toy
    deps: [prepared.txt, table.csv]
    outs: [results/toy: {cache: false}]
"""
WITH_A_BROKEN_ONE = """
  bad_fit:
    cmd: echo fitted > fitted.txt
    deps: [in.txt]
    outs: [fitted.txt]
  bad_compare:
    cmd: mkdir -p results/bad; touch results/bad/table.csv; exit 3
    deps: [fitted.txt]
    outs: [results/bad: {cache: false}]
"""
DECISION = decision_of("A", "A", ["r"], evidence={"recall": 0.25})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Clone:
    """With the deployments of prefect.yaml, one of them due every few seconds, the others never."""
    folder = tmp_path_factory.mktemp("scheduled")
    files = {
        "table.csv": "option,recall\nA,0.25\nB,0.5\n",
        "decision.json": json.dumps(DECISION),
        "plot.png": "PNG",
    }
    made = toy_clone(folder, PIPELINE, "prepared.txt\n")
    for name, text in files.items():
        (made.path / name).write_text(text)
    yaml = YAML(typ="safe")
    project = yaml.load(ROOT / "prefect.yaml")
    for each in project["deployments"]:
        each["schedules"] = []
        if each["name"] == "fpr-thresholds":
            each["parameters"] |= {"targets": ["toy"], "commit": True, "branch": "recalibrated"}
            each["parameters"] |= {"git_remote": "origin"}
            each["schedules"] = [{"interval": 30}]
        if each["name"] == "nightly":
            each["parameters"] |= {"quick": True}
    with (made.path / "prefect.yaml").open("w") as file:
        yaml.dump(project, file)
    made.run("git", "add", "--all")
    made.run("git", *IDENTITY, "commit", "--quiet", "-m", "deployments")
    made.environment |= settings.environment(folder) | {"PREFECT_API_URL": server.url}
    made.run("make", "--old-file", "env", "deploy")  # in the environment of these tests
    return made


@pytest.fixture(scope="module")
def worker(clone: Clone) -> Iterator[None]:
    with running_worker(clone):
        yield


@pytest.fixture(scope="module")
def scheduled(clone: Clone, server: Server, worker: None) -> dict[str, Any]:
    """The first run that the schedule started; no more come after it."""
    run = run_of(server, "fpr-thresholds")
    server.ask("PATCH", f"deployments/{run['deployment_id']}", paused=True)
    due = {
        "deployments": {"id": {"any_": [run["deployment_id"]]}},
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
    }
    for each in server.find("flow_runs", **due):  # on a slow machine others are late by now
        server.ask("DELETE", f"flow_runs/{each['id']}")
    return run


def test_what_is_scheduled_runs_and_leaves_task_runs_logs_and_artifacts(
    clone: Clone, server: Server, scheduled: dict[str, Any]
) -> None:
    run = scheduled
    commit = clone.run("git", "rev-parse", "HEAD").strip()
    assert run["state_name"] == "Completed", log_of(server, run)
    assert run["auto_scheduled"]
    assert run["flow_version"] == commit
    assert run["name"] == f"toy at HEAD ({commit[:8]})"
    assert {"fpr_thresholds", "weekly"} <= set(run["tags"])
    message = run["state"]["message"]
    assert message == "toy: Keep A. (holds); stages: 2 run; on branch recalibrated, pushed to origin"

    def tasks() -> dict[str, str]:
        return {each["name"]: each["state_name"] for each in server.find("task_runs", **of_run(run))}

    names = (
        *("data", "restore", "toy_prepare", "toy_compare", "commit to recalibrated", "publish toy", "push"),
        "push recalibrated to origin",
    )
    wait_until(lambda: tasks() == dict.fromkeys(names, "Completed"), f"{names} instead of {tasks()}", 120)
    logged = ("first run", "preparing", "0 of 2 stages are up to date", f"commit {commit[:12]}")
    wait_until(lambda: all(said in log_of(server, run) for said in logged), f"{logged} in the log", 60)

    artifacts = {each["key"]: each for each in server.find("artifacts", **of_run(run))}
    kinds = {key: artifacts[key]["type"] for key in ("toy-table", "toy-decision", "toy-plot")}
    assert kinds == {"toy-table": "table", "toy-decision": "markdown", "toy-plot": "image"}
    assert json.loads(artifacts["toy-table"]["data"])[1] == {"option": "B", "recall": 0.5}
    on_branch = clone.run("git", "rev-parse", "recalibrated").strip()
    assert f"commit `{on_branch[:12]}`; dvc.lock" in artifacts["toy-table"]["description"]
    assert artifacts["toy-plot"]["data"].startswith("data:image/png;base64,")


@pytest.mark.usefixtures("scheduled")
def test_what_it_made_is_on_a_branch_here_and_at_origin_and_in_the_remote_and_not_in_the_checkout(
    clone: Clone,
) -> None:
    assert clone.changed() == []
    assert not (clone.path / "dvc.lock").exists()
    assert clone.run("git", "show", "recalibrated:results/toy/table.csv") == "option,recall\nA,0.25\nB,0.5\n"
    assert clone.run("git", "rev-parse", "recalibrated^") == clone.run("git", "rev-parse", "HEAD")
    assert list((clone.path.parent / "remote" / "store" / "runs").iterdir())
    at_origin = clone.run("git", "ls-remote", "origin", "refs/heads/recalibrated").split()[0]
    assert at_origin == clone.run("git", "rev-parse", "recalibrated").strip()


@pytest.mark.usefixtures("scheduled")
def test_a_run_started_by_hand_takes_other_parameters(clone: Clone, server: Server) -> None:
    clone.run(*PREFECT, "deployment", "run", "verify/nightly", "--param", "rev=recalibrated")
    run = run_of(server, "nightly")
    message = run["state"]["message"].partition(" in ")[0]
    assert (run["state_name"], message) == ("Completed", "2 of 2 stages agree")


@pytest.mark.usefixtures("scheduled")
def test_an_edited_table_fails_the_verification_and_its_page_names_the_cell(
    clone: Clone, server: Server
) -> None:
    other = Clone(clone.path.parent / "edited")
    clone.run("git", "worktree", "add", "--quiet", "-b", "edited", str(other.path), "recalibrated")
    (other.path / "results/toy/table.csv").write_text("option,recall\nA,0.25\nB,0.6\n")
    other.run("git", *IDENTITY, "commit", "--quiet", "-am", "edited")
    clone.run(
        *PREFECT, "deployment", "run", "verify/nightly", "--param", "rev=edited", "--param", "quick=false"
    )
    run = run_of(server, "nightly", 2)
    assert run["state_name"] == "Failed"
    assert run["state"]["message"].startswith("3 of 4 files were made again from ")
    artifacts = {each["key"]: each["data"] for each in server.find("artifacts", **of_run(run))}
    assert "| B | recall | 0.6 | 0.5 | 1.7e-01 |" in artifacts["verify"]
    verdicts = {each["what"]: each["verdict"] for each in json.loads(artifacts["verify-files"])}
    assert verdicts.pop("results/toy/table.csv") == "different"
    assert set(verdicts.values()) == {"identical"}

    done = clone.try_(
        sys.executable, "-m", "flows.verify", "--rev", "edited"
    )  # the command leaves a run, too
    assert (done.returncode, "3 of 4 files were made again" in done.stdout) == (1, True), done.stderr
    commit = clone.run("git", "rev-parse", "edited").strip()
    of_command = {"flow_runs": {"name": {"any_": [f"verify {commit[:12]}"]}}}
    assert [each["state_name"] for each in server.find("flow_runs", **of_command)] == ["Failed"]


@pytest.mark.usefixtures("scheduled")
def test_a_branch_or_a_remote_that_cannot_be_is_refused_before_anything_runs(
    clone: Clone, server: Server
) -> None:
    refused = {
        "'a..b' as the name of a branch": ('branch="a..b"', "commit=true"),
        "no git remote is called 'nowhere'": ('git_remote="nowhere"', "commit=true"),
        "set commit, too": ('git_remote="origin"',),
    }
    for number, (message, parameters) in enumerate(refused.items(), 1):
        options = [each for parameter in parameters for each in ("--param", parameter)]
        clone.run(*PREFECT, "deployment", "run", "recalibrate/all", *options)
        run = run_of(server, "all", number)
        assert run["state_name"] == "Failed"
        assert message in run["state"]["message"]


@pytest.mark.usefixtures("scheduled")
def test_a_broken_experiment_fails_the_run_and_costs_the_others_nothing(clone: Clone, server: Server) -> None:
    other = Clone(clone.path.parent / "broken")
    clone.run("git", "worktree", "add", "--quiet", "-b", "broken", str(other.path), "HEAD")
    with (other.path / "dvc.yaml").open("a") as pipeline:
        pipeline.write(WITH_A_BROKEN_ONE)
    with (other.path / ".gitignore").open("a") as ignored:
        ignored.write("fitted.txt\n")
    (other.path / "table.csv").write_text("option,recall\nA,0.25\nB,0.75\n")
    other.run("git", *IDENTITY, "commit", "--quiet", "-am", "broken")
    before = len(server.find("flow_runs", deployments={"name": {"any_": ["all"]}}))
    parameters = ("ref=broken", "commit=true", "branch=partly", "git_remote=origin")
    options = [each for parameter in parameters for each in ("--param", parameter)]
    clone.run(*PREFECT, "deployment", "run", "recalibrate/all", *options)
    run = run_of(server, "all", before + 1)
    assert run["state_name"] == "Failed"
    assert run["state"]["message"] == (
        "failed: bad_compare; toy: Keep A. (holds); stages: 2 run, 1 restored, 1 failed; on branch partly, pushed to origin"
    )
    commit = clone.run("git", "rev-parse", "broken").strip()
    assert run["flow_version"] == commit

    keys = {each["key"]: each for each in server.find("artifacts", **of_run(run))}
    assert {"toy-table", "toy-decision", "toy-plot"} <= set(keys)
    assert not any(key.startswith("bad") for key in keys if key)
    assert "1 cell changed since the table published before, of commit `" in keys["toy-table"]["description"]
    assert "dirty" not in keys["toy-table"]["description"]

    assert clone.run("git", "rev-parse", "partly^").strip() == commit
    changed = clone.run("git", "diff", "--name-only", "broken", "partly").split()
    assert changed == [
        "dvc.lock", "results/toy/decision.json", "results/toy/plot.png", "results/toy/table.csv"
    ]  # fmt: skip
    assert "bad" not in clone.run("git", "show", "partly:dvc.lock")
    assert "without bad" in clone.run("git", "log", "-1", "--format=%s", "partly")
    assert clone.run("git", "ls-remote", "origin", "refs/heads/partly")
    assert clone.changed() == []


@pytest.mark.usefixtures("scheduled")
def test_what_make_deploy_registers_runs_one_at_a_time(server: Server) -> None:
    (pool,) = server.find("work_pools")
    assert pool["concurrency_limit"] == 1
    runs = server.find("flow_runs", work_pools={"name": {"any_": [pool["name"]]}})
    spans = sorted((each["start_time"], each["end_time"]) for each in runs if each["end_time"])
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))


def test_each_deployment_names_a_flow_and_parameters_that_exist_and_no_folder_of_this_machine() -> None:
    from prefect.flows import load_flow_from_entrypoint  # noqa: PLC0415 - slow; fails on an unknown flow

    text = (ROOT / "prefect.yaml").read_text()
    assert str(ROOT) not in text
    deployments = {each["name"]: each for each in YAML(typ="safe").load(text)["deployments"]}
    experiments = sorted(path.parent.name for path in ROOT.glob("tasks/*/prepare.py"))
    recalibrated = {
        name: each["parameters"]["targets"]
        for name, each in deployments.items()
        if each["entrypoint"].endswith(":recalibrate")
    }
    assert recalibrated == {**{name.replace("_", "-"): [name] for name in experiments}, "all": []}
    assert set(deployments) - set(recalibrated) == {"lens-full-training", "nightly"}
    for each in deployments.values():
        path, name = each["entrypoint"].split(":")
        flow: Any = load_flow_from_entrypoint(f"{ROOT / path}:{name}")
        assert set(each["parameters"]) <= set(flow.parameters.properties)
        assert all("description" in field for field in flow.parameters.properties.values())
        assert each["concurrency_limit"] == 1
        assert each["description"]
        assert Path(path).suffix == ".py"
