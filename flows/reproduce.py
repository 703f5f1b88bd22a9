"""Run every stage that DVC calls stale, side by side: `python -m flows.reproduce [targets...]`."""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows import data, graph, settings, show
from flows.walk import StageOutcome, UnknownTarget, restricted, walk
from params.block import ParamsError

MARKER = "REPRODUCE_RUN"  # in the environment of every process of a run, so that all of them can be found
GRACE = 5.0  # seconds between SIGTERM and SIGKILL
TAIL = 20  # lines
NAMED_REASONS = 3
COLOURS = {"ran": "green", "restored": "cyan", "skipped": "dim", "failed": "red", "not run": "yellow"}


class StagesFailed(RuntimeError):
    def __init__(self, outcomes: Sequence[StageOutcome]) -> None:
        self.outcomes = outcomes
        super().__init__("failed: " + ", ".join(each.stage for each in outcomes if each.state == "failed"))


@dataclass(frozen=True)
class Run:
    """One walk over the stages that were asked for and those upstream of them."""

    root: Path
    stages: Mapping[str, graph.Stage]
    force: bool
    jobs: int
    marker: str = field(default_factory=lambda: uuid4().hex)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def nothing_to_do(self) -> bool:
        return not self.force and not any(stage.stale for stage in self.stages.values())

    @property
    def upstreams(self) -> dict[str, tuple[str, ...]]:
        return {name: stage.upstreams for name, stage in self.stages.items()}

    def reproduce(self, name: str) -> StageOutcome:
        """In any thread. A stage's own failure is an outcome, not an exception."""
        if not self.force and not self.stages[name].stale:
            return StageOutcome(name, "skipped", "up to date")
        environment = {MARKER: self.marker} | ({"STAGE_ECHO": "0"} if self.jobs > 1 else {})
        start = time.monotonic()
        started_at = time.time()
        try:
            done = graph.reproduce_stage(self.root, name, self.force, environment, self.stop)
        except graph.StageError as error:
            return StageOutcome(
                name,
                "failed",
                because(error.reasons),
                time.monotonic() - start,
                str(error),
                log_tail(self.root, name, started_at),
                error.may_pass_again and not self.stop.is_set(),
            )
        reason = because(done.reasons) or "its inputs came out the same"
        tail = log_tail(self.root, name, started_at) if done.state == "ran" else ""
        return StageOutcome(name, done.state, reason, time.monotonic() - start, log_tail=tail)

    def interrupt(self) -> None:
        self.stop.set()
        end_processes(self.marker)


def plan(root: Path, targets: Iterable[str] | None, force: bool, jobs: int | None) -> Run:
    """Asks DVC what is stale, once data/ has been found to be what it should be."""
    data.require(root)
    stages = {stage.name: stage for stage in graph.stages(root)}
    upstreams = {name: stage.upstreams for name, stage in stages.items()}
    wanted = restricted(upstreams, targets or stages)
    return Run(root, {name: stages[name] for name in wanted}, force, jobs or os.cpu_count() or 1)


def run_in_threads(run: Run) -> list[StageOutcome]:
    """The walk without Prefect."""

    def attempt(name: str) -> StageOutcome:
        outcome = run.reproduce(name)
        return run.reproduce(name) if outcome.may_pass_again else outcome

    with ThreadPoolExecutor(run.jobs) as pool:
        outcomes = walk(run.upstreams, lambda name: pool.submit(attempt, name), run.interrupt, report)
    graph.sort_lock(run.root)
    return outcomes


def reproduce(
    targets: Iterable[str] | None = None,
    force: bool = False,
    jobs: int | None = None,
    prefect: bool = True,
) -> list[StageOutcome]:
    """Bring the targets up to date in the repository of the working directory; read the outcomes for failures."""
    run = plan(Path.cwd(), targets, force, jobs)
    if run.nothing_to_do or not prefect:
        return run_in_threads(run)
    # Prefect takes seconds to import: only where something will run.
    from flows.pipeline import run_as_flow  # noqa: PLC0415

    return run_as_flow(run)


