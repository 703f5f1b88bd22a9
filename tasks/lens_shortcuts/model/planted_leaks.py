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
class LeakEffect:
    """Per row: host light times `brighter`, `core` nanomaggies in r of a point source, samples of a pixel, a shift in
    arcsec (2, n), and whether the host's photons are not counted."""

    brighter: Floats
    core: Floats
    supersampling: NDArray[np.int64]
    shift: Floats
    shotless: NDArray[np.bool_]


def no_effect(rows: pd.DataFrame, supersampling: int) -> LeakEffect:
    n = len(rows)
    return LeakEffect(
        np.ones(n), np.zeros(n), np.full(n, supersampling), np.zeros((2, n)), np.zeros(n, np.bool_)
    )


def leak_effect(rows: pd.DataFrame, leak: Leak | None, supersampling: int) -> LeakEffect:
    clean = no_effect(rows, supersampling)
    if leak is None:
        return clean
    positive = rows["label"].to_numpy() == 1
    core = 0.0 if leak.core_magnitude is None else float(nanomaggies(np.array(leak.core_magnitude)))
    shift = clean.shift
    if leak.centring:
        seeds = rows["seed"].to_numpy(np.int64).tolist()
        normals = np.array([epoch_stream(seed, "centring").standard_normal(2) for seed in seeds]).T
        shift = np.where(positive, normals * leak.centring * PIXEL_SCALE, 0.0)
    return LeakEffect(
        np.where(positive, 10 ** (0.4 * leak.host_magnitude), 1.0),
        np.where(positive, core, 0.0),
        np.where(positive, supersampling, leak.supersampling or supersampling),
        shift,
        ~positive & leak.shotless,
    )


def rows_with_effect(rows: pd.DataFrame, leak: Leak, supersampling: int) -> NDArray[np.bool_]:
    """(n,): the rows that the leak changes."""
    changed = vars(leak_effect(rows, leak, supersampling))
    clean = vars(no_effect(rows, supersampling))
    differs = [np.atleast_2d(of != clean[name]).any(axis=0) for name, of in changed.items()]
    return np.asarray(np.any(differs, axis=0))
