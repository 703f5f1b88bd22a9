"""A study's deployment at a Prefect server, without an edit of prefect.yaml; and what a server forgets with a study."""

from contextlib import suppress
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from httpx import HTTPError
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.schedules import Cron

from flows.published.artifacts import STUDY
from flows.studies.folder import StudyError

POOL = "calibration"
ENTRYPOINT = "flows/scheduled.py:recalibrate"
FLOW, WATCH = "recalibrate", "watch"
AT_ONCE = 200  # artifacts of one answer


def deploy(root: Path, study: str, cron: str, timezone: str) -> str:
    """Registered as those of prefect.yaml are; a second time it replaces the first. What became of it, in words."""
    try:
        with get_client(sync_client=True) as client:
            make_pool(client)
        recalibrate = cast(Flow[..., Any], Flow.from_source(source=str(root), entrypoint=ENTRYPOINT))
        recalibrate.deploy(
            name=f"{STUDY}{study}",
            work_pool_name=POOL,
            schedule=Cron(cron, timezone=timezone),
            parameters={"study": study, "branch": f"recalibrated-{study}"},
            tags=["study", study],
            description=f"Brings the study {study} up to date at a commit and publishes table, decision and plots.",
            concurrency_limit=1,
            print_next_steps=False,
            ignore_warnings=True,
        )
    except HTTPError as error:
        raise StudyError(f"the Prefect server refused the deployment: {error}") from error
    except ValueError as error:
        raise StudyError(
            f"--cron {cron!r} (--timezone {timezone!r}): {' '.join(str(error).split())[:200]}"
        ) from error
    return f"{FLOW}/{STUDY}{study} runs at {cron!r} ({timezone}), as soon as a worker is there: `make worker`"


def make_pool(client: SyncPrefectClient) -> None:
    """As `make deploy` makes it: one run at a time."""
    with suppress(ObjectAlreadyExists):
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process", concurrency_limit=1))


def forget(study: str) -> str:
    """Its deployments and its artifacts, all versions."""
    with get_client(sync_client=True) as client:
        deployments = sum(_deleted(client, f"{flow}/{STUDY}{study}") for flow in (FLOW, WATCH))
        removed = 0
        while found := _artifacts(client, study):
            for each in found:
                client.delete_artifact(each)
            removed += len(found)
    return (
        f"the Prefect server forgot {deployments} deployment{'s' * (deployments > 1)} and {removed} artifacts"
    )


def _deleted(client: SyncPrefectClient, name: str) -> bool:
    try:
        client.delete_deployment(client.read_deployment_by_name(name).id)
    except ObjectNotFound:
        return False
    return True


def _artifacts(client: SyncPrefectClient, study: str) -> list[UUID]:
    """Keys are `study-<name>--<what>`: no name has two dashes, so none is the beginning of another's."""
    key = ArtifactFilterKey(like_=f"{STUDY}{study}--%")
    found = client.read_artifacts(artifact_filter=ArtifactFilter(key=key), limit=AT_ONCE)
    return [each.id for each in found]
