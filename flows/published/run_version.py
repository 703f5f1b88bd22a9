"""A flow run's version is the commit that it works on; one that a deployment started has none until it says so."""

from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.runtime import flow_run


def record(commit: str) -> None:
    """Inside a flow run."""
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(flow_run.id), flow_version=commit)
