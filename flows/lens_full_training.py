"""Full training of the variant that lens_shortcuts chose, once a person has gone through the plan's checklist."""

import json
from pathlib import Path
from typing import Any

from prefect import State, flow
from prefect.logging import get_run_logger
from prefect.states import Completed
from pydantic import PositiveFloat
from ruamel.yaml import YAML

from flows import scheduled
from flows.published import artifacts
from flows.studies.folder import experiment_of
from flows.walk import approval, experiments
from flows.walk.flow_run import Jobs, run_as_tasks
from flows.walk.order import StageOutcome
from flows.walk.plan import plan
from flows.walk.resources import gpu_devices
from flows.worktrees import branches
from flows.worktrees.committed_study import of_the_commit
from flows.worktrees.worktree import WorktreeError, commit_of, worktree

EXPERIMENT = "lens_shortcuts"
DECISION = "lens_shortcuts_compare"
TRAINING = "lens_shortcuts_full"
CHOICE = Path("artifacts/lens_shortcuts/chosen.json")
PREPARED = Path("artifacts/lens_shortcuts/prepared.json")
PARAMS = "params.yaml"
CHECKLIST = {
    "sampling": "The 10% sample kept label balance, Einstein radii, PSF and depth",
    "matrix": "Every variant of the matrix was trained, or says why it was not required",
    "metrics": "The table has AUROC, Einstein radii, sensitivity curve and gates of each",
    "criteria": "The thresholds stand in params.yaml as they did before the run",
    "resources": "Device, memory and hours for the plan's size are there",
    "tree": "The path through the tree was read, and its leaf is agreed with",
}


@flow
def lens_full_training(
    ref: str = "HEAD",
    pull: bool = True,
    push: bool = True,
    branch: str = "lens-full-training",
    git_remote: str = "",
    hours: PositiveFloat = 24,
    granted_by: str | None = None,
    jobs: Jobs = None,
    study: str | None = None,
) -> State[Any]:
    """Bring the decision up to date at a commit, wait for a person's approval, then train the chosen variant in full.

    All of it in a worktree: the edit of params.yaml goes to a branch together with what came of it. The checkout that
    the worker runs in is never changed.

    Args:
        ref: The commit, branch or tag to work on: HEAD is that of the worker's clone, origin/main the shared one.
        pull: First fetch such a branch, and get from the DVC remote, if one is set, what it has of these stages.
        push: Afterwards give the DVC remote what was made, if one is set.
        branch: Gets params.yaml, dvc.lock and results/; one that has gone another way is left alone, the name gets a number.
        git_remote: The git remote (origin, say) that gets this branch; empty: the branch stays in the worker's clone.
        hours: How long to wait for the approval before the run fails.
        granted_by: Who has gone through the checklist beforehand and approved; empty: the run pauses and asks.
        jobs: How many stages run at once; empty for one on each core.
        study: The study of lens_shortcuts to train; empty: the repository's own.
    """
    root, logger = Path.cwd(), get_run_logger()
    if pull:
        branches.fetch(root, ref)
    revision = commit_of(root, ref)
    artifacts.record_version(revision)
    scheduled.require_branch(root, branch, git_remote)
    name = f"lens-full-training{f'-{study}' if study else ''}"
    with worktree(root, revision, name) as checkout, of_the_commit(checkout, study) as clean:
        if study and (asks := experiment_of(clean)) != EXPERIMENT:
            raise WorktreeError(
                f"study {study} is one of {asks}: full training is of {EXPERIMENT}; name another"
            )
        decided = scheduled.brought_up_to_date(clean, [DECISION], pull, jobs=jobs)
        choice = json.loads((clean / CHOICE).read_text())
        if choice["chosen"] is None:
            return Completed(
                name="NothingToTrain",
                message=f"the tree chose no variant: {choice['leaf']}: {choice['reason']}",
            )
        logger.info("chosen: %s (%s: %s)", choice["chosen"], choice["leaf"], choice["reason"])
        approved = approval.require(
            f"Train {choice['chosen']} in full?",
            facts(choice, clean / PARAMS, clean / PREPARED),
            CHECKLIST,
            hours,
            granted_by,
        )
        enable(clean / PARAMS)
        trained = run_as_tasks(plan(clean, [TRAINING], False, jobs))
        message = f"{choice['chosen']} trained in full, approved by {approved.approver}"
        holder = scheduled.commit_to_branch(clean, branch, message, (PARAMS, *branches.MADE))
        for each in experiments.finished(clean, [*decided, *trained]):
            scheduled.publish_results(clean, each)
        whereabouts = scheduled.hand_on(clean, holder, push, git_remote)
    return Completed(message="; ".join([f"{TRAINING}: {_state(trained)}", *whereabouts]))


def _state(outcomes: list[StageOutcome]) -> str:
    return next(each.state for each in outcomes if each.stage == TRAINING)


def facts(choice: dict[str, Any], params: Path, prepared: Path) -> str:
    """Markdown: what was chosen and why, on how many stamps it will be trained, and with what."""
    block = YAML(typ="safe").load(params.read_text(encoding="utf-8"))[EXPERIMENT]
    share, full = block["sample"]["share"], block["full"]
    network = dict(full["network"])
    epochs, width, device = (network.pop(name) for name in ("epochs", "width", "device"))
    found = json.loads(prepared.read_text(encoding="utf-8"))
    counts = found["counts"][choice["mode"]]
    stamps = ", ".join(f"{split} {of['stamps']:,}" for split, of in counts.items())
    seeds = ", ".join(map(str, full["seeds"]))
    rest = ", ".join(f"{name} {value}" for name, value in network.items())
    made = "taken from your files" if found["kind"] == "own" else "rendered first"
    return (
        f"The tree chose **{choice['chosen']}** on {choice['mode']} stamps: {choice['leaf']}, {choice['reason']}.\n\n"
        f"- stamps: {stamps}, the whole manifest, {made}; the decision was made on a share of {share:g}\n"
        f"- epochs: {epochs} at most for each of {len(full['seeds'])} seeds ({seeds})\n"
        f"- width: {width}\n"
        f"- device: {device}{_here() if device == 'auto' else ''}\n"
        f"- {rest}\n\n"
        f"(`{EXPERIMENT}.full` of params.yaml.) Read results/{EXPERIMENT}/EXPERIMENT_RESULTS.md first."
    )


def _here() -> str:
    gpus = len(gpu_devices())
    return f" (this worker has {gpus} GPU{'s' if gpus > 1 else ''})" if gpus else " (this worker has no GPU)"


def enable(path: Path) -> None:
    """Set lens_shortcuts.whole.enabled in place: one word of one line, comments and layout stay."""
    text = path.read_text(encoding="utf-8")
    whole = YAML().load(text)[EXPERIMENT]["whole"]
    line, column = whole.lc.value("enabled")
    lines = text.splitlines(keepends=True)
    rest = lines[line][column:]
    word = "true" if whole["enabled"] else "false"
    if not rest.startswith(word):
        raise WorktreeError(f"{path.name}, line {line + 1}: expected {word} at {EXPERIMENT}.whole.enabled")
    lines[line] = f"{lines[line][:column]}true{rest[len(word) :]}"
    path.write_text("".join(lines), encoding="utf-8", newline="\n")
