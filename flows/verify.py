"""Make a commit's tables again in a clean worktree and compare them with what it holds: `python -m flows.verify`."""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

from flows import settings
from flows.cells import CellChange, changed_cells, read_rows

TOLERANCE = 1e-6  # relative; the tables keep six significant digits
NAMED = 5
Verdict = Literal["identical", "equal within tolerance", "different", "missing"]
COLOURS = {"identical": "green", "equal within tolerance": "cyan", "different": "red", "missing": "red"}


class VerifyError(RuntimeError):
    """The commit could not be made again at all; the message says at which step and why."""


@dataclass(frozen=True)
class Checked:
    """One committed file, or one pinned output of a stage, and what became of it."""

    name: str
    verdict: Verdict
    detail: str = ""

    @property
    def holds(self) -> bool:
        return self.verdict in ("identical", "equal within tolerance")


def verify(root: Path, rev: str, quick: bool, experiments: list[str]) -> list[Checked]:
    """In a clean worktree of `rev`: quick asks whether lock, code and params agree; else every stage runs again.

    Raises VerifyError where the commit cannot be run.
    """
    with worktree(root, rev) as clean:
        return stale_stages(clean) if quick else made_again(clean, experiments or results_of(clean))


@contextmanager
def worktree(root: Path, rev: str) -> Iterator[Path]:
    """The commit in a folder of its own that shares DVC's cache; gone afterwards, whatever happens."""
    path = root / ".worktrees" / f"verify-{os.getpid()}"
    _run(root, "check out", "git", "worktree", "add", "--quiet", "--detach", str(path), rev)
    try:
        cache = _run(root, "ask for the cache", "dvc", "cache", "dir").strip()
        _run(path, "share the cache", "dvc", "cache", "dir", "--local", str((root / cache).resolve()))
        remote = root / ".dvc" / "config.local"
        if remote.exists():
            _merge_local_config(root, path)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        subprocess.run(["git", "worktree", "prune"], cwd=root, check=False)


def stale_stages(clean: Path) -> list[Checked]:
    """Does dvc.lock agree with code, params and data.dvc? Nothing is run, and no data is needed."""
    # A dry run fails at a stale stage whose inputs are not here: what counts is which stages it calls unchanged.
    plan = _run(clean, "ask DVC", "dvc", "repro", "--dry", "--allow-missing", "--keep-going", may_fail=True)
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


def results_of(clean: Path) -> list[str]:
    """The experiments whose results the commit holds."""
    return sorted(folder.name for folder in (clean / "results").glob("*/"))


def made_again(clean: Path, experiments: list[str]) -> list[Checked]:
    """The experiments' stages forced; then each committed result and each pinned output compared."""
    committed = {path: (clean / path).read_bytes() for path in _results(clean, experiments)}
    pinned = _lock(clean)
    python = sys.executable
    _run(clean, "make data/", python, "-m", "flows.data")
    _run(clean, "run the stages", python, "-m", "flows.reproduce", *experiments, "--force", "--no-prefect")
    checked = [_compare_file(clean, path, content) for path, content in committed.items()]
    extra = [path for path in _results(clean, experiments) if path not in committed]
    checked += [Checked(path, "different", "the commit does not hold it") for path in extra]
    now = _lock(clean)
    for stage, outs in pinned.items():
        if not stage.startswith(tuple(f"{name}_" for name in experiments)):
            continue
        for path, digest in outs.items():
            if path.startswith("results/"):
                continue
            made = now.get(stage, {}).get(path)
            detail = "" if made == digest else f"dvc.lock has {digest}, this run made {made}"
            checked.append(Checked(path, "different" if detail else "identical", detail))
    return checked


def _compare_file(clean: Path, path: str, before: bytes) -> Checked:
    file = clean / path
    if not file.exists():
        return Checked(path, "missing", "no stage makes it")
    if file.read_bytes() == before:
        return Checked(path, "identical")
    if file.suffix != ".csv":
        return Checked(path, "different", "other bytes")
    old = clean / ".verify-before.csv"
    old.write_bytes(before)
    exact, beyond = (
        changed_cells(read_rows(old), read_rows(file), tolerance) for tolerance in (0.0, TOLERANCE)
    )
    old.unlink()
    if not beyond:
        return Checked(path, "equal within tolerance", _cells(exact))
    return Checked(path, "different", _cells(beyond))


def _cells(changes: list[CellChange]) -> str:
    listed = "; ".join(map(str, changes[:NAMED]))
    return f"{len(changes)} cells: {listed}" + ("; ..." if len(changes) > NAMED else "")


def _results(clean: Path, experiments: list[str]) -> list[str]:
    files = [path for name in experiments for path in (clean / "results" / name).rglob("*") if path.is_file()]
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
    status = YAML(typ="safe").load(_run(clean, "ask DVC", "dvc", "status", "--json") or "{}")
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


def _merge_local_config(root: Path, path: Path) -> None:
    """Remotes and credentials of this checkout, kept out of git, serve the worktree too."""
    mine = (root / ".dvc" / "config.local").read_text()
    theirs = path / ".dvc" / "config.local"
    theirs.write_text(mine + "\n" + theirs.read_text() if "[cache]" not in mine else mine)


def _run(folder: Path, what: str, *command: str, may_fail: bool = False) -> str:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("STAGE_", "REPRODUCE_"))
    }
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if may_fail:
        return done.stdout + done.stderr
    if done.returncode:
        raise VerifyError(
            f"could not {what} ({' '.join(command)}):\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return done.stdout


def summary(checked: list[Checked]) -> Table:
    table = Table("what", "verdict", "detail", box=None, header_style="bold", pad_edge=False)
    for each in checked:
        table.add_row(each.name, f"[{COLOURS[each.verdict]}]{each.verdict}[/]", each.detail)
    return table


def main(arguments: list[str] | None = None) -> int:
    root = Path.cwd()
    settings.apply(root)
    options = argparse.ArgumentParser(prog="python -m flows.verify", description=__doc__)
    options.add_argument("experiments", nargs="*", help="experiments to make again; all if none is named")
    options.add_argument("--rev", default="HEAD", help="the commit to verify (default: HEAD)")
    options.add_argument("--quick", action="store_true", help="run nothing: do lock, code and params agree?")
    asked = options.parse_args(arguments)
    width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "140"))
    console = Console(highlight=False, width=width)
    try:
        commit = _run(
            root, "find the commit", "git", "rev-parse", "--verify", f"{asked.rev}^{{commit}}"
        ).strip()
        checked = verify(root, commit, asked.quick, asked.experiments)
    except VerifyError as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(str(error), markup=False)
        return 2
    console.print(summary(checked))
    broken = [each.name for each in checked if not each.holds]
    how = "agree in" if asked.quick else "were made again from"
    console.print(
        f"{len(checked) - len(broken)} of {len(checked)} {'stages' if asked.quick else 'files'} {how} {commit[:12]}"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
