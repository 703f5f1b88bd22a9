"""The walk without Prefect."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from flows.pinned import lock_file
from flows.walk import progress
from flows.walk.durations import TimeEstimate
from flows.walk.order import StageOutcome, walk
from flows.walk.plan import WalkPlan
from flows.walk.runners import RunnerFactory, budget, local_processes, threads, up_to_date


def run_in_threads(run: WalkPlan, open_runner: RunnerFactory = local_processes) -> list[StageOutcome]:
    if run.nothing_to_do:
        lock_file.sort_lock(run.root)  # a kill may have come before the last walk could
        return [up_to_date(name) for name in run.stages]
    with open_runner(run) as runner, ThreadPoolExecutor(threads(run, runner)) as pool:

        def attempt(name: str) -> StageOutcome:
            if not run.may_run(name):
                return up_to_date(name)
            first = runner.reproduce(name)
            if not first.may_pass_again:
                return first
            second = runner.reproduce(name)
            return replace(second, reason=f"{second.reason}; tried twice, since the first try was ended")

        estimate = TimeEstimate.of(run, run.jobs or runner.jobs)
        with progress.shown(run.root, run.stages, estimate) as observer:
            outcomes = walk(
                run.upstreams,
                budget(run, runner),
                lambda name: pool.submit(attempt, name),
                runner.interrupt,
                observer,
            )
    lock_file.sort_lock(run.root)
    return outcomes
