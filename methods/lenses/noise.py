"""Noise of stamps from one counter-based stream per stamp and purpose, so that any subset has the same bytes.

Photons of host and arc are counted apart: the sum of two Poisson counts is a Poisson count of the sum, and a stamp
minus its placebo is then exactly what the arc sent.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from methods.statistics.streams import epoch_stream

Floats = NDArray[np.floating[Any]]


def counted(expected: Floats, gain: float, seed: int, purpose: Literal["host", "arc"]) -> NDArray[np.float64]:
    """Nanomaggies as counted in electrons, `gain` of them to a nanomaggy; rounding below zero counts as zero."""
    electrons = np.maximum(np.asarray(expected, np.float64) * gain, 0)
    return epoch_stream(seed, purpose).poisson(electrons) / gain


def sky(noise: Floats, size: int, seed: int) -> NDArray[np.float64]:
    """(bands, size, size): what is left of a subtracted sky, with standard deviations `noise` (bands,)."""
    return (
        epoch_stream(seed, "sky").standard_normal((len(noise), size, size)) * np.asarray(noise)[:, None, None]
    )
