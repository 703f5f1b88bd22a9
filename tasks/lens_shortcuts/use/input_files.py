"""Files of stamps that an exported network scores: an array, one FITS file, or a folder of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from serving.folder import Decider
from serving.stamps import STAMP
from storage.files.arrays import read_foreign_array
from storage.files.inputs import InputError
from storage.files.row_writers import block_writer
from storage.lenses.fits_cubes import read_fits_stamp
from tasks.intake.application import decided

AT_ONCE = 512
FITS = (".fits", ".fit", ".fz")


def _array(decider: Decider, source: Path, target: Path) -> int:
    """Rows are numbered from 1; the pixels stay where they are."""
    pixels = read_foreign_array(source, mapped=True)
    if not pixels.ndim:
        raise InputError(source, "is a single number; expected an array with a row for each stamp")
    with block_writer(target) as writer:
        for start in range(0, max(len(pixels), 1), AT_ONCE):
            part = np.asarray(pixels[start : start + AT_ONCE])
            rows = np.arange(start + 1, start + 1 + len(part))
            writer.write({"row": rows, **decided(decider, source, {STAMP: part}, start + 1)})
    return len(pixels)


def _fits(decider: Decider, source: Path, target: Path) -> int:
    """A row for each file, by name."""
    if not source.exists():
        raise InputError(source, "no such file or folder")
    files = sorted(each for each in source.iterdir() if each.suffix in FITS) if source.is_dir() else [source]
    if not files:
        raise InputError(source, f"holds no FITS file ({', '.join(FITS)})")
    with block_writer(target) as writer:
        for some in _batches(files):
            scores = [_score(decider, path) for path in some]
            columns = {name: np.concatenate([each[name] for each in scores]) for name in scores[0]}
            writer.write({"file": np.array([path.name for path in some]), **columns})
    return len(files)


def _score(decider: Decider, path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(path, "is a folder; expected a FITS file")
    return decided(decider, path, {STAMP: read_fits_stamp(path)[None]}, None)


def _batches(files: list[Path]) -> Iterator[list[Path]]:
    for start in range(0, len(files), AT_ONCE):
        yield files[start : start + AT_ONCE]


FORMATS = {".npy": _array, "": _fits, **dict.fromkeys(FITS, _fits)}
