"""The walk inside a Prefect flow run: each DVC stage is one task run, each experiment's results are artifacts."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from httpx import HTTPError
from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.flows import Flow
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import PositiveInt
from rich.console import Console

from flows.pinned import lock_file
from flows.published import artifacts
from flows.published.progress_page import progress_page
from flows.published.provenance import provenance
from flows.published.terminal import console, results
from flows.walk import command, experiments, progress
from flows.walk.command import RunnerName
from flows.walk.durations import TimeEstimate
from flows.walk.logs import followed
from flows.walk.order import StageOutcome, StagesFailed, walk
from flows.walk.placement import runner_factory
from flows.walk.plan import WalkPlan, plan
from flows.walk.runners import RunnerFactory, StageRunner, budget, local_processes, threads, up_to_date
from flows.walk.settings import NoApi

Jobs = PositiveInt | None
SILENT = ("Failed to reach API", "Timed out while attempting to connect to ephemeral Prefect API")
STATE_NAMES = {"ran": "Completed", "restored": "Restored", "skipped": "Skipped"}


@flow
def pipeline(
    targets: list[str] | None = None,
    force: bool = False,
    jobs: Jobs = None,
    runner: RunnerName = "threads",
    dask_address: str | None = None,
) -> list[StageOutcome]:
    """Bring every stage that DVC calls stale up to date, and publish the results that changed.

    Args:
        targets: Stages, matrices or experiments to bring up to date; empty for all of them.
        force: Run the stages even where nothing changed.
        jobs: How many stages run at once; empty for one on each core.
        runner: Where stages run: as processes of this machine (threads) or on the workers of a Dask cluster.
        dask_address: The scheduler of that cluster; empty for a cluster on this machine.
    """
    root = Path.cwd()
    artifacts.record_version(provenance(root).commit)
    return _run_and_publish(plan(root, targets, force, jobs), runner_factory(runner, dask_address))


def experiment(
    name: str,
    force: bool,
    jobs: int | None,
    runner: RunnerName = "threads",
    dask_address: str | None = None,
) -> dict[str, Any]:
    """Inside a flow run: the experiment's stages and those upstream of them, then its artifacts; returns its decision."""
    root = Path.cwd()
    artifacts.record_version(provenance(root).commit)
    run_as_tasks(plan(root, [name], force, jobs), runner_factory(runner, dask_address))
    return artifacts.experiment_artifacts(root, name)


def run_experiment(experiment_flow: Flow[..., dict[str, Any]], arguments: list[str] | None = None) -> int:
    """The command of an experiment: its flow, if anything is stale, then its results in the terminal."""
    name = experiment_flow.fn.__name__
    options = command.parser(name, experiment_flow.description).parse_args(arguments)

    def run() -> int:
        root, terminal = Path.cwd(), console()
        planned = plan(root, [name], options.force, options.jobs)
        if planned.nothing_to_do:
            terminal.print(command.nothing_is_stale(planned.stages))
        else:
            with _refusals_of_the_api():
                experiment_flow(force=options.force, jobs=options.jobs)
        terminal.print(results(root, name))
        return 0

    return command.guarded(run)


def run_as_flow(run: WalkPlan, open_runner: RunnerFactory = local_processes) -> list[StageOutcome]:
    """A flow run of its own for a walk that has been planned already.

    Raises `NoApi` where no Prefect API answers. One that goes away later costs the run's page, not the run.
    """
    walked: list[StageOutcome] = []
    logging.raiseExceptions = False  # lines that the API does not take are no news for the terminal

    @flow(name=pipeline.name, version=provenance(run.root).commit, description=pipeline.description)
    def planned() -> list[StageOutcome]:
        return _run_and_publish(run, open_runner, walked)

    try:
        with _refusals_of_the_api():
            return planned()
    except StagesFailed as failed:
        return list(failed.outcomes)
    except NoApi:
        if not walked:
            raise
        return walked


