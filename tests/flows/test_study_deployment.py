"""A study's deployment at a Prefect server, without prefect.yaml; and what the server forgets with a study."""

from datetime import timedelta
from typing import Any

import pytest

from tests.imports import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def deployments(client: Any) -> dict[str, Any]:
    return {each.name: each for each in client.read_deployments()}


@pytest.mark.usefixtures("prefect_server")
def test_it_is_registered_with_its_schedule_replaced_by_the_next_and_forgotten_with_its_artifacts_alone() -> (
    None
):
    # Prefect reads its environment when it is imported.
    from prefect import flow  # noqa: PLC0415
    from prefect.artifacts import create_markdown_artifact  # noqa: PLC0415
    from prefect.client.orchestration import get_client  # noqa: PLC0415

    from flows.studies import deployment  # noqa: PLC0415
    from flows.studies.deployment import When  # noqa: PLC0415
    from flows.studies.folder import StudyError  # noqa: PLC0415

    before = (ROOT / "prefect.yaml").read_bytes()
    said = deployment.deploy(ROOT, "fraud", When("0 4 * * 1", None, "Europe/Berlin"))
    deployment.deploy(ROOT, "fraud-2", When("0 5 * * 1", None, "UTC"))
    assert "recalibrate/study-fraud runs at '0 4 * * 1' (Europe/Berlin)" in said
    with pytest.raises(StudyError, match="no schedule at 'every day'"):
        deployment.deploy(ROOT, "fraud", When("every day", None, "UTC"))
    for wrong in ("6 hours", "0m", "m"):
        with pytest.raises(StudyError, match="--interval takes a number and s, m, h or d"):
            deployment.deploy(ROOT, "fraud", When(None, wrong, "UTC"))
    with get_client(sync_client=True) as client:
        found = deployments(client)
        assert {name for name in found if name.startswith("study-")} == {"study-fraud", "study-fraud-2"}
        made = found["study-fraud"]
        assert made.parameters == {"study": "fraud", "branch": "recalibrated-fraud"}
        assert (made.work_pool_name, made.global_concurrency_limit.limit) == ("calibration", 1)
        (schedule,) = made.schedules
        assert (schedule.active, schedule.schedule.cron, schedule.schedule.timezone) == (
            True,
            "0 4 * * 1",
            "Europe/Berlin",
        )
        assert made.pull_steps == [
            {"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}
        ]
        deployment.deploy(ROOT, "fraud", When("0 6 * * 1", None, "UTC"))
        (schedule,) = deployments(client)["study-fraud"].schedules
        assert schedule.schedule.cron == "0 6 * * 1"
        assert "study-fraud runs every 6h" in deployment.deploy(ROOT, "fraud", When(None, "6h", "UTC"))
        (schedule,) = deployments(client)["study-fraud"].schedules
        assert schedule.schedule.interval == timedelta(hours=6)

    @flow
    def published() -> None:
        for key in ("study-fraud--table", "study-fraud--table", "study-fraud-2--table", "fraud-table"):
            create_markdown_artifact("text", key=key)

    published()
    said = deployment.deploy_watch(
        ROOT, "fraud", "fpr_thresholds", "inbox/*.csv", False, When(None, "1d", "UTC")
    )
    assert said.startswith("watch/study-fraud runs every 1d")
    with get_client(sync_client=True) as client:
        watch = client.read_deployment_by_name("watch/study-fraud")
    assert watch.parameters == {
        "place": "inbox/*.csv", "in_order": False, "experiment": "fpr_thresholds", "study": "fraud"
    }  # fmt: skip
    assert deployment.forget("fraud") == "the Prefect server forgot 2 deployments and 2 artifacts"
    assert deployment.forget("fraud") == "the Prefect server forgot 0 deployment and 0 artifacts"
    with get_client(sync_client=True) as client:
        assert {name for name in deployments(client) if name.startswith("study-")} == {"study-fraud-2"}
        kept = {each.key for each in client.read_artifacts()}
    assert kept >= {"study-fraud-2--table", "fraud-table"}
    assert not {key for key in kept if key and key.startswith("study-fraud--")}
    assert (ROOT / "prefect.yaml").read_bytes() == before
