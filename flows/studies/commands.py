"""The verbs of `python -m flows.study`: what each does, and what it says."""

import argparse
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.pinned import data_folder, graph
from flows.published.terminal import console as terminal
from flows.studies import creation
from flows.studies.folder import STUDIES, StudyError, experiment_of, study_folder, study_names
from flows.studies.freshness import pinned_bytes, stale_stages
from flows.studies.inside import inside
from flows.studies.params_text import stated
from flows.studies.pipeline import options
from flows.walk.logs import log_path
from flows.walk.plan import plan, wanted_stages
from flows.walk.settings import NoApi
from params.block import ParamsError
from tasks.report.templates import Reason, sentences

API_URL, UI = "PREFECT_API_URL", "http://127.0.0.1:4200/api"
WORDS = "flows/published/words.j2"
GAP, LEAST = 2, 20  # characters between columns, and of what to do at least
LAST = 6  # lines of a log that a refusal shows


def new(root: Path, asked: argparse.Namespace, console: Console) -> int:
    if asked.example:
        return _simulated(root, asked, console)
    if not asked.experiment:
        raise StudyError(f"--data needs --experiment: {', '.join(creation.experiments(root))}")
    files = [path.expanduser().resolve() for path in asked.data]
    proposed = creation.proposal(root, asked.experiment, files, _mapping(asked.map))
    settings = stated(asked.settings, asked.experiment)
    console.print(f"[bold]{asked.name}[/]: {asked.experiment}", highlight=False)
    print_pairs(console, proposed.understood)
    if proposed.unread:
        print_pairs(console, {"left out": ", ".join(proposed.unread)})
    if proposed.rewritten:
        print_pairs(console, {"kept as": f"{', '.join(proposed.rewritten)}, as stages read it"})
    folder = creation.create(root, asked.name, asked.experiment, proposed, settings)
    try_first_stage(folder, asked.experiment, console, "mend the file, or say it with --map or --set")
    return 0


def try_first_stage(folder: Path, experiment: str, console: Console, remedy: str) -> None:
    """What it read of a new study is said, and what is next; a study that it refuses is discarded. Raises StudyError."""
    try:
        with inside(folder):
            said = _first_stage(folder, experiment, remedy)
    except BaseException:
        creation.discard(folder)
        raise
    console.print("the first stage read it:")
    facts = import_module(f"tasks.{experiment}.use.study").facts
    print_pairs(console, facts(folder / "artifacts" / experiment))
    for line in said:
        console.print(f"  {line}", markup=False)
    _say_what_is_next(console, folder.name)


def _simulated(root: Path, asked: argparse.Namespace, console: Console) -> int:
    if asked.experiment or asked.map:
        raise StudyError("--example says which experiment it is, and takes no --map")
    folder = creation.simulated(root, asked.name, asked.example, asked.settings)
    try:
        with inside(folder):
            data_folder.make(folder, console, pin=True)
    except BaseException:
        creation.discard(folder)
        raise
    _say_what_is_next(console, asked.name)
    return 0


def _mapping(pairs: list[str]) -> dict[str, str]:
    stated_as = {}
    for pair in pairs:
        ours, sign, theirs = pair.partition("=")
        if not (ours and sign and theirs):
            raise StudyError(f"--map takes ours=theirs, got {pair!r}")
        stated_as[ours] = theirs
    return stated_as


