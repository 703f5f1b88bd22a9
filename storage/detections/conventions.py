"""Four numbers are a box by some convention: to corners in pixels, and is it the convention that was declared?"""

from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from storage.files.inputs import InputError

Convention = Literal["xywh", "xyxy", "cxcywh", "xywh_shares", "xyxy_shares", "cxcywh_shares"]
CONVENTIONS: tuple[Convention, ...] = get_args(Convention)
SHARES = "_shares"  # of the image's width and height; otherwise pixels
FORMULAS = {
    ("xyxy", "xywh"): "[x1, y1, x2 - x1, y2 - y1]",
    ("cxcywh", "xywh"): "[cx - w / 2, cy - h / 2, w, h]",
    ("xywh", "xyxy"): "[x, y, x + w, y + h]",
    ("cxcywh", "xyxy"): "[cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]",
    ("xywh", "cxcywh"): "[x + w / 2, y + h / 2, w, h]",
    ("xyxy", "cxcywh"): "[(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]",
}
TOLERANCE = 0.02  # of an image's side, by which a box may reach beyond it
ENOUGH = 10  # boxes from which on their convention can be told
DOUBTFUL, SURE = 0.8, 0.9  # share of boxes that fit their images: below as declared, above otherwise
NORMALISED = 1.05  # no coordinate above this: shares
LEAST_SIDE = 8  # pixels of an image in which a share is no position

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def corners(boxes: Floats, sizes: Floats, convention: Convention) -> Floats:
    """(n, 4) as x1, y1, x2, y2 in pixels; sizes (n, 2): width and height of each box's image."""
    first, second = boxes[:, :2], boxes[:, 2:]
    match convention.removesuffix(SHARES):
        case "xywh":
            second = first + second
        case "cxcywh":
            first, second = first - second / 2, first + second / 2
    scale = sizes if convention.endswith(SHARES) else np.ones_like(sizes)
    return np.hstack([first * scale, second * scale])


def check_convention(
    path: Path, boxes: Floats, sizes: Floats, declared: Convention, remedy: str = "convert"
) -> None:
    """InputError for a file whose boxes are none as declared, but are by another convention, or in other images.

    Recognised on the whole file: few boxes of it fit their images as declared, and nearly all do otherwise. `remedy`
    may be what to set instead, with the convention in place of {}.
    """
    if not len(boxes):
        return
    fits = {each: float(_fit(boxes, sizes, each).mean()) for each in CONVENTIONS}
    shares = _are_shares(boxes, sizes)
    best = max((each for each in CONVENTIONS if each.endswith(SHARES) == shares), key=fits.__getitem__)
    if shares and not declared.endswith(SHARES):
        raise InputError(
            path,
            f"all coordinates lie in 0 to 1: these are shares of the image, not pixels; {_advice(best, declared, remedy)}",
            field="bbox",
        )
    if len(boxes) < ENOUGH or fits[declared] >= DOUBTFUL:
        return
    if fits[best] >= SURE:
        raise InputError(
            path,
            f"read as {declared}, {round((1 - fits[declared]) * len(boxes))} of {len(boxes)} boxes are empty or reach "
            f"beyond their image; as {best} {round(fits[best] * len(boxes))} fit: {_advice(best, declared, remedy)}",
            field="bbox",
        )
    beyond = int((_is_box(at := corners(boxes, sizes, declared)) & ~_within(at, sizes)).sum())
    if beyond > len(boxes) / 2:
        raise InputError(
            path,
            f"{beyond} of {len(boxes)} boxes reach beyond their image by more than {TOLERANCE:.0%} of its side; they are "
            "of images of another size: scale them, or mend the images' width and height",
            field="bbox",
        )


def _advice(best: Convention, declared: Convention, remedy: str) -> str:
    if "{}" in remedy:
        return remedy.format(best)
    shape, wanted = best.removesuffix(SHARES), declared.removesuffix(SHARES)
    formula = FORMULAS.get((shape, wanted), "them")
    if best.endswith(SHARES) == declared.endswith(SHARES):
        return f"write {formula}"
    by = "times" if best.endswith(SHARES) else "divided by"
    return f"write {formula} {by} the image's width and height"


def _are_shares(boxes: Floats, sizes: Floats) -> bool:
    fractions = bool((boxes % 1 != 0).any())
    return fractions and float(np.abs(boxes).max()) <= NORMALISED and float(sizes.min()) >= LEAST_SIDE


def _fit(boxes: Floats, sizes: Floats, convention: Convention) -> Bools:
    at = corners(boxes, sizes, convention)
    return _is_box(at) & _within(at, sizes)


def _is_box(at: Floats) -> Bools:
    return np.asarray((at[:, 2:] > at[:, :2]).all(axis=1))


def _within(at: Floats, sizes: Floats) -> Bools:
    slack = np.maximum(TOLERANCE * sizes, 1.0)
    return np.asarray(((at[:, :2] >= -slack) & (at[:, 2:] <= sizes + slack)).all(axis=1))
