"""Make a commit's tables again in a clean worktree, and compare them with what it holds."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from ruamel.yaml import YAML

from flows.pinned import data_folder
from flows.pinned.errors import DataError, GraphError
from flows.published.verdicts import FileVerdict, compare_digests, compare_file
from flows.studies.folder import STUDIES, StudyError
from flows.walk.command import failures
from flows.walk.order import StageOutcome, StagesFailed, UnknownTarget
from flows.walk.plan import WalkPlan, plan
from flows.worktrees.committed_study import committed_studies, of_the_commit
from flows.worktrees.worktree import WorktreeError, run, worktree
from params.block import ParamsError

Walk = Callable[[WalkPlan], Sequence[StageOutcome]]
Witness = Callable[[Path], None]  # is shown the folder where everything was made again


class VerifyError(RuntimeError):
    """The commit could not be made again at all; the message says at which step and why."""


def verify(
    root: Path, commit: str, experiments: Sequence[str], walk: Walk, study: str | None = None,
    witness: Witness | None = None,
) -> list[FileVerdict]:  # fmt: skip
    """All stages of the experiments forced in a clean worktree, and what came out against what the commit holds.

    With no experiments named, all stages that dvc.lock has and all files of results/. Data and cache are those of this
    clone, or pulled, or simulated. Raises VerifyError where the commit cannot be run.
    """
    try:
        with worktree(root, commit, "verify") as clean, of_the_commit(clean, study) as folder:
            checked = made_again(folder, experiments, walk)
            if witness is not None:
                witness(folder)
            return checked
    except (
        WorktreeError,
        DataError,
        ParamsError,
        GraphError,
        UnknownTarget,
        StudyError,
    ) as error:
        raise VerifyError(str(error)) from error


def verify_everything(
    root: Path, commit: str, check: Callable[[str | None], list[FileVerdict]]
) -> list[FileVerdict]:
    """`check` of the repository's own, then of each study of the commit; a study that cannot be run is a verdict, too."""
    checked = check(None)
    for name in committed_studies(root, commit):
        try:
            checked += [replace(each, name=f"{STUDIES}/{name}/{each.name}") for each in check(name)]
        except VerifyError as error:
            checked.append(FileVerdict(f"{STUDIES}/{name}", "missing", " ".join(str(error).split())))
    return checked


def agreement(root: Path, commit: str, study: str | None = None) -> list[FileVerdict]:
    """Does dvc.lock agree with code, params and data.dvc? Nothing is run, and no data is needed."""
    try:
        with (
            worktree(root, commit, f"verify-quick-{os.getpid()}") as clean,
            of_the_commit(clean, study) as folder,
        ):
            return stale_stages(folder)
    except (WorktreeError, StudyError) as error:
        raise VerifyError(str(error)) from error


def stale_stages(clean: Path) -> list[FileVerdict]:
    """Does dvc.lock agree with code, params and data.dvc? Nothing is run, and no data is needed."""
    # A dry run fails at a stale stage whose inputs are not here: what counts is which stages it calls unchanged.
    plan = run(clean, "ask DVC", "dvc", "repro", "--dry", "--allow-missing", "--keep-going", may_fail=True)
    fresh = set(re.findall(r"Stage '([^']+)' didn't change", plan))
    named = set(re.findall(r"(?:Running stage|failed to reproduce) '([^']+)'", plan))
    if not fresh | named:
        raise VerifyError(f"could not ask DVC what is stale:\n{plan}")
    changes = _status(clean)
    return [
        FileVerdict(name, "identical")
        if name in fresh
        else FileVerdict(
            name, "different", f"dvc.lock is stale: {'; '.join(changes.get(name, ['below a stale stage']))}"
        )
        for name in sorted(_lock(clean).keys() | named)
    ]


def made_again(clean: Path, experiments: Sequence[str], walk: Walk) -> list[FileVerdict]:
    """The experiments' stages forced, or all; then each committed result and each pinned output compared."""
    pinned = _lock(clean)
    of_experiments = tuple(f"{name}_" for name in experiments)
    compared = sorted(stage for stage in pinned if not experiments or stage.startswith(of_experiments))
    data_folder.make(clean, Console(quiet=True))
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
    checked += [FileVerdict(path, "different", "the commit does not hold it") for path in extra]
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
