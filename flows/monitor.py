"""Does what was adopted still hold? `python -m flows.monitor [--study S] [experiment] [--batch FILE ... | --from PLACE]`.

Batches of rows, with labels or without, are taken into watch/ once each and counted into evidence that may be looked at
as often as one likes; without batches, the state is shown. Ends with 3 where a promise is broken, else with 0.
--recalibrate NAME makes a new study of the labelled rows that were taken, and leaves what is adopted as it is.
"""

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.pinned.watch_pin import WATCH_PIN
from flows.studies.commands import print_pairs, require_server, try_first_stage
from flows.studies.folder import StudyError, study_folder, study_name
from flows.studies.inside import inside
from flows.studies.params_text import stated
from flows.walk import settings
from flows.walk.command import guarded
from flows.watching.recalibration import later_data, recalibrated, recalibrates, require_recalibrates
from flows.watching.watch import state_of, take_batches, take_new_batches, watched_experiment
from tasks.watch.lines import basis_sentence, headline, lines, moved, overall, sentences_of, shown
from tasks.watch.record import WatchState

BROKEN = 3
COLOURS = {"broken": "red", "open": "yellow", "kept": "green"}


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m flows.monitor", description=__doc__)
    options.add_argument("experiment", nargs="?", help="what is watched; a study knows its own")
    options.add_argument("--study", metavar="NAME", help="that of a study, instead of the repository's own")
    which = options.add_mutually_exclusive_group()
    which.add_argument(
        "--batch", nargs="+", type=Path, metavar="FILE", help="take these files, in this order"
    )
    which.add_argument(
        "--from",
        dest="place",
        metavar="PLACE",
        help="take what is new in a folder, or of a pattern ('in/*.csv')",
    )
    which.add_argument(
        "--recalibrate",
        metavar="NAME",
        help="make a study NAME of the labelled rows that were taken, under the same rules",
    )
    options.add_argument(
        "--since", metavar="BATCH", help="with --recalibrate: the rows of this batch and of later ones alone"
    )
    options.add_argument(
        "--set",
        nargs="+",
        default=[],
        dest="settings",
        metavar="KEY=VALUE",
        help="with --recalibrate: a value in its params.yaml",
    )
    options.add_argument(
        "--risk", type=_risk, help="of a false word, for the watch's life (default: .05); only when it begins"
    )
    options.add_argument(
        "--in-order",
        action="store_true",
        help="rows without times stand as they came, so that a row can be named; else they count in a random order",
    )
    rhythm = options.add_mutually_exclusive_group()
    rhythm.add_argument("--cron", help="with --from: a deployment that does so on time ('0 6 * * 1')")
    rhythm.add_argument("--interval", help="instead of --cron: every so often, such as 30m, 6h, 1d")
    options.add_argument("--timezone", default="UTC", help="of --cron, such as Europe/Berlin (default: UTC)")
    return options


def main(arguments: list[str] | None = None) -> int:
    asked = parser().parse_args(arguments)
    repository = Path.cwd()
    settings.apply(repository)
    return guarded(lambda: _monitor(repository, asked))


def _monitor(repository: Path, asked: argparse.Namespace) -> int:
    root = study_folder(repository, asked.study) if asked.study else repository
    if asked.cron or asked.interval:
        return _schedule(repository, root, asked)
    if (asked.settings or asked.since) and not asked.recalibrate:
        raise StudyError("--set and --since are for the study that --recalibrate makes: name it")
    if asked.recalibrate:
        return _recalibrate(repository, root, asked)
    with inside(root, refresh=False):
        experiment = watched_experiment(root, asked.experiment)
        if not asked.batch and not asked.place:
            return _show(root, state_of(root, experiment))
        taken = (
            take_batches(
                root,
                experiment,
                [_from(repository, each) for each in asked.batch],
                asked.risk,
                asked.in_order,
            )
            if asked.batch
            else take_new_batches(root, experiment, asked.place, asked.risk, asked.in_order)
        )
    state, names = taken
    code = _show(root, state)
    where = root.relative_to(repository) / WATCH_PIN
    taken_now = f"taken: {', '.join(names)}; {where} pins them: commit it" if names else "nothing new to take"
    _console().print(taken_now, markup=False)
    return code


def _recalibrate(repository: Path, root: Path, asked: argparse.Namespace) -> int:
    with inside(root, refresh=False):
        experiment = watched_experiment(root, asked.experiment)
        require_recalibrates(root, experiment)
        data = later_data(root, state_of(root, experiment), asked.since)
    values = stated(asked.settings, experiment)
    folder, left_out = recalibrated(root, experiment, asked.recalibrate, data, values)
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"[bold]{folder.name}[/]: {experiment}, by the rules of {study_name(root) or 'the repository'}"
    )
    print_pairs(console, {**data.understood, **({"left out": ", ".join(left_out)} if left_out else {})})
    try_first_stage(
        folder, experiment, console, "say it with --set, or take what suits into a study of your own"
    )
    return 0


def _schedule(repository: Path, root: Path, asked: argparse.Namespace) -> int:
    if not asked.place:
        raise StudyError("a schedule needs --from: the folder or the pattern that batches come to")
    with inside(root, refresh=False):
        experiment = watched_experiment(root, asked.experiment)
    require_server()
    from flows.studies.deployment import When, deploy_watch  # noqa: PLC0415 - Prefect takes seconds to import

    when = When(asked.cron, asked.interval, asked.timezone)
    said = deploy_watch(repository, study_name(root), experiment, asked.place, asked.in_order, when)
    _console().print(said, markup=False)
    return 0


def _from(repository: Path, path: Path) -> Path:
    path = path.expanduser()
    return path if path.is_absolute() else repository / path


def _show(root: Path, state: WatchState) -> int:
    console = _console()
    said = overall(state)
    verdict, _, rest = headline(state).partition(":")
    name = study_name(root) or state.experiment
    console.print(f"[bold]{escape(name)}[/] [bold {COLOURS[said]}]{verdict}[/]:{escape(rest)}")
    table = Table.grid(padding=(0, 2, 0, 0))
    first, more = shown(lines(state))
    for each in first:
        colour, (outcome, figures) = COLOURS[each.verdict], sentences_of(each)
        table.add_row(
            f"  [{colour}]{each.verdict}[/]",
            escape(each.name),
            f"{escape(outcome)}\n[dim]{escape(figures)}[/]",
        )
    for line in [*([f"and {more} more"] if more else []), *moved(state), basis_sentence(state)]:
        table.add_row("", "", escape(line))
    console.print(table)
    if said == "broken" and recalibrates(root, state.experiment):
        console.print(f"next: {_recalibration(root, state)}", markup=False, soft_wrap=True)
    return BROKEN if said == "broken" else 0


def _recalibration(root: Path, state: WatchState) -> str:
    """The command that makes a study of what came in."""
    name = study_name(root)
    which = f"--study {name}" if name else state.experiment
    new = f"{name or state.experiment.replace('_', '-')}-{state.era + 1}"
    return f"python -m flows.monitor {which} --recalibrate {new}"


def _console() -> Console:
    """Piped output has no width of its own."""
    return Console(
        highlight=False, width=None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "80"))
    )


def _risk(text: str) -> float:
    try:
        risk = float(text)
    except ValueError:
        risk = 0
    if not 0 < risk < 0.5:
        raise argparse.ArgumentTypeError(f"a number between 0 and .5, got {text!r}")
    return risk


if __name__ == "__main__":
    sys.exit(main())
