"""Run every stage that DVC calls stale, side by side: `python -m flows.reproduce [targets...] [--study NAME | --all]`."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import get_args

from rich.console import Console

from flows.pinned import data_folder, graph
from flows.published.terminal import console as terminal
from flows.published.terminal import results
from flows.studies import selection
from flows.studies.folder import experiment_of, study_name
from flows.studies.rounds import over
from flows.walk import command, settings
from flows.walk.in_threads import run_in_threads
from flows.walk.order import StageOutcome, StagesFailed
from flows.walk.placement import RunnerName, runner_factory
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


def main(arguments: list[str] | None = None) -> int:
    settings.apply(Path.cwd())
    options = command.parser("reproduce", __doc__)
    options.add_argument("targets", nargs="*", help="stages, matrices or experiments; all if none is named")
    options.add_argument(
        "--verbose", action="store_true", help="say of each stage every file and parameter that made it run"
    )
    options.add_argument(
        "--no-prefect", dest="prefect", action="store_false", help="plain threads, no run history"
    )
    options.add_argument(
        "--pull",
        action="store_true",
        help="first get missing data and what the DVC remote has of these stages",
    )
    options.add_argument("--push", action="store_true", help="afterwards give the DVC remote what it lacks")
    options.add_argument(
        "--runner",
        choices=get_args(RunnerName),
        default="threads",
        help="where stages run: processes of this machine (default), or the workers of a Dask cluster",
    )
    options.add_argument("--dask-address", help="its scheduler (default: a cluster on this machine)")
    selection.add_options(options)
    asked = options.parse_args(arguments)
    console = Console(highlight=False)
    return over(Path.cwd(), asked, lambda root: _reproduce(root, asked, console))


def _reproduce(root: Path, asked: argparse.Namespace, console: Console) -> int:
    if asked.pull or asked.push:
        graph.require_remote(root)
    if asked.pull:
        _pull(root, asked.targets)
    open_runner = runner_factory(asked.runner, asked.dask_address)
    outcomes = reproduce(asked.targets, asked.force, asked.jobs, asked.prefect, open_runner)
    if all(each.state == "skipped" for each in outcomes):
        console.print(command.nothing_is_stale(outcomes))
    else:
        console.print(command.summary(outcomes, asked.verbose))
    if asked.push:  # also what an earlier run could not, and what was made beside a stage that failed
        graph.push(root)
        console.print("pushed to the DVC remote")
    if not all(each.succeeded for each in outcomes):
        raise StagesFailed(outcomes)
    if study_name(root) is not None:
        terminal().print(results(root, experiment_of(root)))
    return 0


def _pull(root: Path, targets: Sequence[str]) -> None:
    """data/, where it is missing, and what the remote has of the stages. Data that is there stays as it is."""
    data_folder.restore_missing(root)
    graph.pull(root, list(wanted_stages(root, targets)))


if __name__ == "__main__":
    sys.exit(main())
