"""Which experiments a walk has finished: only these are published, and only these go to a branch when others failed."""

from collections.abc import Sequence
from pathlib import Path

from flows.pinned import lock_file
from flows.pinned.repository import LOCK
from flows.walk.order import StageOutcome
from flows.worktrees import branches
from flows.worktrees.worktree import run

LAST = "_compare"  # the step that ends every experiment


def finished(root: Path, outcomes: Sequence[StageOutcome]) -> list[str]:
    """Those that have all stages of theirs in the walk behind them, and their results in the folder."""
    behind = set(_of(outcomes)) - set(unfinished(outcomes))
    return sorted(name for name in behind if is_complete(root / "results" / name))


def unfinished(outcomes: Sequence[StageOutcome]) -> list[str]:
    """Those with a stage that failed, or was not run since another had failed."""
    return [name for name in _of(outcomes) if not all(each.succeeded for each in of(name, outcomes))]


def of(name: str, outcomes: Sequence[StageOutcome]) -> list[StageOutcome]:
    return [each for each in outcomes if each.stage.startswith(f"{name}_")]


def _of(outcomes: Sequence[StageOutcome]) -> list[str]:
    return sorted(each.stage.removesuffix(LAST) for each in outcomes if each.stage.endswith(LAST))


def is_complete(folder: Path) -> bool:
    return (folder / "table.csv").exists() and (folder / "decision.json").exists()


def without_the_unfinished(clean: Path, outcomes: Sequence[StageOutcome]) -> tuple[str, ...]:
    """In a worktree: dvc.lock and results/ as the commit has them, but for what was finished; what a commit may hold.

    A table beside the lock of newer inputs could not be made again from the branch, so an experiment goes there whole
    or not at all. What its stages did get done stays in the run-cache.
    """
    lost = unfinished(outcomes)
    stages = {each.stage for name in lost for each in of(name, outcomes)}
    stages |= {each.stage for each in outcomes if not each.succeeded}
    committed = run(clean, "read the committed dvc.lock", "git", "ls-tree", "--name-only", "HEAD", LOCK)
    before = run(clean, "read the committed dvc.lock", "git", "show", f"HEAD:{LOCK}") if committed else ""
    lock_file.put_back(clean, before, stages)
    made = [f"results/{name}" for name in finished(clean, outcomes)]
    branches.put_back(clean, "results", but=made)
    return (LOCK, *made)
