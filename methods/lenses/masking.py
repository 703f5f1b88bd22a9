"""Discs that hide a stamp's core: fixed ones for sensitivity curves, drawn ones (per image and epoch) for training."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from methods.lenses.geometry import core
from methods.statistics.streams import uniforms

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Phase:
    """From this share of the epochs on, hide r < radius with this probability."""

    start: float
    radius: float
    probability: float


def core_mask(radius: float, size: int) -> Bools:
    """(size, size), True where r < radius: what is hidden. Radius 0 hides nothing."""
    if radius < 0:
        raise ValueError(f"expected a radius of at least 0 pixels, got {radius}")
    if size < 1 or size % 2 == 0:
        raise ValueError(f"expected an odd size, so that one pixel is the centre, got {size}")
    return core(radius, size)


def phase_of(phases: Sequence[Phase], epoch: int, epochs: int) -> Phase | None:
    """The last phase that has begun; phases in the order of their starts."""
    begun = [phase for phase in phases if epoch >= round(phase.start * epochs)]
    return begun[-1] if begun else None


def mean_hidden(phases: Sequence[Phase]) -> float:
    """Pixels hidden of a stamp, in the mean over images and epochs; phases in the order of their starts."""
    ends = [*(phase.start for phase in phases[1:]), 1.0]
    return float(
        sum(
            (end - phase.start) * phase.probability * pi * phase.radius**2
            for phase, end in zip(phases, ends, strict=False)
        )
    )


def mask_radii(phases: Sequence[Phase], seed: int, index: Index, epoch: int, epochs: int) -> Floats:
    """(rows,) radius hidden in each image in this epoch, 0 for none: a function of (seed, index, epoch) alone.

    Equal seeds draw equal numbers whatever the phases are, so variants differ by their masks and not by their luck.
    """
    phase = phase_of(phases, epoch, epochs)
    if phase is None:
        return np.zeros(len(index))
    drawn = uniforms(seed, "mask", epoch, index, 1)[:, 0] < phase.probability
    return np.where(drawn, phase.radius, 0.0)
