"""What the terminal shows of a walk: live where it can, else one line for each stage that ran."""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from flows.published.headline import decided
from flows.walk.durations import Course, TimeEstimate
from flows.walk.order import Observer, StageOutcome
from tasks.report.figures import printable

COLOURS = {"ran": "green", "restored": "cyan", "skipped": "dim", "failed": "red", "not run": "yellow"}
NAMED = 8  # waiting stages


class Lines:
    """One line for each stage that did not merely pass by, and one for what an experiment has decided with it."""

    def __init__(self, console: Console, root: Path) -> None:
        self._console, self._root = console, root

    def settled(self, outcome: StageOutcome) -> None:
        if outcome.state != "skipped":
            state = f"[{COLOURS[outcome.state]}]{outcome.state}[/]"
            line = f"{state} {outcome.stage} {outcome.seconds:.1f} s ({escape(outcome.reason)})"
            self._console.print(line, soft_wrap=True)
        if headline := decided(self._root, outcome):
            self._console.print(Text(printable(headline), style="bold"), soft_wrap=True)

    def moved(self, running: Collection[str], waiting: Mapping[str, str]) -> None:
        pass


class Board(Lines):
    """Those lines, and below them what runs, for how long, and what waits for what."""

    def __init__(
        self, console: Console, root: Path, stages: Collection[str], estimate: TimeEstimate | None = None
    ) -> None:
        super().__init__(console, root)
        self._total, self._course = len(stages), Course(estimate)
        self._start = time.monotonic()
        self._waiting: Mapping[str, str] = {}
        self._spinner = Spinner("dots", style="cyan")

    def settled(self, outcome: StageOutcome) -> None:
        self._course.settled(outcome)
        super().settled(outcome)

    def moved(self, running: Collection[str], waiting: Mapping[str, str]) -> None:
        self._course.moved(running)
        self._waiting = dict(waiting)

    def __rich__(self) -> RenderableType:
        board = Table.grid(padding=(0, 1))
        for stage, seconds in self._course.running().items():
            board.add_row(self._spinner, Text(stage, style="bold"), Text(clock(seconds), style="cyan"))
        for stage, what in list(self._waiting.items())[:NAMED]:
            board.add_row("", Text(stage, style="dim"), Text(f"waits for {what}", style="dim"))
        if len(self._waiting) > NAMED:
            board.add_row("", Text(f"and {len(self._waiting) - NAMED} more", style="dim"), "")
        line = Table.grid(padding=(0, 1))
        share = ProgressBar(total=self._total, completed=len(self._course.done), width=30)
        done = f"{len(self._course.done)} of {self._total} stages done"
        line.add_row(share, done, clock(time.monotonic() - self._start), self._course.time_left())
        return Group("", board, line)


def clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def is_live() -> bool:
    console = Console()
    return console.is_terminal and not console.is_dumb_terminal


@contextmanager
def shown(root: Path, stages: Collection[str], estimate: TimeEstimate) -> Iterator[Lines]:
    """Where nothing is live, the estimate is said once, before anything runs."""
    console = Console(highlight=False)
    if not is_live():
        console.print(f"stages to run: {len(estimate.seconds)}; {estimate.said((), {})}", soft_wrap=True)
        yield Lines(console, root)
        return
    board = Board(console, root, stages, estimate)
    # Stages print into their logs; what Prefect or DVC would print keeps its own line above the board.
    with Live(board, console=console, refresh_per_second=8, transient=True):
        yield board


class Observers:
    """Several, each told the same."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def settled(self, outcome: StageOutcome) -> None:
        for each in self._observers:
            each.settled(outcome)

    def moved(self, running: Collection[str], waiting: Mapping[str, str]) -> None:
        for each in self._observers:
            each.moved(running, waiting)
