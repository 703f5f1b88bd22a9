"""What a user sees of a run on its page, and where the API comes from."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.reproduce import main
from flows.walk import settings
from flows.walk.reproduction import reproduce
from tests.flows.conftest import DIAMOND, Toy, wait_for

pytestmark = pytest.mark.slow
ENDLESS = DIAMOND.replace("cat a.txt > b.txt", "echo half > b.txt; echo $$ > pid; sleep 300")
SERVE = "from flows.walk.flow_run import pipeline; pipeline.serve(name='toy')"


def artifact(key: str) -> Any:
    from prefect.artifacts import Artifact  # noqa: PLC0415 - after the server's settings

    found = Artifact.get(key)
    assert found is not None, key
    return found


@pytest.mark.usefixtures("prefect_server")
def test_the_progress_artifact_ends_at_all_stages_and_names_those_that_failed(toy: Toy) -> None:
    root = toy(DIAMOND)
    reproduce(jobs=2)
    assert float(artifact("stages-progress").data) == 100
    assert artifact("stages-progress").description == "4 of 4 stages done"
    (root / "dvc.yaml").write_text(DIAMOND.replace("cat a.txt > b.txt", "exit 3"))
    reproduce(jobs=2)
    assert "- **failed or not run:** b, d" in artifact("stages-progress").description


async def _logged(text: str) -> bool:
    """Among the latest: a page of logs holds 200, and the server has those of other tests too."""
    from prefect import get_client  # noqa: PLC0415
    from prefect.client.schemas.sorting import LogSort  # noqa: PLC0415

    async with get_client() as client:
        return any(text in log.message for log in await client.read_logs(sort=LogSort.TIMESTAMP_DESC))


@pytest.mark.usefixtures("prefect_server")
def test_what_a_stage_prints_is_in_the_tasks_log_while_it_runs(toy: Toy) -> None:
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415

    printing = "mkdir -p .logs; echo epoch 1 of 500 | tee .logs/b.log; touch printed; sleep 300"
    root = toy(DIAMOND.replace("cat a.txt > b.txt", printing))
    environment = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value())}
    run = subprocess.Popen(
        [sys.executable, "-m", "flows.reproduce"], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 120
        while not asyncio.run(_logged("epoch 1 of 500")):
            assert time.monotonic() < deadline
            assert run.poll() is None
            time.sleep(0.5)
    finally:
        run.terminate()
        run.wait()
    assert not (root / "b.txt").exists()


async def _start_deployed() -> Any:
    from prefect import get_client  # noqa: PLC0415
    from prefect.exceptions import ObjectNotFound  # noqa: PLC0415

    async with get_client() as client:
        for _ in range(240):
            try:
                deployment = await client.read_deployment_by_name("pipeline/toy")
                return (await client.create_flow_run_from_deployment(deployment.id)).id
            except ObjectNotFound:
                await asyncio.sleep(0.5)
    raise AssertionError("the deployment never came")


async def _cancel(run: Any) -> None:
    from prefect import get_client  # noqa: PLC0415
    from prefect.states import Cancelling  # noqa: PLC0415

    async with get_client() as client:
        await client.set_flow_run_state(run, Cancelling())  # what the page's button does


async def _state(run: Any) -> str:
    from prefect import get_client  # noqa: PLC0415

    async with get_client() as client:
        state = (await client.read_flow_run(run)).state
        return str(state and state.name)


@pytest.mark.usefixtures("prefect_server")
def test_cancelling_a_run_on_its_page_ends_every_process_of_its_stages(toy: Toy, tmp_path: Path) -> None:
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415

    root = toy(ENDLESS)
    environment = {
        **os.environ,
        "PREFECT_API_URL": str(PREFECT_API_URL.value()),
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    }
    with (tmp_path / "serve.log").open("w") as log:
        server = subprocess.Popen([sys.executable, "-c", SERVE], env=environment, stdout=log, stderr=log)
    try:
        run = asyncio.run(_start_deployed())
        pid = int(wait_for(root / "pid"))
        asyncio.run(_cancel(run))
        deadline = time.monotonic() + 90
        while psutil.pid_exists(pid) or asyncio.run(_state(run)) != "Cancelled":
            assert time.monotonic() < deadline, (tmp_path / "serve.log").read_text()
            time.sleep(0.2)
    finally:
        server.terminate()
        server.wait()
    (root / "dvc.yaml").write_text(DIAMOND)
    assert {each.state for each in reproduce(prefect=False)} <= {"ran", "skipped"}
    assert (root / "b.txt").read_text() == "one\n"


@pytest.mark.server
def test_with_no_server_one_api_is_started_for_the_whole_run(toy: Toy, tmp_path: Path) -> None:
    root = toy(DIAMOND.replace("cat a.txt > b.txt", "cat a.txt > b.txt; sleep 2"))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT")},
        **settings.environment(tmp_path),
    }
    run = subprocess.Popen(
        [sys.executable, "-m", "flows.reproduce"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    servers = set()
    while run.poll() is None:
        for child in psutil.Process(run.pid).children() if psutil.pid_exists(run.pid) else []:
            try:
                if "uvicorn" in child.cmdline():
                    servers.add(child.pid)
            except psutil.Error:
                continue
        time.sleep(0.1)
    output = run.communicate()[0]
    assert run.returncode == 0, output
    assert len(servers) == 1
    assert (root / "d.txt").exists()
    assert not any(psutil.pid_exists(pid) for pid in servers)


def test_a_server_that_does_not_start_in_time_is_one_line(toy: Toy, tmp_path: Path) -> None:
    root = toy(DIAMOND)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT")},
        **settings.environment(tmp_path),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "1",
    }
    run = subprocess.run(
        [sys.executable, "-m", "flows.reproduce"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr.count("\n")) == (1, 1), run.stderr
    assert run.stderr.startswith(
        "no Prefect API answers within 1 s: try again, set more of them as PREFECT_SERVER"
    )
    assert not (root / "a.txt").exists()


@pytest.mark.server
def test_an_api_that_does_not_answer_is_named_and_nothing_runs(
    toy: Toy, capsys: pytest.CaptureFixture[str], prefect_server: None
) -> None:
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings  # noqa: PLC0415

    root = toy(DIAMOND)
    nowhere = "http://127.0.0.1:9/api"
    with temporary_settings({PREFECT_API_URL: nowhere, PREFECT_CLIENT_MAX_RETRIES: 0}):
        assert main([]) == 1
    assert f"no Prefect API answers at {nowhere}: start it (`make ui`)" in capsys.readouterr().err
    assert not (root / "a.txt").exists()
