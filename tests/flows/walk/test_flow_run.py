"""Flow runs against one real server."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.walk.order import StageOutcome
from flows.walk.reproduction import reproduce
from tests.decisions import decision_of
from tests.flows.conftest import Toy, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]

PIPELINE = """
stages:
  toy_a: {cmd: mkdir -p .logs; echo made of in.txt | tee .logs/toy_a.log > a.txt, deps: [in.txt], outs: [a.txt]}
  toy_b: {cmd: echo b > b.txt, deps: [in.txt], outs: [b.txt], params: [x]}
  toy_compare:
    cmd: mkdir -p results/toy; cp table.csv decision.json plot.png results/toy
    deps: [a.txt, b.txt, table.csv]
    outs: [results/toy: {cache: false}]
"""
DECISION = decision_of("A", "A", ["r"], evidence={"recall": 0.25})


@pytest.fixture
def root(toy: Toy) -> Path:
    root = toy(PIPELINE)
    (root / "table.csv").write_text("option,label,recall\nA,scam,0.25\nB,scam,0.5\n")
    (root / "decision.json").write_text(json.dumps(DECISION))
    (root / "plot.png").write_bytes(b"\x89PNG")
    return root


def run() -> dict[str, StageOutcome]:
    return {each.stage: each for each in reproduce(jobs=2)}


async def _last_run() -> tuple[Any, list[Any], list[Any]]:
    from prefect import get_client  # noqa: PLC0415 - after the server's settings
    from prefect.client.schemas.filters import (  # noqa: PLC0415
        FlowRunFilter,
        FlowRunFilterId,
        LogFilter,
        LogFilterFlowRunId,
    )
    from prefect.client.schemas.sorting import FlowRunSort  # noqa: PLC0415

    async with get_client() as client:
        (flow_run,) = await client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=1)
        tasks = await client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id]))
        )
        logs = await client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run.id])))
    return flow_run, tasks, logs


def last_run(stages: int) -> tuple[str, dict[str, str], str]:
    """State of the last flow run, state names of its task runs, its log. The server learns of these with a delay."""
    for _ in range(100):
        flow_run, tasks, logs = asyncio.run(_last_run())
        states = {task.name: task.state_name for task in tasks}
        ended = any(log.name == "prefect.flow_runs" and "Finished in state" in log.message for log in logs)
        if len(tasks) == stages and not {"Running", "Pending"} & set(states.values()) and ended:
            break
        asyncio.run(asyncio.sleep(0.2))
    return flow_run.state_name, states, "\n".join(log.message for log in logs)


def artifact(key: str) -> Any:
    from prefect.artifacts import Artifact  # noqa: PLC0415

    found = Artifact.get(key)
    assert found is not None, key
    return found


def test_each_stage_is_a_task_run_and_the_results_are_artifacts(root: Path) -> None:
    assert {name: each.state for name, each in run().items()} == {
        "toy_a": "ran", "toy_b": "ran", "toy_compare": "ran"
    }  # fmt: skip
    state, tasks, log = last_run(3)
    assert state == "Completed"
    assert tasks == dict.fromkeys(("toy_a", "toy_b", "toy_compare"), "Completed")
    assert "first run" in log
    assert "made of in.txt" in log
    assert json.loads(artifact("toy-table").data)[0] == {"option": "A", "label": "scam", "recall": 0.25}
    assert "dvc.lock `" in artifact("toy-table").description
    assert "**Keep A.** Graded: on rows that chose nothing, A: holds." in artifact("toy-decision").data
    assert artifact("toy-plot").data.startswith("data:image/png;base64,")

    (root / "table.csv").write_text("option,label,recall\nA,scam,0.26\nB,scam,0.5\n")
    (root / "params.yaml").write_text("x: {k: 2, l: [1, 2]}\n")
    assert {name: each.state for name, each in run().items()} == {
        "toy_a": "skipped", "toy_b": "ran", "toy_compare": "ran"
    }  # fmt: skip
    assert last_run(3)[1]["toy_a"] == "Skipped"
    assert "1 cell changed" in artifact("toy-table").description
    assert "A recall: 0.25 -> 0.26" in artifact("toy-table").description

    (root / "params.yaml").write_text("x: {k: 1, l: [1, 2]}\n")
    assert run()["toy_b"].state == "restored"
    assert last_run(3)[1]["toy_b"] == "Restored"


def test_a_failed_stage_fails_the_flow_run_and_shows_its_log_there(root: Path) -> None:
    broken = PIPELINE.replace(
        "echo b > b.txt", "mkdir -p .logs; echo no such column > .logs/toy_b.log; exit 3"
    )
    (root / "dvc.yaml").write_text(broken)
    assert {name: each.state for name, each in run().items()} == {
        "toy_a": "ran", "toy_b": "failed", "toy_compare": "not run"
    }  # fmt: skip
    state, tasks, log = last_run(2)
    assert (state, tasks) == ("Failed", {"toy_a": "Completed", "toy_b": "Failed"})
    assert "no such column" in log
    assert "toy_compare was not run: upstream toy_b failed" in log


TWO = (
    PIPELINE
    + """
  other_fit: {cmd: test ! -e broken && echo o > o.txt, deps: [in.txt], outs: [o.txt]}
  other_compare:
    cmd: mkdir -p results/other; cp table.csv decision.json results/other
    deps: [o.txt]
    outs: [results/other: {cache: false}]
