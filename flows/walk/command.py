"""What commands that walk the stages share: their options, what they print at the end, and how they end."""

import argparse
import signal
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.pinned.errors import DataError, GraphError
from flows.published.terminal import NoResults
from flows.studies.folder import StudyError
from flows.walk import progress
from flows.walk.logs import log_path
from flows.walk.order import StageOutcome, StagesFailed, UnknownTarget
from flows.walk.settings import NoApi
from params.block import ParamsError

RunnerName = Literal["threads", "dask"]


def summary(outcomes: Iterable[StageOutcome], verbose: bool = False) -> Table:
    """A line each for stages that were not skipped, one for all others of a reason. verbose: one for each stage, and for
    each file and parameter that changed."""
    table = Table("stage", "state", "reason", "seconds", box=None, header_style="bold")
    table.columns[0].overflow, table.columns[3].justify = "fold", "right"
    skipped: Counter[str] = Counter()
    for each in outcomes:
        if each.state == "skipped" and not verbose:
            skipped[each.reason] += 1
            continue
        seconds = f"{each.seconds:.1f}" if each.seconds else ""
        said = "\n".join([each.reason, *each.details]) if verbose else each.reason
        table.add_row(each.stage, f"[{progress.COLOURS[each.state]}]{each.state}[/]", escape(said), seconds)
    for reason, count in skipped.items():
        table.add_row(
            f"{count} other{'s' if count > 1 else ''}",
            f"[{progress.COLOURS['skipped']}]skipped[/]",
            escape(reason),
            "",
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
    problems = Console(
        stderr=True, highlight=False, soft_wrap=True, emoji=False
    )  # `:a:` in a name is no picture
    try:
        return action()
    except StagesFailed as failed:
        problems.print(failures(failed.outcomes), markup=False)
    except (
        DataError,
        ParamsError,
        GraphError,
        UnknownTarget,
        NoResults,
        NoApi,
        StudyError,
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


def nothing_is_stale(stages: Collection[object]) -> str:
    return f"nothing is stale: {len(stages)} stages are up to date"
