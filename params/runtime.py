"""How every stage runs: what its bits depend on besides code, data and parameters."""

from pydantic import PositiveInt

from params.block import Block


class Cpu(Block):
    """Threads per stage and the switches that keep x86 machines on the same kernels."""

    threads: PositiveInt
    environment: dict[str, str]
