"""What a leak planted on purpose does to each row. Nothing else in the rendering knows a label."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.lenses.geometry import PIXEL_SCALE, nanomaggies
from methods.statistics.streams import epoch_stream
from params.lens_shortcuts import Leak

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Planted:
    """Per row: host light times `brighter`, `core` nanomaggies in r of a point source, samples of a pixel, a shift in
    arcsec (2, n), and whether the host's photons are not counted."""

    brighter: Floats
    core: Floats
    supersampling: NDArray[np.int64]
    shift: Floats
    shotless: NDArray[np.bool_]


def nothing(rows: pd.DataFrame, supersampling: int) -> Planted:
    n = len(rows)
    return Planted(
        np.ones(n), np.zeros(n), np.full(n, supersampling), np.zeros((2, n)), np.zeros(n, np.bool_)
    )


def planted(rows: pd.DataFrame, leak: Leak | None, supersampling: int) -> Planted:
    clean = nothing(rows, supersampling)
    if leak is None:
        return clean
    positive = rows["label"].to_numpy() == 1
    core = 0.0 if leak.core_magnitude is None else float(nanomaggies(np.array(leak.core_magnitude)))
    shift = clean.shift
    if leak.centring:
        seeds = rows["seed"].to_numpy(np.int64).tolist()
        normals = np.array([epoch_stream(seed, "centring").standard_normal(2) for seed in seeds]).T
        shift = np.where(positive, normals * leak.centring * PIXEL_SCALE, 0.0)
    return Planted(
        np.where(positive, 10 ** (0.4 * leak.host_magnitude), 1.0),
        np.where(positive, core, 0.0),
        np.where(positive, supersampling, leak.supersampling or supersampling),
        shift,
        ~positive & leak.shotless,
    )


def touched(rows: pd.DataFrame, leak: Leak, supersampling: int) -> NDArray[np.bool_]:
    """(n,): the rows that the leak changes."""
    with_leak, without = planted(rows, leak, supersampling), nothing(rows, supersampling)
    return np.asarray(
        (with_leak.brighter != without.brighter)
        | (with_leak.core != without.core)
        | (with_leak.supersampling != without.supersampling)
        | (with_leak.shift != without.shift).any(axis=0)
        | with_leak.shotless
    )
