"""Cut-outs of the user's: one array in the manifest's order (npy, npz), or a folder with a FITS file for each stamp."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from storage.files.inputs import InputError
from storage.lenses.stamps import BANDS, SHAPE

ZERO_POINT = 22.5  # AB magnitude of one nanomaggy
LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class ArrayStamps:
    path: Path
    values: NDArray[Any]
    factor: float

    def pixels(self, stamp: str, row: int) -> NDArray[np.float64]:
        return _checked(self.path, self.values[row], self.factor, stamp, row)


@dataclass(frozen=True)
class FitsStamps:
    path: Path
    factor: float

    def pixels(self, stamp: str, row: int) -> NDArray[np.float64]:
        file = self.path / f"{stamp}.fits"
        if not file.is_file():
            raise InputError(
                file,
                f"no such file, but the manifest has stamp {stamp!r} in row {row + 2}: add it or take the row out",
            )
        return _checked(file, _cube(file), self.factor, stamp, row)


def read_own_stamps(path: Path, array: str | None, zero_point: float, rows: int) -> ArrayStamps | FitsStamps:
    """`pixels(stamp, row)` gives (3, 63, 63) in nanomaggies; row counts the manifest's `rows` from 0.

    InputError for what is missing, of another shape, or holds pixels that are no numbers.
    """
    factor = 10 ** (0.4 * (ZERO_POINT - zero_point))
    if path.is_dir():
        return FitsStamps(path, factor)
    values = _array(path, array)
    if values.ndim != 4 or values.shape[1:] != SHAPE:
        raise InputError(
            path,
            f"expected n x {len(BANDS)} x {SHAPE[1]} x {SHAPE[2]} (bands g, r, z; cut or pad to the middle pixel), got "
            f"{' x '.join(map(str, values.shape))}",
        )
    if len(values) != rows:
        raise InputError(
            path,
            f"holds {len(values)} stamps, the manifest has {rows} rows: there has to be one for each, in its order",
        )
    return ArrayStamps(path, values, factor)


def _array(path: Path, array: str | None) -> NDArray[Any]:
    if not path.exists():
        raise InputError(path, "no such file or folder; lens_shortcuts.prepare names it")
    try:
        stored = np.load(path, mmap_mode="r" if path.suffix == ".npy" else None, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(path, f"neither npy, npz nor a folder of FITS files: {error}") from None
    if isinstance(stored, np.ndarray):
        return stored
    with stored:
        if array not in stored.files:
            raise InputError(
                path, f"has no array {array!r}, it has {', '.join(stored.files)}: name one",
                field="lens_shortcuts.prepare.array",
            )  # fmt: skip
        return np.asarray(stored[array])


def _cube(file: Path) -> NDArray[Any]:
    """The first image of three planes, or the extensions named after the bands."""
    try:
        with fits.open(file, memmap=False) as units:
            named = {unit.name.lower(): unit.data for unit in units if unit.data is not None}
            cubes = [unit.data for unit in units if getattr(unit.data, "ndim", 0) == 3]
    except OSError as error:
        raise InputError(file, f"cannot be read as FITS: {error}") from None
    if cubes:
        return np.asarray(cubes[0])
    if missing := [band for band in BANDS if band not in named]:
        raise InputError(
            file,
            f"no band {', '.join(missing)}: expected a cube of 3 planes (g, r, z) or an image extension for each band "
            f"(EXTNAME g, r, z); it has {', '.join(sorted(named)) or 'no image'}",
            field=missing[0],
        )
    shapes = {named[band].shape for band in BANDS}
    if len(shapes) > 1:
        raise InputError(file, f"bands of different sizes: {sorted(shapes)}")
    return np.stack([np.asarray(named[band]) for band in BANDS])


def _checked(path: Path, values: NDArray[Any], factor: float, stamp: str, row: int) -> NDArray[np.float64]:
    if values.shape != SHAPE:
        raise InputError(
            path, f"stamp {stamp!r}: expected {' x '.join(map(str, SHAPE))} (g, r, z), got "
            f"{' x '.join(map(str, values.shape))}", row=row + 2,
        )  # fmt: skip
    pixels = np.asarray(values, np.float64) * factor
    wrong = ~np.isfinite(pixels)
    if wrong.any():
        band, y, x = (int(place) for place in np.argwhere(wrong)[0])
        raise InputError(
            path,
            f"stamp {stamp!r}: pixel ({x}, {y}) of band {BANDS[band]} is not a number ({int(wrong.sum())} in all); "
            "leave the stamp out, or fill what a mask covers",
            row=row + 2,
        )
    if np.abs(pixels).max() > LARGEST:
        raise InputError(
            path, f"stamp {stamp!r}: {np.abs(pixels).max():.3g} nanomaggies in a pixel; is prepare.zero_point right?",
            row=row + 2,
        )  # fmt: skip
    return pixels