"""
)


def published(key: str) -> Any:
    from prefect.artifacts import Artifact  # noqa: PLC0415

    return Artifact.get(key)


def test_a_failure_costs_its_own_experiment_and_what_was_not_published_is_by_the_next_run(root: Path) -> None:
    other_table = published("other-table")
    assert other_table is None
    (root / "dvc.yaml").write_text(TWO)
    (root / "broken").touch()
    (root / "table.csv").write_text("option,label,recall\nA,scam,0.75\n")
    states = {name: each.state for name, each in run().items()}
    assert (states["toy_compare"], states["other_compare"]) == ("ran", "not run")
    assert last_run(4)[0] == "Failed"
    first = artifact("toy-table")
    assert json.loads(first.data)[0]["recall"] == 0.75
    assert published("other-table") is None

    (root / "broken").unlink()
    assert {each.state for each in reproduce(prefect=False)} == {"ran", "skipped"}
    (root / "params.yaml").write_text("x: {k: 2, l: [1, 2]}\n")  # b comes out the same
    states = {name: each.state for name, each in run().items()}
    assert (states["toy_b"], states["toy_compare"], states["other_compare"]) == ("ran", "skipped", "skipped")
    assert last_run(5)[0] == "Completed"
    assert artifact("other-table").flow_run_id != first.flow_run_id
    assert "First table published" in artifact("other-table").description
    assert artifact("toy-table").flow_run_id != first.flow_run_id, "a stage of it ran"

    (root / "o.txt").unlink()
    second = artifact("toy-table")
    run()
    assert artifact("toy-table").id == second.id, "these results were published already"


def test_a_report_is_a_page_that_needs_no_file_beside_it(root: Path) -> None:
    (root / "report.md").write_text("# Report\n\n![a plot](plot.png)\n")
    (root / "dvc.yaml").write_text(
        PIPELINE.replace("plot.png results", "plot.png report.md results").replace(
            "b.txt, table.csv]", "b.txt, table.csv, report.md]"
        )
    )
    run()
    assert artifact("toy-report").data == "# Report\n\n*a plot*: artifact [toy-plot](../key/toy-plot)\n"


def test_after_kill_9_of_a_walk_its_stages_end_and_the_next_run_goes_on(root: Path) -> None:
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415

    stubborn = PIPELINE.replace(
        "echo b > b.txt", "\"trap '' TERM; echo half > b.txt; echo $$ > pid; sleep 300\""
    )
    (root / "dvc.yaml").write_text(stubborn)
    environment = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    command = subprocess.Popen([sys.executable, "-m", "flows.reproduce", "--jobs", "2"], env=environment)
    pid = int(wait_for(root / "pid"))
    for _ in range(600):
        if "toy_a:" in ((root / "dvc.lock").read_text() if (root / "dvc.lock").exists() else ""):
            break
        time.sleep(0.1)
    command.kill()
    assert command.wait(timeout=60) == -signal.SIGKILL
    deadline = time.monotonic() + 20
    while psutil.pid_exists(pid):
        assert time.monotonic() < deadline, "the stage outlived the walk"
        time.sleep(0.1)
    killed = asyncio.run(_last_run())[0]
    assert killed.state_name == "Running", "nobody is left to say otherwise"

    (root / "dvc.yaml").write_text(PIPELINE)
    states = {name: each.state for name, each in run().items()}
    assert states == {"toy_a": "skipped", "toy_b": "ran", "toy_compare": "ran"}
    assert (root / "b.txt").read_text() == "b\n"
    state, tasks, _ = last_run(3)
    assert (state, tasks["toy_compare"]) == ("Completed", "Completed")
    assert json.loads(artifact("toy-table").data)[0]["recall"] == 0.25


def test_a_killed_stage_is_retried_once(root: Path) -> None:
    killed = PIPELINE.replace(
        "echo b > b.txt", "test -e again || ( touch again; kill -9 $PPID ); echo b > b.txt"
    )
    (root / "dvc.yaml").write_text(killed.replace("kill -9 $PPID", "kill -9 $$"))
    assert run()["toy_b"].state == "ran"
    assert "Retry 1/1" in last_run(3)[2]


def test_sigterm_ends_the_stages_and_the_flow_run(root: Path) -> None:
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415

    endless = PIPELINE.replace("echo b > b.txt", "echo $$ > pid; sleep 300")
    (root / "dvc.yaml").write_text(endless)
    environment = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    command = subprocess.Popen([sys.executable, "-m", "flows.reproduce"], env=environment)
    pid = int(wait_for(root / "pid"))
    command.send_signal(signal.SIGTERM)
    assert command.wait(timeout=60) == 143
    assert not psutil.pid_exists(pid)
    assert last_run(2)[0] == "Crashed"
    (root / "dvc.yaml").write_text(PIPELINE)
    assert run()["toy_compare"].state == "ran"


def test_the_command_of_an_experiment_runs_its_flow_once_and_shows_its_results(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from prefect import flow  # noqa: PLC0415

    from flows.walk import flow_run  # noqa: PLC0415

    runs = []

    @flow
    def toy(force: bool = False, jobs: flow_run.Jobs = None) -> dict[str, Any]:
        runs.append(flow_run.experiment("toy", force, jobs))
        return runs[-1]

    assert flow_run.run_experiment(toy, ["--jobs", "2"]) == 0
    assert "Keep A." in capsys.readouterr().out
    assert flow_run.run_experiment(toy, []) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("nothing is stale: 3 stages are up to date")
    assert "scam" in printed
    assert runs == [DECISION]
