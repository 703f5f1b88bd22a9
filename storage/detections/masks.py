"""The box around a COCO segmentation: polygons, or a run-length mask."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_SIDE = 1_000_000  # pixels of a mask
DIGITS = 12  # six-bit characters of one run: 60 bits


def segmentation_box(segmentation: Any) -> list[float] | None:
    """x, y, width, height; None for what is neither polygons nor a mask, is empty, or covers more than its size."""
    try:
        return _polygon_box(segmentation) if isinstance(segmentation, list) else _mask_box(segmentation)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError):
        return None


def _polygon_box(parts: list[Any]) -> list[float] | None:
    if not all(type(number) in (int, float) for part in parts for number in part):
        return None
    points = np.concatenate([np.reshape(np.asarray(part, np.float64), (-1, 2)) for part in parts])
    if not np.isfinite(points).all():
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    return [*low.tolist(), *(high - low).tolist()]


def _mask_box(mask: Any) -> list[float] | None:
    """Runs go down the columns, background first."""
    (height, width), counts = mask["size"], mask["counts"]
    if any(type(side) is not int or not 0 < side <= LARGEST_SIDE for side in (height, width)):
        return None
    runs = np.array(_run_lengths(counts) if isinstance(counts, str) else counts)
    if runs.ndim != 1 or runs.dtype.kind not in "iu" or (runs < 0).any() or (runs > height * width).any():
        return None
    edges = np.cumsum(runs, dtype=np.int64)
    if not len(edges) or edges[-1] > height * width:
        return None
    starts, stops = edges[0:-1:2], edges[1::2]
    starts, stops = starts[stops > starts], stops[stops > starts]
    if not len(starts):
        return None
    first, last = starts // height, (stops - 1) // height
    goes_on = (last > first).any()  # into the next column, so it touches the lower and the upper border
    top = 0 if goes_on else int((starts % height).min())
    bottom = height - 1 if goes_on else int(((stops - 1) % height).max())
    left = int(first.min())
    return [float(left), float(top), float(int(last.max()) - left + 1), float(bottom - top + 1)]


def _run_lengths(text: str) -> NDArray[np.int64]:
    """COCO's compressed counts: six-bit characters, low bits first, each beyond the third added to the last but one."""
    counts: list[int] = []
    value = digits = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or digits == DIGITS:
            raise ValueError
        value |= (bits & 31) << 5 * digits
        digits += 1
        if not bits & 32:
            if bits & 16:
                value -= 1 << 5 * digits
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = digits = 0
    return np.array(counts, np.int64)
