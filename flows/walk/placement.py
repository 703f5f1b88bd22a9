"""Where the stages of a walk run, by name."""

from flows.walk.command import RunnerName
from flows.walk.runners import RunnerFactory, local_processes


def runner_factory(name: RunnerName, address: str | None = None) -> RunnerFactory:
    """`threads`: processes of this machine. `dask`: the workers of the scheduler at `address`."""
    if name == "threads":
        return local_processes
    from flows.dask.runner import on_dask  # noqa: PLC0415 - an extra, and slow to import

    return lambda run: on_dask(run, address)
