"""Make a commit's tables again in a clean worktree and compare them with what it holds: `python -m flows.verify`."""

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from ruamel.yaml import YAML

from flows import data
from flows.pinned import repository
from flows.published.verdicts import Checked, compare_digests, compare_file, verdict_of
from flows.reproduce import StagesFailed, failures, plan, run_in_threads
from flows.walk import settings
from flows.walk.order import StageOutcome, UnknownTarget
from flows.walk.runners import Run
from flows.worktrees.worktree import WorktreeError, commit_of, run, worktree
from params.block import ParamsError

COLOURS = {"identical": "green", "equal within tolerance": "cyan", "different": "red", "missing": "red"}
Walk = Callable[[Run], Sequence[StageOutcome]]


class VerifyError(RuntimeError):
    """The commit could not be made again at all; the message says at which step and why."""


def verify(root: Path, commit: str, experiments: Sequence[str], walk: Walk) -> list[Checked]:
    """All stages of the experiments forced in a clean worktree, and what came out against what the commit holds.

    With no experiments named, all stages that dvc.lock has and all files of results/. Data and cache are those of this
    clone, or pulled, or simulated. Raises VerifyError where the commit cannot be run.
    """
    try:
        with worktree(root, commit, "verify") as clean, chdir(clean):
            return made_again(clean, experiments, walk)
    except (WorktreeError, data.DataError, ParamsError, repository.GraphError, UnknownTarget) as error:
        raise VerifyError(str(error)) from error


def agreement(root: Path, commit: str) -> list[Checked]:
    """Does dvc.lock agree with code, params and data.dvc? Nothing is run, and no data is needed."""
    try:
        with worktree(root, commit, f"verify-quick-{os.getpid()}") as clean:
            return stale_stages(clean)
    except WorktreeError as error:
        raise VerifyError(str(error)) from error


def stale_stages(clean: Path) -> list[Checked]:
    """Does dvc.lock agree with code, params and data.dvc? Nothing is run, and no data is needed."""
    # A dry run fails at a stale stage whose inputs are not here: what counts is which stages it calls unchanged.
    plan = run(clean, "ask DVC", "dvc", "repro", "--dry", "--allow-missing", "--keep-going", may_fail=True)
    fresh = set(re.findall(r"Stage '([^']+)' didn't change", plan))
    named = set(re.findall(r"(?:Running stage|failed to reproduce) '([^']+)'", plan))
    if not fresh | named:
        raise VerifyError(f"could not ask DVC what is stale:\n{plan}")
    changes = _status(clean)
    return [
        Checked(name, "identical")
        if name in fresh
        else Checked(
            name, "different", f"dvc.lock is stale: {'; '.join(changes.get(name, ['below a stale stage']))}"
        )
        for name in sorted(_lock(clean).keys() | named)
    ]


def made_again(clean: Path, experiments: Sequence[str], walk: Walk) -> list[Checked]:
    """The experiments' stages forced, or all; then each committed result and each pinned output compared."""
    pinned = _lock(clean)
    of_experiments = tuple(f"{name}_" for name in experiments)
    compared = sorted(stage for stage in pinned if not experiments or stage.startswith(of_experiments))
    data.make(clean, Console(quiet=True))
    planned = plan(clean, experiments or compared, force=True, jobs=None)
    committed = {path: (clean / path).read_bytes() for path in _results(clean, experiments)}
    for path in committed:  # what no stage makes must not pass for made again
        (clean / path).unlink()
    try:
        outcomes = walk(planned)
        if not all(each.succeeded for each in outcomes):
            raise StagesFailed(outcomes)
    except StagesFailed as failed:
        raise VerifyError(f"could not run the stages\n{failures(failed.outcomes)}") from failed
    checked = [compare_file(path, content, clean / path) for path, content in committed.items()]
    extra = [path for path in _results(clean, experiments) if path not in committed]
    checked += [Checked(path, "different", "the commit does not hold it") for path in extra]
    now = _lock(clean)
    for stage in compared:
        outs = {path: digest for path, digest in pinned[stage].items() if not path.startswith("results/")}
        checked += compare_digests(outs, now.get(stage, {}))
    return checked


def _results(clean: Path, experiments: Sequence[str]) -> list[str]:
    """The files of these experiments' results; with none named, all of results/."""
    folders = [clean / "results" / name for name in experiments] or [clean / "results"]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return sorted(path.relative_to(clean).as_posix() for path in files)


def _lock(clean: Path) -> dict[str, dict[str, str]]:
    """stage -> output path -> digest."""
    lock: dict[str, Any] = YAML(typ="safe").load((clean / "dvc.lock").read_text())
    return {
        stage: {out["path"]: out.get("md5", "") for out in entry.get("outs", [])}
        for stage, entry in lock["stages"].items()
    }


def _status(clean: Path) -> dict[str, list[str]]:
    """stage -> what of its code, params or command differs from dvc.lock; absent data is no difference here."""
    found: dict[str, list[str]] = {}
    status = YAML(typ="safe").load(run(clean, "ask DVC", "dvc", "status", "--json") or "{}")
    for stage, entries in status.items():
        for entry in entries:
            kinds = entry.get("changed deps", {}) if isinstance(entry, dict) else {str(entry): "modified"}
            for path, how in kinds.items():
                if isinstance(how, dict):
                    found.setdefault(stage, []).extend(
                        f"parameter {name} {kind}" for name, kind in how.items()
                    )
                elif how != "deleted":
                    found.setdefault(stage, []).append(f"{path} {how}")
    return found


def summary(checked: Sequence[Checked]) -> Table:
    table = Table("what", "verdict", "detail", box=None, header_style="bold", pad_edge=False)
    for each in checked:
        table.add_row(each.name, f"[{COLOURS[each.verdict]}]{each.verdict}[/]", escape(each.detail))
    return table


def main(arguments: list[str] | None = None) -> int:
    root = Path.cwd()
    settings.apply(root)
    options = argparse.ArgumentParser(prog="python -m flows.verify", description=__doc__)
    options.add_argument("experiments", nargs="*", help="experiments to make again; all if none is named")
    options.add_argument("--rev", default="HEAD", help="the commit to verify (default: HEAD)")
    options.add_argument("--quick", action="store_true", help="run nothing: do lock, code and params agree?")
    options.add_argument(
        "--no-prefect", dest="prefect", action="store_false", help="plain threads, no run history"
    )
    asked = options.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "140"))
    console = Console(highlight=False, width=width)
    try:
        commit = commit_of(root, asked.rev)
        checked = _checked(root, commit, asked)
    except (VerifyError, WorktreeError) as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(str(error), markup=False)
        return 2
    console.print(summary(checked))
    console.print(verdict_of(checked, commit, asked.quick))
    return 0 if all(each.holds for each in checked) else 1


def _checked(root: Path, commit: str, asked: argparse.Namespace) -> list[Checked]:
    if asked.quick:
        return agreement(root, commit)
    if not asked.prefect:
        return verify(root, commit, asked.experiments, run_in_threads)
    # Prefect takes seconds to import: only where something will run.
    from flows.published.verification import verified_in_a_flow_run  # noqa: PLC0415

    return verified_in_a_flow_run(commit, asked.experiments)


if __name__ == "__main__":
    sys.exit(main())