def _first_stage(folder: Path, experiment: str, remedy: str) -> list[str]:
    """What it printed. Raises StudyError with its last line, where it refuses the data."""
    lines = []
    for name in wanted_stages(folder, [f"{experiment}_prepare"]):
        log = folder / log_path(name)
        try:
            graph.reproduce_stage(folder, name, environment={"STAGE_ECHO": "0"})
        except graph.StageError as error:
            said = log.read_text(errors="replace").splitlines()[-LAST:] if log.exists() else [str(error)]
            text = "\n".join(line.removeprefix(f"{name}: ") for line in said)
            raise StudyError(f"{text}\nnothing was made: {remedy}, and type the command again") from error
        if log.exists():  # not where DVC has read the same data in the same way before
            lines += [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines


def print_pairs(console: Console, pairs: Mapping[str, str]) -> None:
    width = max((len(name) for name in pairs), default=0)
    for name, text in pairs.items():
        console.print(f"  {name:{max(width, 12)}}  {text}", markup=False)


def _say_what_is_next(console: Console, name: str) -> None:
    console.print("next:")
    for line in (
        f"python -m flows.reproduce --study {name}",
        f"git add {STUDIES}/{name} && git commit -m 'study {name}'",
    ):
        console.print(f"  {line}", markup=False)


def check(root: Path, asked: argparse.Namespace, console: Console) -> int:
    folder = study_folder(root, asked.name)
    with inside(folder):
        experiment = experiment_of(folder)
        data_folder.require(folder)
        planned = plan(folder, None, force=False, jobs=None)
        axes = ", ".join(f"{axis}s {', '.join(map(str, values))}" for axis, values in options(folder).items())
        console.print(f"[bold]{asked.name}[/]: {experiment}" + (f", {axes}" if axes else ""))
        stale = {name: stage.reasons for name, stage in planned.stages.items() if stage.stale}
        for name, reasons in stale.items():
            console.print(f"  {name}: {'; '.join(reasons[:3])}", markup=False)
        console.print(
            f"  {len(stale)} of {len(planned.stages)} stages would run: python -m flows.reproduce --study {asked.name}"
            if stale
            else f"  {len(planned.stages)} stages are up to date"
        )
    return 0


def listing(root: Path, _asked: argparse.Namespace, console: Console) -> int:
    table = Table(
        "study", "experiment", "fresh", "size", "what to do", box=None, header_style="bold", pad_edge=False
    )
    for column in table.columns:
        column.no_wrap = True
    table.columns[-2].justify = "right"
    names = study_names(root)
    rows = [(name, *_row(root / STUDIES / name)) for name in names]
    for row in rows:
        table.add_row(*map(escape, row))
    for column, cells in zip(table.columns[:-1], zip(*rows, strict=True), strict=False):
        column.min_width = max(len(str(column.header)), *map(len, cells))
    taken = sum(column.min_width or 0 for column in table.columns) + GAP * (len(table.columns) - 1)
    table.columns[-1].max_width = max(terminal().width - taken, LEAST)  # cut, where the terminal is narrow
    terminal().print(table) if names else console.print(
        "there are no studies yet: `python -m flows.study new --help`"
    )
    return 0


def _row(folder: Path) -> tuple[str, ...]:
    try:
        experiment = experiment_of(folder)
        stale = stale_stages(folder)
        fresh = f"{len(stale)} stale" if stale else "yes"
        size = f"{pinned_bytes(folder) / 2**20:,.1f} MB"
        path = folder / "results" / experiment / "decision.json"
        todo = _headline(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else "not run yet"
        return experiment, fresh, size, todo
    except (StudyError, ParamsError, ValueError, KeyError, TypeError, OSError) as error:
        return "broken", "", "", " ".join(str(error).split())


def _headline(decision: Mapping[str, Any]) -> str:
    if not {"action", "grade"} <= decision.keys():
        return "decided by an older version: run it again"
    return f"{sentences(WORDS, [Reason('headline', {'decision': decision})])[0]} ({decision['grade']})"


def copy(root: Path, asked: argparse.Namespace, console: Console) -> int:
    experiment = experiment_of(study_folder(root, asked.source))
    folder = creation.copied(root, asked.source, asked.name, stated(asked.settings, experiment))
    console.print(
        f"{STUDIES}/{asked.name} has the data of {asked.source}; its params are in {STUDIES}/{asked.name}/params.yaml"
    )
    asked.name = folder.name
    return check(root, asked, console)


def schedule(root: Path, asked: argparse.Namespace, console: Console) -> int:
    folder = study_folder(root, asked.name)
    experiment_of(folder)
    require_committed(folder)
    require_server()
    from flows.studies.deployment import When, deploy  # noqa: PLC0415 - Prefect takes seconds to import

    console.print(deploy(root, asked.name, When(asked.cron, asked.interval, asked.timezone)), markup=False)
    return 0


def require_committed(folder: Path) -> None:
    """Raises StudyError for a study that a commit does not hold as it is here."""
    if changes := _git(folder, "status", "--porcelain", "--untracked-files=all", "--", "."):
        raise StudyError(
            f"study {folder.name} is not committed as it is ({len(changes)} files differ): "
            f"`git add {STUDIES}/{folder.name} && git commit -m 'study {folder.name}'`"
        )


def _git(folder: Path, *arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def remove(root: Path, asked: argparse.Namespace, console: Console) -> int:
    folder = study_folder(root, asked.name)
    if not asked.yes and _git(folder, "status", "--porcelain", "--untracked-files=all", "--", "."):
        raise StudyError(
            f"git lacks what {STUDIES}/{asked.name} holds: commit it, or say --yes, and it is lost"
        )
    if _prefect_knows_something(root):
        from flows.studies.deployment import forget  # noqa: PLC0415 - Prefect takes seconds to import

        console.print(forget(asked.name), markup=False)
    committed = bool(_git(folder, "ls-files", "--", "."))
    creation.discard(folder)
    console.print(f"{STUDIES}/{asked.name} is gone")
    if committed:
        console.print(f"  git commit -m 'without {asked.name}' -- {STUDIES}/{asked.name}", markup=False)
    others = " ".join([".", *(f"{STUDIES}/{name}" for name in study_names(root))])
    console.print(
        "what only it had in DVC's cache goes with (other commits' outputs, too; add --dry to look first):"
    )
    console.print(f"  dvc gc --workspace --projects {others}", markup=False)
    return 0


def require_server() -> None:
    """The one that PREFECT_API_URL names, or that of `make ui`: to be set before Prefect is imported. Raises NoApi."""
    if API_URL not in os.environ and not _found_server():
        raise NoApi(f"no Prefect server answers at {UI}: `make ui` in another terminal, or set {API_URL}")


def _found_server() -> bool:
    try:
        with urlopen(f"{UI}/health", timeout=5):
            os.environ[API_URL] = UI
    except OSError:
        return False
    return True


def _prefect_knows_something(root: Path) -> bool:
    return API_URL in os.environ or _found_server() or (root / ".prefect" / "prefect.db").exists()


VERBS: Mapping[str, Callable[[Path, argparse.Namespace, Console], int]] = {
    "new": new, "check": check, "list": listing, "copy": copy, "schedule": schedule, "remove": remove,
}  # fmt: skip
