"""What a stage takes of its machine while it runs: what the walker may start beside it. No stage depends on this."""

from typing import Literal

from pydantic import NonNegativeFloat, NonNegativeInt

from params.block import Block


class Amounts(Block):
    """`memory` in GiB; `gpu` counts whole devices, `auto` is one where the machine has one."""

    cpu: NonNegativeFloat
    gpu: NonNegativeInt | Literal["auto"]
    memory: NonNegativeFloat

    @property
    def gpus_needed(self) -> int:
        """Devices without which the stage cannot run."""
        return 0 if self.gpu == "auto" else self.gpu

    @property
    def gpus_welcome(self) -> int:
        """Devices that the stage uses where they are there."""
        return 1 if self.gpu == "auto" else self.gpu


Resources = dict[
    str, Amounts
]  # pattern of stage names -> what such a stage takes; the first that matches counts
