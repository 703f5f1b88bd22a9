"""A threshold as a decimal of few digits that decides every row as the threshold itself does."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from math import inf, isinf
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXACT = 17  # significant digits that name one 64-bit number


def printed_threshold(threshold: float, scores: NDArray[np.floating[Any]], digits: int) -> str:
    """The shortest of at least `digits` significant digits, nearest first, then above, then below, for which
    score >= decimal is score >= threshold on all `scores` (NaN: none)."""
    if isinf(threshold):
        return str(threshold)
    below = float(scores.max(initial=-inf, where=scores < threshold))
    above = float(scores.min(initial=inf, where=scores >= threshold))
    for precision in range(digits, EXACT):
        for rounding in (ROUND_HALF_EVEN, ROUND_CEILING, ROUND_FLOOR):
            decimal = float(Context(prec=precision, rounding=rounding).create_decimal(Decimal(threshold)))
            if below < decimal <= above:
                return f"{decimal:.{precision}g}"
    return f"{threshold:.{EXACT}g}"
