"""A walk over what is stale: with run history or without, before and after it the DVC remote."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from flows.pinned import data_folder, graph
from flows.walk.in_threads import run_in_threads
from flows.walk.order import StageOutcome
from flows.walk.plan import plan, wanted_stages
from flows.walk.runners import RunnerFactory, local_processes


def reproduce(
    targets: Iterable[str] | None = None,
    force: bool = False,
    jobs: int | None = None,
    prefect: bool = True,
    open_runner: RunnerFactory = local_processes,
) -> list[StageOutcome]:
    """Bring the targets up to date in the repository of the working directory; read the outcomes for failures."""
    run = plan(Path.cwd(), targets, force, jobs)
    if run.nothing_to_do or not prefect:
        return run_in_threads(run, open_runner)
    # Prefect takes seconds to import: only where something will run.
    from flows.walk.flow_run import run_as_flow  # noqa: PLC0415

    return run_as_flow(run, open_runner)


def pull(root: Path, targets: Sequence[str]) -> None:
    """data/, where it is missing, and what the remote has of the stages. Data that is there stays as it is."""
    graph.require_remote(root)
    data_folder.restore_missing(root)
    graph.pull(root, list(wanted_stages(root, targets)))
