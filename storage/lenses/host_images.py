"""Real stamps of galaxies as hosts: (n, 3, s, s) in nanomaggies, cut to the stamp's size and turned when read."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.files.arrays import array_names, read_foreign_array, read_foreign_arrays
from storage.files.atomic import complete
from storage.files.content import copies, row_digests
from storage.files.inputs import InputError, shown
from storage.lenses.pixel_layout import bands_last, check_fluxes, first_bands
from storage.lenses.stamps import SIZE

ZERO_POINT = 22.5  # AB magnitude of one nanomaggy
TURNS = 8  # four quarter turns, each as it is and mirrored


def read_host_images(path: Path, array: str, zero_point: float) -> NDArray[np.float32]:
    """(n, 3, s, s) in nanomaggies, from npz (its `array`) or npy with counts of that zero point; s odd, 63 or more.

    InputError where two show one galaxy: dealt to two splits, it would be learnt and tested.
    """
    images = _as_hosts(path, _array(path, array))
    for number, image in enumerate(images):
        if not np.isfinite(image).all():
            raise InputError(
                path,
                f"a pixel of picture {number}, counted from 0, is not a number; leave it out or repair it",
                field=array,
            )
    if same := copies([picture_digest(middle(image)) for image in images]):
        named = "; ".join(" and ".join(map(str, each[:3])) for each in same[:3])
        raise InputError(
            path, f"{len(same)} pictures stand there more than once, turned or not ({named}, counted from 0); keep one of "
            "each", field=array,
        )  # fmt: skip
    return (images * 10 ** (0.4 * (ZERO_POINT - zero_point))).astype(np.float32)


def write_host_images(path: Path, images: NDArray[np.float32]) -> None:
    with complete(path) as partial, partial.open("wb") as file:
        np.save(file, images)


def read_stored_images(path: Path) -> NDArray[Any]:
    """What `write_host_images` wrote, or a user's npy in nanomaggies: (n, 3, s, s)."""
    return _as_hosts(path, read_foreign_array(path, mapped=True))


def picture_digest(picture: NDArray[np.floating[Any]]) -> str:
    """Of (bands, s, s): the same for its eight turns."""
    return min(row_digests(np.stack([turned(picture, turn) for turn in range(TURNS)]))).hex()


def turned(images: NDArray[np.floating[Any]], turn: int) -> NDArray[np.floating[Any]]:
    """The last two axes turned by turn % 4 quarters, mirrored first for 4 and more."""
    mirrored = images[..., ::-1] if turn >= TURNS // 2 else images
    return np.rot90(mirrored, turn % 4, axes=(-2, -1))


def middle(images: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """The middle SIZE x SIZE pixels."""
    first = (images.shape[-1] - SIZE) // 2
    return images[..., first : first + SIZE, first : first + SIZE]


def _as_hosts(path: Path, images: NDArray[Any]) -> NDArray[Any]:
    if images.ndim != 4 or not len(images):
        raise InputError(path, f"expected n x 3 x s x s (g, r, z), got {' x '.join(map(str, images.shape))}")
    check_fluxes(path, images.dtype)
    return first_bands(images, bands_last(path, images.shape))


def _array(path: Path, array: str) -> NDArray[Any]:
    if path.suffix == ".npy":
        return read_foreign_array(path, mapped=True)
    arrays = read_foreign_arrays(path, [array])
    if array not in arrays:
        have = ", ".join(shown(name)[1:-1] for name in array_names(path)[:8])
        raise InputError(path, f"has no array {shown(array)}; it has {have}")
    return arrays[array]
