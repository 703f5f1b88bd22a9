"""Run every stage that DVC calls stale, side by side: `python -m flows.reproduce [targets...] [--study NAME | --all]`."""

import argparse
import sys
from pathlib import Path
from typing import get_args

from rich.console import Console

from flows.published.terminal import console as terminal
from flows.published.terminal import results
from flows.studies import selection
from flows.studies.folder import experiment_of, study_name
from flows.studies.rounds import over
from flows.walk import command, settings
from flows.walk.command import RunnerName
from flows.walk.order import StagesFailed
from flows.walk.plan import up_to_date


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
    if not _untouched(root, asked, console):
        _walk(root, asked, console)
    if study_name(root) is not None:
        terminal().print(results(root, experiment_of(root)))
    return 0


def _untouched(root: Path, asked: argparse.Namespace, console: Console) -> bool:
    """Said at once, where that is known without DVC."""
    if asked.force or asked.pull or asked.push or asked.runner != "threads":
        return False
    stages = up_to_date(root, asked.targets)
    if stages is not None:
        console.print(command.nothing_is_stale(stages))
    return stages is not None


def _walk(root: Path, asked: argparse.Namespace, console: Console) -> None:
    # DVC takes a second to import: only where it is asked.
    from flows.pinned import graph  # noqa: PLC0415
    from flows.walk.placement import runner_factory  # noqa: PLC0415
    from flows.walk.reproduction import pull, reproduce  # noqa: PLC0415

    if asked.push:
        graph.require_remote(root)
    if asked.pull:
        pull(root, asked.targets)
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


if __name__ == "__main__":
    sys.exit(main())
