"""Run every stage that DVC calls stale, side by side: `python -m flows.reproduce [targets...]`."""

import argparse
import signal
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows import data, show
from flows.pinned import graph, lock_file, repository
from flows.walk import progress, resources, settings
from flows.walk.asked import asked_for
from flows.walk.logs import log_path
from flows.walk.order import StageOutcome, UnknownTarget, restricted, walk
from flows.walk.runners import (
    Run,
    RunnerFactory,
    RunnerName,
    local_processes,
    runner_factory,
    up_to_date,
)
from params.block import ParamsError


class StagesFailed(RuntimeError):
    def __init__(self, outcomes: Sequence[StageOutcome]) -> None:
        self.outcomes = outcomes
        super().__init__("failed: " + ", ".join(each.stage for each in outcomes if each.state == "failed"))


def plan(root: Path, targets: Iterable[str] | None, force: bool, jobs: int | None) -> Run:
    """Asks DVC what is stale, once data/ has been found to be what it should be."""
    data.require(root)
    wanted = _wanted(root, targets)
    needs = resources.needs(root / "params.yaml", (name for name in wanted if force or wanted[name].stale))
    return Run(root, wanted, needs, force, jobs)


def _wanted(root: Path, targets: Iterable[str] | None) -> dict[str, graph.Stage]:
    """The targets, or all that params.yaml asks for, and the stages upstream of them."""
    stages = {stage.name: stage for stage in graph.stages(root)}
    upstreams = {name: stage.upstreams for name, stage in stages.items()}
    return {name: stages[name] for name in restricted(upstreams, targets or asked_for(root, list(stages)))}


def run_in_threads(run: Run, open_runner: RunnerFactory = local_processes) -> list[StageOutcome]:
    """The walk without Prefect."""
    if run.nothing_to_do:
        lock_file.sort_lock(run.root)  # a kill may have come before the last walk could
        return [up_to_date(name) for name in run.stages]
    with open_runner(run) as runner, ThreadPoolExecutor(run.threads(runner)) as pool:

        def attempt(name: str) -> StageOutcome:
            if not run.may_run(name):
                return up_to_date(name)
            first = runner.reproduce(name)
            if not first.may_pass_again:
                return first
            second = runner.reproduce(name)
            return replace(second, reason=f"{second.reason}; tried twice, since the first try was ended")

        with progress.shown(run.stages) as observer:
            outcomes = walk(
                run.upstreams,
                run.budget(runner),
                lambda name: pool.submit(attempt, name),
                runner.interrupt,
                observer,
            )
    lock_file.sort_lock(run.root)
    return outcomes


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


def summary(outcomes: Iterable[StageOutcome]) -> Table:
    table = Table("stage", "state", "reason", "seconds", box=None, header_style="bold")
    table.columns[3].justify = "right"
    for each in outcomes:
        seconds = f"{each.seconds:.1f}" if each.seconds else ""
        table.add_row(
            each.stage, f"[{progress.COLOURS[each.state]}]{each.state}[/]", escape(each.reason), seconds
        )
    return table


def failures(outcomes: Iterable[StageOutcome]) -> str:
    parts = []
    for each in outcomes:
        if each.state == "failed":
            where = f"\nfull log: {log_path(each.stage)}" if each.log_tail else ""
            parts.append(f"{each.stage} failed: {each.error}\n{each.log_tail}{where}")
    return "\n\n".join(parts)


def guarded(action: Callable[[], int]) -> int:
    """The exit code of a command that a signal may end and that DVC may refuse."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    problems = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        return action()
    except StagesFailed as failed:
        problems.print(failures(failed.outcomes), markup=False)
    except (
        data.DataError,
        ParamsError,
        repository.GraphError,
        UnknownTarget,
        show.NoResults,
        settings.NoApi,
    ) as error:
        problems.print(str(error), markup=False)
    except KeyboardInterrupt:
        problems.print("interrupted: what ran was ended; run it again to go on")
        return 130
    return 1


def parser(program: str, description: str | None) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog=f"python -m flows.{program}", description=description)
    options.add_argument("--force", action="store_true", help="run the stages even where nothing changed")
    options.add_argument("--jobs", type=_count, help="stages at once (default: one for each core)")
    return options


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"a whole number from 1 on, got {text!r}")
    return int(text)


def main(arguments: list[str] | None = None) -> int:
    settings.apply(Path.cwd())
    options = parser("reproduce", __doc__)
    options.add_argument("targets", nargs="*", help="stages, matrices or experiments; all if none is named")
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
    asked = options.parse_args(arguments)
    return guarded(lambda: _reproduce(asked))


def _reproduce(asked: argparse.Namespace) -> int:
    root, console = Path.cwd(), Console(highlight=False)
    if asked.pull or asked.push:
        graph.require_remote(root)
    if asked.pull:
        _pull(root, asked.targets)
    open_runner = runner_factory(asked.runner, asked.dask_address)
    outcomes = reproduce(asked.targets, asked.force, asked.jobs, asked.prefect, open_runner)
    if all(each.state == "skipped" for each in outcomes):
        console.print(nothing_is_stale(outcomes))
    else:
        console.print(summary(outcomes))
    if asked.push:  # also what an earlier run could not, and what was made beside a stage that failed
        graph.push(root)
        console.print("pushed to the DVC remote")
    if not all(each.succeeded for each in outcomes):
        raise StagesFailed(outcomes)
    return 0


def _pull(root: Path, targets: Sequence[str]) -> None:
    """data/, where it is missing, and what the remote has of the stages. Data that is there stays as it is."""
    data.restore_missing(root)
    graph.pull(root, list(_wanted(root, targets)))


def nothing_is_stale(stages: Collection[object]) -> str:
    return f"nothing is stale: {len(stages)} stages are up to date"


if __name__ == "__main__":
    sys.exit(main())
