"""What a deployment runs: experiments at a commit, in a worktree of their own, pulled, reproduced, pushed, published."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from rich.console import Console

from flows.pinned import data_folder, graph
from flows.published import artifacts
from flows.published.headline import headline
from flows.walk import experiments
from flows.walk.command import RunnerName
from flows.walk.flow_run import Jobs, run_as_tasks
from flows.walk.order import StageOutcome, StagesFailed
from flows.walk.placement import runner_factory
from flows.walk.plan import plan
from flows.walk.runners import RunnerFactory, local_processes
from flows.worktrees import branches
from flows.worktrees.committed_study import of_the_commit
from flows.worktrees.worktree import WorktreeError, at, commit_of, run, worktree


def _run_name() -> str:
    asked = flow_run.parameters
    return f"{asked['study'] or _named(asked['targets'])} at {at(asked['ref'])}"


@flow(name="recalibrate", flow_run_name=_run_name)
def recalibrate(
    targets: list[str] | None = None,
    ref: str = "HEAD",
    pull: bool = True,
    push: bool = True,
    commit: bool = False,
    branch: str = "recalibrated",
    git_remote: str = "",
    force: bool = False,
    jobs: Jobs = None,
    runner: RunnerName = "threads",
    dask_address: str | None = None,
    study: str | None = None,
) -> State[Any]:
    """Bring experiments up to date at a commit, in a worktree of their own, and publish tables, decisions and plots.

    The checkout that the worker runs in is never changed: not its files, not its branch. Where stages fail, the run
    fails once the experiments that are whole were published, committed and pushed.

    Args:
        targets: Experiments, stages or matrices to bring up to date; empty for all of them.
        ref: The commit, branch or tag to work on: HEAD is that of the worker's clone, origin/main the shared one.
        pull: First fetch such a branch, and get from the DVC remote, if one is set, what it has of these stages.
        push: Afterwards give the DVC remote what was made, if one is set.
        commit: Put the changed dvc.lock and results/ on a branch, for a person to look at and merge.
        branch: The branch for that. One that has gone another way is left alone, and the name gets a number.
        git_remote: The git remote (origin, say) that gets this branch; empty: the branch stays in the worker's clone.
        force: Run the stages even where nothing changed.
        jobs: How many stages run at once; empty for one on each core.
        runner: Where stages run: as processes of the worker (threads), or on the workers of a Dask cluster.
        dask_address: The scheduler of that cluster; empty for a cluster on the worker's machine.
        study: The study to bring up to date; empty: the repository's own experiments.
    """
    root, logger = Path.cwd(), get_run_logger()
    if pull:
        branches.fetch(root, ref)
    revision = commit_of(root, ref)
    artifacts.record_version(revision)
    if git_remote and not commit:
        raise WorktreeError(f"git_remote {git_remote!r} gets the branch that `commit` makes: set commit, too")
    if commit:
        require_branch(root, branch, git_remote)
    name = f"{artifacts.STUDY}{study}" if study else _worktree_name(targets)
    with worktree(root, revision, name) as checkout, of_the_commit(checkout, study) as clean:
        logger.info(
            "%s at %s, commit %s, in .worktrees/%s", study or _named(targets), ref, revision[:12], name
        )
        failed: StagesFailed | None = None
        try:
            outcomes = brought_up_to_date(
                clean, targets, pull, force, jobs, runner_factory(runner, dask_address)
            )
        except StagesFailed as error:
            failed, outcomes = error, list(error.outcomes)
        holder = commit_finished(clean, branch, revision, outcomes) if commit else None
        decisions = [publish_results(clean, each) for each in experiments.finished(clean, outcomes)]
        whereabouts = hand_on(clean, holder, push, git_remote)
    result = "; ".join([*decisions, _what_ran(outcomes), *whereabouts])
    if failed:
        return Failed(message=f"{failed}; {result}", data=failed)
    return Completed(message=result)


def brought_up_to_date(
    clean: Path,
    targets: list[str] | None,
    pull: bool,
    force: bool = False,
    jobs: Jobs = None,
    open_runner: RunnerFactory = local_processes,
) -> list[StageOutcome]:
    """In a worktree: its data, what cache and remote have of the stages, and then the walk."""
    get_data(clean)
    if not force:
        restore(clean, targets, pull and graph.has_remote(clean))
    return run_as_tasks(plan(clean, targets, force, jobs), open_runner)


def require_branch(root: Path, branch: str, git_remote: str) -> None:
    """Raises WorktreeError, before anything has run."""
    branches.require_usable(root, branch)
    if git_remote:
        branches.require_remote(root, git_remote)


def hand_on(clean: Path, holder: str | None, push: bool, git_remote: str) -> list[str]:
    """Outputs to the DVC remote, then the branch to the git remote; in words, where the results are now."""
    with_outputs = push and graph.has_remote(clean)
    if with_outputs:
        push_results(clean)
    if not holder or not git_remote:
        return [f"on branch {holder}"] if holder else []
    pushed = f"on branch {holder}, pushed to {git_remote}"
    if not with_outputs:
        why = "no DVC remote is set: `dvc remote add -d <name> <url>`" if push else "push is off"
        pushed += f" without its outputs ({why}), so others have to make them again"
        get_run_logger().warning(pushed)
    push_branch(clean, holder, git_remote)
    return [pushed]


@task(name="data", task_run_name="data", cache_policy=NO_CACHE)
def get_data(clean: Path) -> None:
    """data/ as data.dvc pins it: from the cache, from the remote, or simulated."""
    data_folder.make(clean, Console(quiet=True))
    get_run_logger().info("data/ matches data.dvc")


@task(name="restore", task_run_name="restore", cache_policy=NO_CACHE)
def restore(clean: Path, targets: list[str] | None, pull: bool) -> None:
    """What cache and remote have of the stages that dvc.lock pins."""
    stages = list(plan(clean, targets, force=False, jobs=None).stages)
    if pull:
        graph.pull(clean, stages)
    # Fails where the cache lacks one of them, once the others are there.
    run(clean, "check out", "dvc", "checkout", "--quiet", "--force", *stages, may_fail=True)
    current = sum(not stage.stale for stage in plan(clean, targets, force=False, jobs=None).stages.values())
    get_run_logger().info("%d of %d stages are up to date%s", current, len(stages), " after a pull" * pull)


@task(name="push", task_run_name="push", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=30)
def push_results(clean: Path) -> None:
    """What was made, to the DVC remote."""
    graph.push(clean)


def _was_not_refused(_task: object, _task_run: object, state: State[Any]) -> bool:
    return not isinstance(state.data, branches.PushRefused)


@task(
    name="push branch",
    task_run_name="push {branch} to {git_remote}",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=30,
    retry_condition_fn=_was_not_refused,
)
def push_branch(clean: Path, branch: str, git_remote: str) -> None:
    """The branch alone, to a remote of git."""
    branches.push(clean, branch, git_remote)


@task(name="commit", task_run_name="commit to {branch}", cache_policy=NO_CACHE)
def commit_to_branch(
    clean: Path, branch: str, message: str, paths: Sequence[str] = branches.MADE
) -> str | None:
    """What changed of them, on a branch; None where nothing did."""
    start = commit_of(clean, "HEAD")[:12]
    holder = branches.commit_results(clean, branch, message, paths)
    named = " and ".join(f"{path}/" if (clean / path).is_dir() else path for path in paths)
    if holder:
        get_run_logger().info("%s are on branch %s: git diff %s %s", named, holder, start, holder)
    else:
        get_run_logger().info("%s are what %s holds: nothing to commit", named, start)
    return holder


def commit_finished(clean: Path, branch: str, revision: str, outcomes: list[StageOutcome]) -> str | None:
    """The experiments that are whole; one with a stage that failed stays as the commit has it."""
    message = f"Recalibrated at {revision[:12]}"
    if all(each.succeeded for each in outcomes):
        return commit_to_branch(clean, branch, message)
    paths = branches.without_the_unfinished(clean, outcomes)
    lost = experiments.unfinished(outcomes)
    return commit_to_branch(
        clean, branch, f"{message}, without {', '.join(lost)}" if lost else message, paths
    )


@task(name="publish", task_run_name="publish {experiment}", cache_policy=NO_CACHE)
def publish_results(clean: Path, experiment: str) -> str:
    """Table, decision and plots as artifacts of this run; the decision in a few words."""
    decision = artifacts.experiment_artifacts(clean, experiment)
    return headline(experiment, decision)


def _what_ran(outcomes: list[StageOutcome]) -> str:
    states = [each.state for each in outcomes]
    counts = {
        "run": states.count("ran"),
        "restored": states.count("restored"),
        "up to date": states.count("skipped"),
        "failed": states.count("failed"),
        "not run": states.count("not run"),
    }
    return "stages: " + ", ".join(f"{number} {what}" for what, number in counts.items() if number)


def _named(targets: list[str] | None) -> str:
    return ", ".join(targets) if targets else "all experiments"


def _worktree_name(targets: list[str] | None) -> str:
    return artifacts.key_of(" ".join(targets)) if targets else "all"