def end_processes(marker: str) -> None:
    """SIGTERM, then SIGKILL, for every process of the run, also those whose parent is gone.

    They are not waited for: DVC's thread does that, and a second waiter would take the exit code from it, which
    would then read as 0.
    """
    processes = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARKER) == marker and process.pid != os.getpid():
                process.terminate()
                processes.append(process)
    deadline = time.monotonic() + GRACE
    while (alive := [each for each in processes if _alive(each)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()


def _alive(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def because(reasons: Sequence[str]) -> str:
    """The first reasons; where much has changed, a list of all of it says less."""
    more = f"; and {len(reasons) - NAMED_REASONS} more" if len(reasons) > NAMED_REASONS else ""
    return "; ".join(reasons[:NAMED_REASONS]) + more


def log_path(stage: str) -> Path:
    return Path(".logs") / f"{stage}.log"


def log_tail(root: Path, stage: str, since: float) -> str:
    """The end of what the stage printed; empty where it printed nothing after `since`."""
    path = root / log_path(stage)
    if not path.exists() or path.stat().st_mtime < since - 1:
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-TAIL:])


def report(outcome: StageOutcome) -> None:
    """One line in the terminal for each stage that did not merely pass by."""
    if outcome.state != "skipped":
        state = f"[{COLOURS[outcome.state]}]{outcome.state}[/]"
        line = f"{state} {outcome.stage} {outcome.seconds:.1f} s ({escape(outcome.reason)})"
        Console(highlight=False, soft_wrap=True).print(line)


def summary(outcomes: Iterable[StageOutcome]) -> Table:
    table = Table("stage", "state", "reason", "seconds", box=None, header_style="bold")
    table.columns[3].justify = "right"
    for each in outcomes:
        seconds = f"{each.seconds:.1f}" if each.seconds else ""
        table.add_row(each.stage, f"[{COLOURS[each.state]}]{each.state}[/]", escape(each.reason), seconds)
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
    except (data.DataError, ParamsError, graph.GraphError, UnknownTarget, show.NoResults) as error:
        problems.print(str(error), markup=False)
    except KeyboardInterrupt:
        problems.print("interrupted: what ran was ended; run it again to go on")
        return 130
    return 1


def parser(program: str, description: str | None) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog=f"python -m flows.{program}", description=description)
    options.add_argument("--force", action="store_true", help="run the stages even where nothing changed")
    options.add_argument("--jobs", type=int, help="stages at once (default: one for each core)")
    return options


def main(arguments: list[str] | None = None) -> int:
    settings.apply(Path.cwd())
    options = parser("reproduce", __doc__)
    options.add_argument("targets", nargs="*", help="stages, matrices or experiments; all if none is named")
    options.add_argument(
        "--no-prefect", dest="prefect", action="store_false", help="plain threads, no run history"
    )
    options.add_argument(
        "--pull", action="store_true", help="first get what the DVC remote has of these stages"
    )
    options.add_argument("--push", action="store_true", help="afterwards give the DVC remote what was made")
    asked = options.parse_args(arguments)
    return guarded(lambda: _reproduce(asked))


def _reproduce(asked: argparse.Namespace) -> int:
    root, console = Path.cwd(), Console(highlight=False)
    if asked.pull:
        graph.pull(root, list(plan(root, asked.targets, False, 1).stages))
    outcomes = reproduce(asked.targets, asked.force, asked.jobs, asked.prefect)
    if all(each.state == "skipped" for each in outcomes):
        console.print(nothing_is_stale(outcomes))
        return 0
    console.print(summary(outcomes))
    if not all(each.succeeded for each in outcomes):
        raise StagesFailed(outcomes)
    if asked.push:
        graph.push(root)
    return 0


def nothing_is_stale(stages: Collection[object]) -> str:
    return f"nothing is stale: {len(stages)} stages are up to date"


if __name__ == "__main__":
    sys.exit(main())