@contextmanager
def _refusals_of_the_api() -> Iterator[None]:
    """`NoApi` instead of what its client raises where nothing answers."""
    try:
        yield
    except (HTTPError, RuntimeError) as error:
        if not isinstance(error, HTTPError) and not str(error).startswith(SILENT):
            raise
        if url := PREFECT_API_URL.value():
            remedy = f"at {url}: start it (`make ui`), unset PREFECT_API_URL,"
        else:
            waited = PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS
            remedy = f"within {waited.value()} s: try again, set more of them as {waited.name} where a machine is busy,"
        raise NoApi(f"no Prefect API answers {remedy} or run with --no-prefect") from error


def _run_and_publish(
    run: WalkPlan, open_runner: RunnerFactory, walked: list[StageOutcome] | None = None
) -> list[StageOutcome]:
    """`walked` gets the outcomes before anything is published. Raises `StagesFailed` after what is whole was."""
    outcomes = _run_all(run, open_runner)
    if walked is not None:
        walked += outcomes
    for name in experiments.finished(run.root, outcomes):
        fresh = any(each.state in ("ran", "restored") for each in experiments.of(name, outcomes))
        if fresh or not artifacts.is_published(run.root, name):
            artifacts.experiment_artifacts(run.root, name)
    return _all_succeeded(outcomes)


def run_as_tasks(run: WalkPlan, open_runner: RunnerFactory = local_processes) -> list[StageOutcome]:
    """Inside a flow run: the walk, each stage a task run. Raises `StagesFailed`."""
    return _all_succeeded(_run_all(run, open_runner))


def _all_succeeded(outcomes: list[StageOutcome]) -> list[StageOutcome]:
    if not all(each.succeeded for each in outcomes):
        raise StagesFailed(outcomes)
    return outcomes


def _run_all(run: WalkPlan, open_runner: RunnerFactory) -> list[StageOutcome]:
    with open_runner(run) as runner:
        outcomes = _walk_as_tasks(run, runner)
    lock_file.sort_lock(run.root)
    for outcome in outcomes:
        if outcome.state == "not run":
            get_run_logger().warning("%s was not run: %s", outcome.stage, outcome.reason)
    return outcomes


def _walk_as_tasks(run: WalkPlan, runner: StageRunner) -> list[StageOutcome]:
    @task(
        name="stage",
        task_run_name="{stage}",
        cache_policy=NO_CACHE,  # DVC is the cache
        retries=1,
        retry_condition_fn=_may_pass_again,
    )
    def stage_task(stage: str) -> Any:
        logger = get_run_logger()
        streamed = False

        def stream(lines: str) -> None:
            nonlocal streamed
            streamed = True
            logger.info(lines)

        if run.may_run(stage):
            with followed(run.root, stage, stream):
                outcome = runner.reproduce(stage)
        else:
            outcome = up_to_date(stage)
        logger.info("%s: %s", outcome.state, outcome.reason)
        if outcome.log_tail and not streamed:
            logger.info("end of its log:\n%s", outcome.log_tail)
        if not outcome.succeeded:
            logger.error(outcome.error)
            return Failed(data=_StageFailed(outcome), message=outcome.error)
        return Completed(name=STATE_NAMES[outcome.state], data=outcome, message=outcome.reason)

    futures: dict[str, PrefectFuture[StageOutcome]] = {}
    estimate = TimeEstimate.of(run, run.jobs or runner.jobs)
    with (
        ThreadPoolTaskRunner[StageOutcome](max_workers=threads(run, runner)) as pool,
        progress.shown(run.root, run.stages, estimate) as terminal,
        progress_page(run, estimate, unanswered=_say_that_the_api_is_lost) as page,
    ):

        def submit(stage: str) -> _StageFuture:
            # Upstreams are done; the UI draws them as edges.
            upstreams = [futures[name] for name in run.stages[stage].upstreams]
            futures[stage] = pool.submit(stage_task, {"stage": stage}, wait_for=upstreams)
            return _StageFuture(stage, futures[stage])

        return walk(
            run.upstreams, budget(run, runner), submit, runner.interrupt, progress.Observers(terminal, page)
        )


def _say_that_the_api_is_lost() -> None:
    Console(stderr=True, soft_wrap=True, highlight=False).print(
        f"the Prefect API at {PREFECT_API_URL.value()} does not answer any more: the stages go on, and dvc.lock "
        "records them; this run's page lacks what it misses"
    )


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
