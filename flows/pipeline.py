"""The walk inside a Prefect flow run: each DVC stage is one task run, each experiment's results are artifacts."""

from pathlib import Path
from typing import Any

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.flows import Flow
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import PositiveInt

from flows import graph, publish, show
from flows.reproduce import Run, StagesFailed, guarded, nothing_is_stale, parser, plan, report
from flows.walk import StageOutcome, walk

Jobs = PositiveInt | None
STATE_NAMES = {"ran": "Completed", "restored": "Restored", "skipped": "Skipped"}


@flow
def pipeline(targets: list[str] | None = None, force: bool = False, jobs: Jobs = None) -> list[StageOutcome]:
    """Bring every stage that DVC calls stale up to date, and publish the results that changed.

    Args:
        targets: Stages, matrices or experiments to bring up to date; empty for all of them.
        force: Run the stages even where nothing changed.
        jobs: How many stages run at once; empty for one on each core.
    """
    return _publish_what_ran(plan(Path.cwd(), targets, force, jobs))


def experiment(name: str, force: bool, jobs: int | None) -> dict[str, Any]:
    """Inside a flow run: the experiment's stages and those upstream of them, then its artifacts; returns its decision."""
    root = Path.cwd()
    run_as_tasks(plan(root, [name], force, jobs))
    return publish.experiment_artifacts(root, name)


def run_experiment(experiment_flow: Flow[..., dict[str, Any]], arguments: list[str] | None = None) -> int:
    """The command of an experiment: its flow, if anything is stale, then its results in the terminal."""
    name = experiment_flow.fn.__name__
    options = parser(name, experiment_flow.description).parse_args(arguments)

    def run() -> int:
        root, console = Path.cwd(), show.console()
        planned = plan(root, [name], options.force, options.jobs)
        if planned.nothing_to_do:
            console.print(nothing_is_stale(planned.stages))
        else:
            version = publish.provenance(root).commit
            experiment_flow.with_options(version=version)(force=options.force, jobs=options.jobs)
        console.print(show.results(root, name))
        return 0

    return guarded(run)


def run_as_flow(run: Run) -> list[StageOutcome]:
    """A flow run of its own for a walk that has been planned already."""

    @flow(name=pipeline.name, version=publish.provenance(run.root).commit, description=pipeline.description)
    def planned() -> list[StageOutcome]:
        return _publish_what_ran(run)

    try:
        return planned()
    except StagesFailed as failed:
        return list(failed.outcomes)


def _publish_what_ran(run: Run) -> list[StageOutcome]:
    outcomes = run_as_tasks(run)
    fresh = [each.stage for each in outcomes if each.state in ("ran", "restored")]
    for folder in sorted((run.root / "results").glob("*/")):
        if any(stage.startswith(f"{folder.name}_") for stage in fresh) and publish.is_complete(folder):
            publish.experiment_artifacts(run.root, folder.name)
    return outcomes


def run_as_tasks(run: Run) -> list[StageOutcome]:
    """Inside a flow run: the walk, each stage a task run. Raises `StagesFailed`."""

    @task(
        name="stage",
        task_run_name="{stage}",
        cache_policy=NO_CACHE,  # DVC is the cache
        retries=1,
        retry_condition_fn=_may_pass_again,
    )
    def stage_task(stage: str) -> Any:
        logger = get_run_logger()
        outcome = run.reproduce(stage)
        logger.info("%s: %s", outcome.state, outcome.reason)
        if outcome.log_tail:
            logger.info("end of its log:\n%s", outcome.log_tail)
        if not outcome.succeeded:
            logger.error(outcome.error)
            return Failed(data=_StageFailed(outcome), message=outcome.error)
        return Completed(name=STATE_NAMES[outcome.state], data=outcome, message=outcome.reason)

    futures: dict[str, PrefectFuture[StageOutcome]] = {}
    with ThreadPoolTaskRunner[StageOutcome](max_workers=run.jobs) as runner:

        def submit(stage: str) -> _StageFuture:
            upstreams = [
                futures[name] for name in run.stages[stage].upstreams
            ]  # done; the UI draws them as edges
            futures[stage] = runner.submit(stage_task, {"stage": stage}, wait_for=upstreams)
            return _StageFuture(stage, futures[stage])

        outcomes = walk(run.upstreams, submit, run.interrupt, report)
    graph.sort_lock(run.root)
    for outcome in outcomes:
        if outcome.state == "not run":
            get_run_logger().warning("%s was not run: %s", outcome.stage, outcome.reason)
    if not all(each.succeeded for each in outcomes):
        raise StagesFailed(outcomes)
    return outcomes


class _StageFailed(RuntimeError):
    """The data of a failed task run: Prefect wants an exception there."""

    def __init__(self, outcome: StageOutcome) -> None:
        super().__init__(outcome.error)
        self.outcome = outcome


def _may_pass_again(_task: object, _task_run: object, state: State[Any]) -> bool:
    return isinstance(state.data, _StageFailed) and state.data.outcome.may_pass_again


class _StageFuture:
    def __init__(self, stage: str, future: PrefectFuture[StageOutcome]) -> None:
        self._stage, self._future = stage, future
        self.add_done_callback = future.add_done_callback

    def result(self) -> StageOutcome:
        result: Any = self._future.result(raise_on_failure=False)
        if isinstance(result, _StageFailed):
            return result.outcome
        if isinstance(result, StageOutcome):
            return result
        return StageOutcome(self._stage, "failed", "", error=f"its task run broke: {result!r}")
