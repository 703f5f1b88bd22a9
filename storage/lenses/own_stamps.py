"""Cut-outs of the user's: one array (npy, npz), or a folder with a file for each stamp.

An npz that has the stamps' names beside them (its array `stamp`) is read by name, all else in the manifest's order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.files.arrays import array_names, read_foreign_array, read_foreign_arrays
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError, shown
from storage.files.places import inside
from storage.lenses.fits_cubes import read_fits_stamp
from storage.lenses.host_images import middle
from storage.lenses.manifests import FILE, ZERO_POINT
from storage.lenses.pixel_layout import bands_last, check_fluxes, first_bands
from storage.lenses.stamps import BANDS, SIZE

LARGEST = float(np.finfo(np.float16).max)
SUFFIXES = (".fits", ".npy", ".npz")
NAMES = "stamp"  # array of an npz


@dataclass(frozen=True)
class StampRow:
    """A stamp's row of the manifest: its position from 0, and its number as a person finds it. file: "" by its name."""

    stamp: str
    position: int
    number: int
    file: str

    @property
    def place(self) -> str:
        return f"stamp {shown(self.stamp)} (row {self.number} of the manifest): "


def stamp_rows(rows: pd.DataFrame, numbers: Iterable[int]) -> Iterator[StampRow]:
    """rows: of the manifest, their positions there in `row`; numbers: as a person finds them."""
    files = rows[FILE] if FILE in rows else [""] * len(rows)
    for stamp, position, number, file in zip(rows["stamp"], rows["row"], numbers, files, strict=True):
        yield StampRow(stamp, int(position), int(number), file)


@dataclass(frozen=True)
class StampStack:
    """values: (n, 3, s, s) or (n, s, s, 3). places: of the stamps there by name, None where they stand as the rows do."""

    path: Path
    values: NDArray[Any]
    places: dict[str, int] | None

    @property
    def whole(self) -> Path:
        return self.path

    def picture(self, row: StampRow) -> tuple[Path, NDArray[Any]]:
        place = row.position if self.places is None else self.places.get(row.stamp)
        if place is None:
            raise InputError(self.path, f"{row.place}its array {NAMES!r} has no such name", field=NAMES)
        return self.path, self.values[place]


@dataclass(frozen=True)
class StampFolder:
    """names: of the files that stand directly in data / name."""

    data: Path
    name: str
    names: frozenset[str]
    array: str | None
    manifest: Path

    @property
    def whole(self) -> Path:
        """What a note on many stamps names."""
        return self.data / self.name

    def picture(self, row: StampRow) -> tuple[Path, NDArray[Any]]:
        file, field = (row.file, FILE) if row.file else (self._file(row), "stamp")
        path = inside(self.data, f"{self.name}/{file}", path=self.manifest, row=row.number, field=field)
        match path.suffix:
            case ".fits":
                values = read_fits_stamp(path)
            case ".npy" | ".npz":
                values = _array(path, self.array)
            case _:
                raise InputError(
                    self.manifest, f"expected a file that ends in {', '.join(SUFFIXES)}, got {shown(file)}",
                    row=row.number, field=field,
                )  # fmt: skip
        return path, values

    def _file(self, row: StampRow) -> str:
        found = [row.stamp + suffix for suffix in SUFFIXES if row.stamp + suffix in self.names]
        if len(found) != 1:
            problem = (
                f"has {' and '.join(found)}: keep one"
                if found
                else "has no such file: add it, or take the row out"
            )
            raise InputError(
                self.data / self.name,
                f"{row.place}expected {shown(row.stamp)[1:-1]}.fits, .npy or .npz; {problem}",
            )
        return found[0]


