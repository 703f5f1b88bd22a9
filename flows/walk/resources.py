"""What a machine has, what each stage takes of it, and which stages may start beside those that run."""

import os
import subprocess
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

import psutil

from params.block import read_block, read_params
from params.resources import Amounts, Resources

NOTHING = Amounts(cpu=0, gpu=0, memory=0)
GIB = 2**30
ROUNDING = 1e-9
CGROUP = Path("/sys/fs/cgroup")


def needs(params: Path, stages: Iterable[str]) -> dict[str, Amounts]:
    """What `runtime.resources` states for each stage; without a statement it takes one of the `--jobs` and no more."""
    stated: Resources = {}
    if params.exists() and "resources" in ((read_params(params) or {}).get("runtime") or {}):
        stated = read_block(params, "runtime.resources", Resources)
    return {stage: _stated_for(stated, stage) for stage in stages}


def _stated_for(stated: Resources, stage: str) -> Amounts:
    names = (stage, stage.partition("@")[0])  # a matrix's own name stands for all of it
    matches = (
        amounts for pattern, amounts in stated.items() if any(fnmatchcase(name, pattern) for name in names)
    )
    return next(matches, NOTHING)


def machine(gpus: int) -> Amounts:
    """What this process may use, with so many of `gpu_devices()`."""
    return Amounts(cpu=cores(), gpu=gpus, memory=_memory() / GIB)


def cores() -> int:
    """Cores that this process may run on: neither a batch system's nor a container's share is the whole machine."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        quota, period = (CGROUP / "cpu.max").read_text().split()
        allowed = min(allowed, max(1, int(quota) // int(period)))
    return allowed


def _memory() -> int:
    total = int(psutil.virtual_memory().total)
    with suppress(OSError, ValueError):
        total = min(total, int((CGROUP / "memory.max").read_text()))
    return total


def gpu_devices() -> list[str]:
    """As CUDA_VISIBLE_DEVICES names them. Starts a program, so ask only where a stage wants one."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [device.strip() for device in visible.split(",") if device.strip() not in ("", "-1")]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    gpus = [line for line in listed.stdout.splitlines() if line.startswith("GPU ")]
    return [str(number) for number in range(len(gpus))]


def shortage(need: Amounts, has: Amounts) -> str:
    """Why this machine cannot run such a stage; empty where it can. Cores can be shared, memory and GPUs cannot."""
    lacks = []
    if need.gpus_needed > has.gpus_welcome:
        lacks.append(f"{need.gpu} GPUs, and this machine has {has.gpu}")
    if need.memory > has.memory:
        lacks.append(f"{need.memory:g} GiB of memory, and this machine has {has.memory:.1f}")
    if not lacks:
        return ""
    return (
        f"needs {' and '.join(lacks)}: run it elsewhere, or state less for it in params.yaml, runtime.resources "
        "(which makes no stage stale)"
    )


Capacity = tuple[Amounts, int]  # what stages may take together, and how many may run at once


class Budget:
    """Which of the stages that could start, may: in the order they are given in, as far as the machine goes.

    What a stage that does not fit will need is set aside until it has started, so that smaller ones cannot keep it
    waiting; those that need nothing of what it needs may pass. A stage that wants more cores than there are gets all.

    `reread` says what there is now, where that may change: it is asked each time that stages are to start, and at least
    once in `patience` seconds.
    """

    def __init__(
        self,
        has: Amounts,
        needs: Mapping[str, Amounts],
        jobs: int,
        reread: Callable[[], Capacity] | None = None,
        patience: float = 2.0,
    ) -> None:
        self._has, self._jobs, self._reread = _vector(has), jobs, reread
        self.patience = patience if reread else None
        self._wanted = {stage: _vector(need) for stage, need in needs.items()}
        self._running: dict[str, list[float]] = {}  # what each takes
        self._held: dict[str, str] = {}  # stage -> what it waits for, the one that waits longest first

    def admit(self, ready: Iterable[str]) -> list[str]:
        """The stages to start now; they count as running until `release`."""
        if self._reread:
            has, self._jobs = self._reread()
            self._has = _vector(has)
        candidates = list(ready)
        kept_waiting = [stage for stage in self._held if stage in candidates]
        taken = [sum(amounts) for amounts in zip(_NOTHING, *self._running.values(), strict=True)]
        left = [max(0.0, all_of_it - used) for all_of_it, used in zip(self._has, taken, strict=True)]
        admitted = []
        for stage in [*kept_waiting, *(each for each in candidates if each not in self._held)]:
            wanted = self._wanted.get(stage, _NOTHING)
            need = [min(want, all_of_it) for want, all_of_it in zip(wanted, self._has, strict=True)]
            if len(self._running) >= self._jobs:
                break
            lacking = [
                name for name, want, have in zip(_NAMES, need, left, strict=True) if want > have + ROUNDING
            ]
            if lacking:
                self._held[stage] = " and ".join(lacking)
            else:
                self._held.pop(stage, None)
                self._running[stage] = need
                admitted.append(stage)
            left = [max(0.0, have - want) for have, want in zip(left, need, strict=True)]
        return admitted

    def release(self, stage: str) -> None:
        del self._running[stage]

    def waits_for(self, stage: str) -> str:
        """What keeps a stage from starting whose upstreams are done."""
        return self._held.get(stage, "its turn")


_NAMES = ("cores", "a GPU", "memory")


def _vector(amounts: Amounts) -> list[float]:
    return [amounts.cpu, float(amounts.gpus_welcome), amounts.memory]


_NOTHING = _vector(NOTHING)
