"""Photographs and drawings as arrays of red, green and blue: any file that Pillow reads, PNG without loss to write."""

import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from storage.files.atomic import complete
from storage.files.inputs import InputError, first_line

Picture = NDArray[np.uint8]

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")  # by their content, whatever the suffix says
MOST_PIXELS = 50_000_000
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    EOFError,
    RuntimeError,
    AssertionError,
    MemoryError,
    struct.error,
    zlib.error,
)  # fmt: skip - what Pillow raises of damaged files
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
ORIENTATION = 0x0112  # the EXIF tag that says how a camera was held


def write_picture(path: Path, picture: Picture) -> None:
    """picture: (height, width, 3). The same bytes for the same pixels."""
    with complete(path) as partial:
        Image.fromarray(picture, "RGB").save(partial, format="PNG", optimize=False, compress_level=9)


def read_picture(path: Path) -> Picture:
    """(height, width, 3), turned as its EXIF says; transparency is left out, grey becomes three equal channels."""
    with _opened(path) as image:
        if image.mode.startswith(("I", "F")):
            raise InputError(path, f"has pixels of mode {image.mode}; export it with 8 bits a channel")
        ImageOps.exif_transpose(image, in_place=True)
        return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) as `read_picture` will give it, from the file's head alone."""
    with _opened(path) as image:
        width, height = image.size
        if image.format == "TIFF":  # Pillow gives its size as turned
            return width, height
        # A PNG's own getexif would read on to the file's end.
        exif = Image.Image.getexif(image) if image.format == "PNG" else image.getexif()
        return (height, width) if exif.get(ORIENTATION, 1) >= 5 else (width, height)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """InputError for what cannot be read in here, and for a size that no picture of `MOST_PIXELS` has."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow can repair, and sizes, which are judged here
            with Image.open(path, formats=FORMATS) as image:
                width, height = image.size
                if width * height > MOST_PIXELS:
                    raise InputError(
                        path,
                        f"says that it is {width} x {height} pixels; at most {MOST_PIXELS:,} are read: cut it up, or make "
                        "it smaller, and its boxes with it",
                    )
                yield image
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(path, "no such image") from None
    except Image.DecompressionBombError:
        raise InputError(
            path, f"says that it is of far more than {MOST_PIXELS:,} pixels; export it again"
        ) from None
    except DAMAGE as error:
        raise InputError(
            path, f"not an image that can be read: {first_line(error)}; export it again"
        ) from None


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