@dataclass(frozen=True)
class OwnStamps:
    """factor: nanomaggies of a count. crop: whether larger stamps are cut. report: what was done to them."""

    source: StampStack | StampFolder
    factor: float
    crop: bool
    report: ImportReport

    def pixels(self, row: StampRow) -> NDArray[np.float64]:
        """(3, 63, 63) in nanomaggies. InputError for other shapes, and pixels that are no numbers."""
        path, values = self.source.picture(row)
        check_fluxes(path, values.dtype, row.place)
        if last := bands_last(path, values.shape, row.place):
            self.report.note(
                self.source.whole, "bands stand last, s x s x 3; taken as g, r, z", examples=[row.stamp]
            )
        whole = first_bands(values, last)
        if (size := whole.shape[-1]) > SIZE:
            if not self.crop:
                raise InputError(
                    path, f"{row.place}{size} x {size} pixels, the experiment takes {SIZE} x {SIZE}; set "
                    "lens_shortcuts.prepare.crop to true to cut out the middle",
                )  # fmt: skip
            self.report.note(
                self.source.whole, f"cut to the middle {SIZE} of {size} pixels", examples=[row.stamp]
            )
        return _nanomaggies(path, middle(whole), self.factor, row)


def read_own_stamps(
    data: Path, name: str, array: str | None, zero_point: float, crop: bool, rows: int, manifest: Path, report: ImportReport
) -> OwnStamps:  # fmt: skip
    """name: of a file or folder in data. rows: of the manifest."""
    factor, path = 10 ** (0.4 * (ZERO_POINT - zero_point)), data / name
    if path.is_dir():
        names = frozenset(each.name for each in path.iterdir())
        return OwnStamps(StampFolder(data, name, names, array, manifest), factor, crop, report)
    if not path.exists():
        raise InputError(path, "no such file or folder; lens_shortcuts.prepare names it")
    if path.suffix not in (".npy", ".npz"):
        raise InputError(path, "expected .npy, .npz or a folder with a file for each stamp")
    inside(data, name, path=Path("params.yaml"), field="lens_shortcuts.prepare")
    return OwnStamps(_stack(path, array, rows), factor, crop, report)


def _stack(path: Path, array: str | None, rows: int) -> StampStack:
    values = _array(path, array)
    if values.ndim != 4:
        size = " x ".join(map(str, values.shape)) or "one number"
        raise InputError(path, f"expected stamps x {len(BANDS)} x {SIZE} x {SIZE}, got {size}")
    names = read_foreign_arrays(path, [NAMES]).get(NAMES) if path.suffix == ".npz" else None
    if names is None:
        if len(values) != rows:
            raise InputError(
                path,
                f"holds {len(values)} stamps, the manifest has {rows} rows: there has to be one for each, in its order",
            )
        return StampStack(path, values, None)
    places = {str(name): place for place, name in enumerate(names.ravel().tolist())}
    if names.dtype.kind != "U" or not len(places) == names.size == len(values):
        raise InputError(
            path, f"expected {len(values)} names of stamps, all different, got {len(places)} in {names.size} values of "
            f"{names.dtype}; leave the array out if stamps stand in the manifest's order", field=NAMES,
        )  # fmt: skip
    return StampStack(path, values, places)


def _array(path: Path, array: str | None) -> NDArray[Any]:
    if path.suffix == ".npy":
        return read_foreign_array(path, mapped=True)
    arrays = read_foreign_arrays(path, [array] if array is not None else [])
    if array is None or array not in arrays:
        have = ", ".join(shown(name)[1:-1] for name in array_names(path)[:8])
        raise InputError(
            path,
            f"has no array {shown(array)}, it has {have}: name one",
            field="lens_shortcuts.prepare.array",
        )
    return arrays[array]


def _nanomaggies(path: Path, values: NDArray[Any], factor: float, row: StampRow) -> NDArray[np.float64]:
    counts = np.asarray(values, np.float64)
    wrong = ~np.isfinite(counts)
    if wrong.any():
        band, y, x = (int(place) for place in np.argwhere(wrong)[0])
        raise InputError(
            path, f"{row.place}pixel ({x}, {y}) of band {BANDS[band]} is not a number ({int(wrong.sum())} in all); leave "
            "the stamp out, or fill what a mask covers",
        )  # fmt: skip
    if not np.abs(counts).max() <= LARGEST / factor:
        raise InputError(
            path, f"{row.place}{np.abs(counts).max():.3g} counts in a pixel are more than {LARGEST:g} nanomaggies; is "
            "lens_shortcuts.prepare.zero_point right?",
        )  # fmt: skip
    return counts * factor
