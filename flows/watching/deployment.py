"""A watch on a schedule at a Prefect server, without an edit of prefect.yaml."""

from pathlib import Path
from typing import Any, cast

from httpx import HTTPError
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.schedules import Cron

from flows.published.artifacts import STUDY, key_of
from flows.studies.deployment import POOL, make_pool
from flows.studies.folder import StudyError

ENTRYPOINT = "flows/published/watch_run.py:watch"
FLOW = "watch"


def deploy(
    root: Path, study: str | None, experiment: str, place: str, in_order: bool, cron: str, timezone: str
) -> str:
    """Registered as those of prefect.yaml are; a second time it replaces the first. What became of it, in words."""
    name = f"{STUDY}{study}" if study else key_of(experiment)
    try:
        with get_client(sync_client=True) as client:
            make_pool(client)
        watch = cast(Flow[..., Any], Flow.from_source(source=str(root), entrypoint=ENTRYPOINT))
        watch.deploy(
            name=name,
            work_pool_name=POOL,
            schedule=Cron(cron, timezone=timezone),
            parameters={"place": place, "in_order": in_order, "experiment": experiment, "study": study},
            tags=["watch", study or experiment],
            description=f"Takes what is new of {place}, and says whether what was adopted still holds.",
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
    return f"{FLOW}/{name} runs at {cron!r} ({timezone}), as soon as a worker is there: `make worker`"
