"""Photographs and drawings as arrays of red, green and blue: any file that Pillow reads, PNG without loss to write."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from storage.files.atomic import complete
from storage.files.inputs import InputError

Picture = NDArray[np.uint8]

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
ORIENTATION = 0x0112  # the EXIF tag that says how a camera was held


def write_picture(path: Path, picture: Picture) -> None:
    """picture: (height, width, 3). The same bytes for the same pixels."""
    with complete(path) as partial:
        Image.fromarray(picture, "RGB").save(partial, format="PNG", optimize=False, compress_level=9)


def read_picture(path: Path) -> Picture:
    """(height, width, 3), turned as its EXIF says; transparency is left out, grey becomes three equal channels."""
    try:
        with Image.open(path) as image:
            if image.mode.startswith(("I", "F")):
                raise InputError(path, f"has pixels of mode {image.mode}; export it with 8 bits a channel")
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except FileNotFoundError:
        raise InputError(path, "no such image") from None
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(path, f"not an image that can be read: {error}; export it again") from None


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) as `read_picture` will give it, from the file's head alone."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            if image.format == "TIFF":  # Pillow gives its size as turned
                return width, height
            # A PNG's own getexif would read on to the file's end.
            exif = Image.Image.getexif(image) if image.format == "PNG" else image.getexif()
            return (height, width) if exif.get(ORIENTATION, 1) >= 5 else (width, height)
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(path, f"not an image that can be read: {error}; export it again") from None


def file_digest(path: Path) -> str:
    """Of the file's bytes: equal for copies."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def picture_files(folder: Path) -> Mapping[str, Path]:
    """Path of each picture in `folder` (and below it) by its relative name; a stem alone names it, too, if it is one's own."""
    if not folder.is_dir():
        raise InputError(folder, "no such folder of images; params.yaml names it")
    found: dict[str, Path] = {}
    by_stem: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            found[path.relative_to(folder).as_posix()] = path
            by_stem.setdefault(path.stem, []).append(path)
    return {stem: paths[0] for stem, paths in by_stem.items() if len(paths) == 1} | found
