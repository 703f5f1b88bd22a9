"""By which convention four numbers are boxes, where nobody has said it yet."""

from storage.detections.conventions import (
    CONVENTIONS,
    LEAST_SIDE,
    NORMALISED,
    SHARES,
    TOLERANCE,
    Convention,
    Floats,
    corners,
)


def best_convention(boxes: Floats, sizes: Floats) -> Convention:
    """The one by which most boxes lie within their images; of equal ones the first, COCO's own."""
    if not len(boxes):
        return CONVENTIONS[0]
    fractions = bool((boxes % 1 != 0).any())
    shares = fractions and float(abs(boxes).max()) <= NORMALISED and float(sizes.min()) >= LEAST_SIDE
    candidates = [each for each in CONVENTIONS if each.endswith(SHARES) == shares]
    return max(candidates, key=lambda each: _share_within(boxes, sizes, each))


def _share_within(boxes: Floats, sizes: Floats, convention: Convention) -> float:
    at = corners(boxes, sizes, convention)
    slack = TOLERANCE * sizes
    within = (at[:, :2] >= -slack) & (at[:, 2:] <= sizes + slack) & (at[:, 2:] > at[:, :2])
    return float(within.all(axis=1).mean())
