"""Benchmarks as a stage runs: one thread, so that CPU time means the same for every peer, and the launcher's switches."""

import os
import sys
from pathlib import Path

from params.block import read_block
from params.runtime import Cpu
from run_stage import set_cpu


def restart_on_one_thread(module: str, kernels: bool = True) -> None:
    """Settings have to stand before numpy is imported, so the process starts again, once.

    kernels: with the launcher's choice of kernels too, which is slower than a machine's own for some peers.
    """
    cpu = read_block(Path("params.yaml"), "runtime.cpu", Cpu)
    before = dict(os.environ)
    set_cpu(cpu if kernels else cpu.model_copy(update={"environment": {}}))
    if dict(os.environ) != before:
        os.execv(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]])
