"""A study's deployment at a Prefect server, without an edit of prefect.yaml; and what a server forgets with a study."""

import re
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from httpx import HTTPError
from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.schedules import Cron, Interval, Schedule

from flows.published.artifacts import STUDY, key_of
from flows.studies.folder import StudyError

POOL = "calibration"
ENTRYPOINT = "flows/scheduled.py:recalibrate"
WATCH_ENTRYPOINT = "flows/published/watch_run.py:watch"
AT_ONCE = 200  # artifacts of one answer
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class When:
    """cron: as cron writes it, or None: every `interval`, such as 30m, 6h, 1d."""

    cron: str | None
    interval: str | None
    timezone: str

    def __str__(self) -> str:
        return f"at {self.cron!r} ({self.timezone})" if self.cron else f"every {self.interval}"

    def schedule(self) -> Schedule:
        """Raises StudyError."""
        if self.interval is None:
            return Cron(self.cron or "", timezone=self.timezone)
        every = re.fullmatch(r"([1-9]\d{0,6})([smhd])", self.interval)
        if every is None:
            raise StudyError(
                f"--interval takes a number and s, m, h or d, such as 30m, 6h, 1d; got {self.interval!r}"
            )
        return Interval(timedelta(**{UNITS[every[2]]: int(every[1])}), timezone=self.timezone)


@dataclass(frozen=True)
class Planned:
    """A deployment of a flow of this repository: what it is called, is handed, and is found by."""

    entrypoint: str
    name: str
    parameters: dict[str, Any]
    tags: list[str]
    description: str

    @property
    def flow(self) -> str:
        return self.entrypoint.partition(":")[2]


def deploy(root: Path, study: str, when: When) -> str:
    """Of a study's recalibration. What became of it, in words. Raises StudyError."""
    said = f"Brings the study {study} up to date at a commit and publishes table, decision and plots."
    parameters = {"study": study, "branch": f"recalibrated-{study}"}
    return register(root, Planned(ENTRYPOINT, f"{STUDY}{study}", parameters, ["study", study], said), when)


def deploy_watch(
    root: Path, study: str | None, experiment: str, place: str, in_order: bool, when: When
) -> str:
    """Of the watch over a study, or over one of the repository's own experiments; as `deploy`."""
    said = f"Takes what is new of {place}, and says whether what was adopted still holds."
    parameters = {"place": place, "in_order": in_order, "experiment": experiment, "study": study}
    name = f"{STUDY}{study}" if study else key_of(experiment)
    return register(
        root, Planned(WATCH_ENTRYPOINT, name, parameters, ["watch", study or experiment], said), when
    )


def register(root: Path, planned: Planned, when: When) -> str:
    """As those of prefect.yaml are; a second time it replaces the first. What became of it, in words. Raises StudyError."""
    try:
        with get_client(sync_client=True) as client:
            make_pool(client)
        made = cast(Flow[..., Any], Flow.from_source(source=str(root), entrypoint=planned.entrypoint))
        with redirect_stdout(StringIO()):  # Prefect's own table of it
            made.deploy(
                name=planned.name,
                work_pool_name=POOL,
                schedule=when.schedule(),
                parameters=planned.parameters,
                tags=planned.tags,
                description=planned.description,
                concurrency_limit=1,
                print_next_steps=False,
                ignore_warnings=True,
            )
    except HTTPError as error:
        raise StudyError(f"the Prefect server refused the deployment: {error}") from error
    except ValueError as error:
        raise StudyError(
            f"no schedule {when} (--timezone {when.timezone!r}): {' '.join(str(error).split())[:200]}"
        ) from error
    return f"{planned.flow}/{planned.name} runs {when}, as soon as a worker is there: `make worker`"


def make_pool(client: SyncPrefectClient) -> None:
    """As `make deploy` makes it: one run at a time."""
    with suppress(ObjectAlreadyExists):
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process", concurrency_limit=1))


def forget(study: str) -> str:
    """Its deployments and its artifacts, all versions."""
    with get_client(sync_client=True) as client:
        deployments = sum(_deleted(client, f"{flow}/{STUDY}{study}") for flow in ("recalibrate", "watch"))
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
