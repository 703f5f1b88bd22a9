"""Stamps as they are recorded: expected light of host and arc, photons counted, the sky's noise added, float16."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.lenses.geometry import SIZE
from methods.lenses.noise import counted, sky

Pixels = NDArray[np.float64]
Stored = NDArray[np.float16]


@dataclass(frozen=True)
class Camera:
    """gain: electrons of a nanomaggy. noisy_host: the host is light to be counted, not a picture with its own noise."""

    gain: float
    noisy_host: bool


def host_exposure(
    host: Pixels, sky_noise: NDArray[np.float64], seed: int, camera: Camera, shotless: bool = False
) -> Pixels:
    """(3, 63, 63): what a host with no arc is recorded as; a picture that was taken has its noise already."""
    if not camera.noisy_host:
        return host
    photons = host if shotless else counted(host, camera.gain, seed, "host")
    return photons + sky(sky_noise, SIZE, seed)


def with_arc(exposure: Pixels, arc: Pixels, seed: int, camera: Camera) -> Pixels:
    """An arc's photons are counted apart from the host's, so that the exposure without it is the exact control."""
    return exposure + counted(arc, camera.gain, seed, "arc")


def stored(exposures: Pixels) -> Stored:
    return exposures.astype(np.float16)
