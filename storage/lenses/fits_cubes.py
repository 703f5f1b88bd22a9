"""One stamp as FITS: a cube of three planes, or an image extension for each band."""

import math
import re
import warnings
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from storage.files.inputs import InputError, first_line, shown
from storage.lenses.stamps import BANDS

MAGIC = b"SIMPLE  ="
UNENDING = re.compile(rb"(NAXIS|TFIELDS) *= *\+?0*([1-9]\d{3,})")  # astropy counts up to it, card by card
WIDEST = 4096  # pixels of a side
DAMAGED = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    fits.VerifyError,
)  # fmt: skip - what astropy raises at headers that contradict themselves


def read_fits_stamp(path: Path) -> NDArray[Any]:
    """The first cube, or the images named g, r, z, stacked. InputError for all else; no header is taken at its word."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise InputError(path, "is not FITS, or compressed as a whole; expected a plain FITS file")
        with mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            if (found := UNENDING.search(content)) is not None:
                name, count = (part.decode() for part in found.groups())
                raise InputError(
                    path, f"says {name} = {count}, and FITS has at most 999: it is damaged; write it again"
                )
    try:
        with warnings.catch_warnings(action="ignore"), fits.open(path, memmap=False) as units:
            return _planes(path, [unit for unit in units if isinstance(unit, _IMAGES)])
    except InputError:
        raise
    except DAMAGED as error:
        raise InputError(
            path, f"cannot be read as FITS ({first_line(error)}); it is damaged or cut short: write it again"
        ) from None


_IMAGES = (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU)


def _planes(path: Path, units: list[Any]) -> NDArray[Any]:
    units = [unit for unit in units if unit.shape]
    if cube := next((unit for unit in units if len(unit.shape) == 3), None):
        return _pixels(path, cube)
    named = {unit.name.lower(): unit for unit in units}
    if missing := [band for band in BANDS if band not in named]:
        have = ", ".join(shown(name)[1:-1] for name in sorted(named)[:8]) or "no image"
        raise InputError(
            path, f"no band {', '.join(missing)}: expected a cube of 3 planes (g, r, z) or an image extension for each "
            f"band (EXTNAME g, r, z); it has {have}", field=missing[0],
        )  # fmt: skip
    shapes = {named[band].shape for band in BANDS}
    if len(shapes) > 1:
        raise InputError(path, f"bands of different sizes: {', '.join(map(str, sorted(shapes)))}")
    return np.stack([_pixels(path, named[band]) for band in BANDS])


def _pixels(path: Path, unit: Any) -> NDArray[Any]:
    if max(unit.shape) > WIDEST or math.prod(unit.shape) > 3 * WIDEST**2:
        size = " x ".join(map(str, unit.shape))
        raise InputError(path, f"says that it is {size} pixels; expected a stamp, {WIDEST} wide at most")
    if not isinstance(unit, fits.CompImageHDU):
        info, size = unit.fileinfo(), math.prod(unit.shape) * abs(unit.header["BITPIX"]) // 8
        if info["datLoc"] + size > path.stat().st_size:
            raise InputError(path, "ends within its pixels: it is damaged or cut short; write it again")
    return np.asarray(unit.data)
