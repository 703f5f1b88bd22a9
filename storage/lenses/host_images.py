"""Real stamps of galaxies as hosts: (n, 3, s, s) in nanomaggies, cut to the stamp's size and turned when read."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.files.atomic import complete
from storage.files.inputs import InputError
from storage.lenses.stamps import BANDS, SIZE

ZERO_POINT = 22.5  # AB magnitude of one nanomaggy
TURNS = 8  # four quarter turns, each as it is and mirrored


def read_host_images(path: Path, array: str, zero_point: float) -> NDArray[np.float32]:
    """(n, 3, s, s) in nanomaggies, from npz (its `array`) or npy with counts of that zero point; s odd, 63 or more."""
    images = _array(path, array)
    if images.ndim != 4 or images.shape[1] != len(BANDS) or images.shape[2] != images.shape[3]:
        raise InputError(
            path, f"expected n x {len(BANDS)} x s x s (g, r, z), got {images.shape}", field=array
        )
    if images.shape[2] < SIZE or images.shape[2] % 2 == 0:
        raise InputError(
            path, f"hosts of {images.shape[2]} pixels: s has to be odd and {SIZE} or more", field=array
        )
    if not np.isfinite(images).all():
        row = int(np.argwhere(~np.isfinite(images))[0][0])
        raise InputError(
            path, "a pixel is not a number; leave this host out or repair it", row=row, field=array
        )
    return (images * 10 ** (0.4 * (ZERO_POINT - zero_point))).astype(np.float32)


def write_host_images(path: Path, images: NDArray[np.float32]) -> None:
    with complete(path) as partial, partial.open("wb") as file:
        np.save(file, images)


def read_stored_images(path: Path) -> NDArray[np.float32]:
    """What `write_host_images` wrote, or a user's npy in nanomaggies: (n, 3, s, s), memory-mapped."""
    if not path.exists():
        raise InputError(path, "no such file; lens_shortcuts.prepare.hosts names it")
    images: NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    if (
        images.ndim != 4
        or images.shape[1] != len(BANDS)
        or images.shape[2] < SIZE
        or images.shape[2] % 2 == 0
    ):
        raise InputError(
            path, f"expected n x {len(BANDS)} x s x s with odd s of {SIZE} or more, got {images.shape}"
        )
    return images


def turned(images: NDArray[np.floating[Any]], turn: int) -> NDArray[np.floating[Any]]:
    """The last two axes turned by turn % 4 quarters, mirrored first for 4 and more."""
    mirrored = images[..., ::-1] if turn >= TURNS // 2 else images
    return np.rot90(mirrored, turn % 4, axes=(-2, -1))


def middle(images: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """The middle SIZE x SIZE pixels."""
    first = (images.shape[-1] - SIZE) // 2
    return images[..., first : first + SIZE, first : first + SIZE]


def _array(path: Path, array: str) -> NDArray[Any]:
    try:
        stored = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise InputError(path, "no such file; params.yaml names it") from None
    except (ValueError, OSError) as error:
        raise InputError(path, f"not an npy or npz file: {error}") from None
    if isinstance(stored, np.ndarray):
        return stored
    with stored:
        if array not in stored.files:
            raise InputError(path, f"has no array {array!r}; it has {', '.join(stored.files)}")
        return np.asarray(stored[array])
