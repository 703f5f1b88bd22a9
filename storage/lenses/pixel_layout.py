"""Stamps as strangers store them, as (3, s, s): bands first or last, numbers that are fluxes, the size that is wanted."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.files.inputs import InputError
from storage.lenses.stamps import BANDS, SIZE

COUNT = len(BANDS)


def bands_last(path: Path, shape: tuple[int, ...], place: str = "") -> bool:
    """Whether the last three axes are (s, s, 3) and not (3, s, s), s odd and SIZE or more; InputError for all else."""
    last = shape[-3:]
    first_is, last_is = (
        len(last) == COUNT and last[axis] == COUNT and last[(axis + 1) % 3] == last[(axis + 2) % 3] for axis in (0, 2)
    )  # fmt: skip
    size = last[1] if last else 0
    if first_is == last_is:
        raise InputError(
            path, f"{place}expected {COUNT} x s x s or s x s x {COUNT} (bands g, r, z, s of {SIZE} pixels), got "
            f"{' x '.join(map(str, last)) or 'one number'}",
        )  # fmt: skip
    if size < SIZE or size % 2 == 0:
        raise InputError(
            path, f"{place}{size} pixels wide: the galaxy has to be in the middle pixel, so an odd number of "
            f"pixels is needed, {SIZE} or more; cut or interpolate to {SIZE}",
        )  # fmt: skip
    return last_is


def check_fluxes(path: Path, dtype: np.dtype[Any], place: str = "") -> None:
    """InputError for what cannot be fluxes."""
    if dtype.kind not in "fiu":
        raise InputError(path, f"{place}expected numbers, got {dtype}")
    if dtype.itemsize == 1:
        raise InputError(
            path, f"{place}{dtype} holds 256 values, as pictures that were scaled for display; bring the fluxes, as "
            "float32 or in counts",
        )  # fmt: skip


def first_bands(values: NDArray[Any], last: bool) -> NDArray[Any]:
    """(..., 3, s, s), a view."""
    return np.moveaxis(values, -1, -3) if last else values
