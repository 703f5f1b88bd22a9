"""Some whole images at a time: nothing that is told of a box in one image depends on another image."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]

ROWS_AT_ONCE = 1 << 16  # what is held of so many boxes is small beside what is told of millions


def image_blocks(image: Index, other: Index, rows: int = ROWS_AT_ONCE) -> Iterator[tuple[Index, Index]]:
    """Rows of `image` and of `other` that lie in the same images, by image, each in its own order: about `rows` of the first,
    and at least one block. Rows of `other` in images that the first lacks are left out."""
    order, other_order = (np.argsort(each, kind="stable") for each in (image, other))
    image, other = image[order], other[other_order]
    starts = np.flatnonzero(np.append(True, image[1:] != image[:-1]))
    _, chosen = np.unique(starts // rows, return_index=True)
    for first, end in pairwise([*starts[chosen].tolist(), len(image)]):
        start, stop = np.searchsorted(other, [image[first], image[end - 1] + 1]) if end else (0, 0)
        yield order[first:end], other_order[start:stop]
