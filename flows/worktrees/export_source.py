"""Where an export is made: in the working copy if it holds what the commit says, else in a worktree of the commit."""

import subprocess
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from rich.console import Console
from ruamel.yaml import YAML

from flows.pinned import data_folder, graph
from flows.pinned.outputs import edited
from flows.pinned.repository import LOCK
from flows.studies.folder import repository, study_name
from flows.walk.command import failures
from flows.walk.in_threads import run_in_threads
from flows.walk.order import restricted
from flows.walk.plan import plan
from flows.worktrees.committed_study import of_the_commit
from flows.worktrees.worktree import commit_of, environment, run, worktree
from tasks.report.export import NotExportable, exporter

MISSING = ("missing", "is not in the cache")
READ_ALONE = ("docs", "tests", "bench", "examples", "*.md")  # what no export depends on


def lacks(root: Path, experiment: str, made_again: bool) -> list[str]:
    """Which of the files that are needed are not here; [] where all are and dvc.lock vouches for them. made_again: just
    now, in a worktree. Raises NotExportable for a folder that is not what its commit says."""
    wanted = [*exporter(experiment).NEEDS, f"results/{experiment}"]
    stages = {stage.name: stage for stage in graph.stages(root)}
    makers = _makers(root, wanted)
    if not makers:
        raise NotExportable(
            f"{experiment} never ran here: {_reproduce(root, experiment)}, commit, and export again"
        )
    upstreams = {name: stage.upstreams for name, stage in stages.items()}
    for name in restricted(upstreams, makers):
        for reason in stages[name].reasons:
            if not reason.startswith("upstream ") and not reason.endswith(MISSING):
                raise NotExportable(
                    f"{name} is stale ({_relative(reason, root)}): {_reproduce(root, experiment)}, commit, and export again; or export "
                    "what is committed, --rev HEAD"
                )
    if changed := edited(root, makers):
        raise NotExportable(
            f"{changed[0]} is not what dvc.lock says: {_reproduce(root, experiment)} makes it again; or export what is "
            "committed, --rev HEAD"
        )
    _require_committed(root, made_again)
    return [path for path in exporter(experiment).NEEDS if not any(root.glob(path))]


def make(clean: Path, study: str | None, experiment: str, console: Console) -> None:
    """In a worktree: the stages that make what is needed. Raises StagesFailed and what DVC refuses."""
    with of_the_commit(clean, study) as folder:
        data_folder.make(folder, console)
        planned = plan(folder, _makers(folder, _needs_there(clean, experiment)), force=False, jobs=None)
        outcomes = run_in_threads(planned)
        if failed := failures(outcomes):
            raise NotExportable(failed)


def export_commit(
    root: Path, rev: str, study: str | None, experiment: str, arguments: Sequence[str], console: Console
) -> int:
    """By that commit's own code, in a worktree of it; its exit code. Raises NotExportable for an older one."""
    commit = commit_of(root, rev)
    for path in (f"tasks/{experiment}/use/export.py", "flows/export.py"):
        there = subprocess.run(
            ["git", "cat-file", "-e", f"{commit}:{path}"], cwd=root, capture_output=True, check=False
        )
        if there.returncode:
            raise NotExportable(
                f"commit {commit[:8]} cannot be exported: it is older than exports (no {path}); name a later one"
            )
    with worktree(root, commit, "export") as clean:
        console.print(f"making what {commit[:8]} needs again, in a worktree")
        make(clean, study, experiment, console)
        console.print(f"exporting {commit[:8]}")
        command = [sys.executable, "-m", "flows.export", "--here", *arguments]
        return subprocess.run(command, cwd=clean, env=environment(), check=False).returncode


def _needs_there(clean: Path, experiment: str) -> list[str]:
    """As the commit's own code says."""
    code = f"from tasks.{experiment}.use.export import NEEDS; print(*NEEDS, sep='\\n')"
    return run(clean, "ask what is needed", sys.executable, "-c", code).split("\n")[:-1]


def _makers(root: Path, paths: Sequence[str]) -> list[str]:
    """The stages whose outputs these are, or lie in or around them, as dvc.lock has it."""
    lock = YAML(typ="safe").load(root / LOCK) if (root / LOCK).exists() else {}
    return [
        name
        for name, entry in lock.get("stages", {}).items()
        for out in entry.get("outs", [])
        if any(_within(path, out["path"]) or _within(out["path"], path) for path in paths)
    ]


def _within(path: str, folder: str) -> bool:
    """folder: `*` stands for a name."""
    return fnmatchcase(path, folder) or path.startswith(f"{folder}/")


def _require_committed(root: Path, made_again: bool) -> None:
    status = ["git", "status", "--porcelain", "--untracked-files=no", "--", ":/"]
    changed = run(root, "ask git", *status, *(f":(exclude,top){path}" for path in READ_ALONE)).splitlines()
    if changed and made_again:
        raise NotExportable(
            f"what was made again is not what the commit holds ({changed[0][3:]} differs): its dvc.lock is stale, or this "
            "machine computes otherwise; `python -m flows.verify` says which"
        )
    if changed:
        more = f" and {len(changed) - 1} more files" if len(changed) > 1 else ""
        raise NotExportable(
            f"{changed[0][3:]}{more} differ from the commit that the export would name: commit first, or export what "
            "is committed, --rev HEAD"
        )


def _relative(reason: str, root: Path) -> str:
    return reason.replace(f"{repository(root)}/", "")


def _reproduce(root: Path, experiment: str) -> str:
    study = study_name(root)
    return f"`python -m flows.reproduce {f'--study {study}' if study else experiment}`"
