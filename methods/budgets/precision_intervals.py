"""Intervals of a precision: of the rows at hand, and of traffic with another share of clean rows."""

import numpy as np
from numpy.typing import NDArray

from methods.budgets.evaluation import Bools, Rate, precision_at, rate

Index = NDArray[np.int64]


def precision(fired: Bools, positive: Bools, group: Index, level: float) -> Rate:
    """Wilson over the decisions (n,) that fired, at their effective n."""
    return rate(int((fired & positive).sum()), group[fired], level)


def base_rate_precision(
    clean_share: float, fired: Bools, positive: Bools, clean: Bools, group: Index, level: float
) -> Rate:
    """methods.budgets.evaluation.precision_at with a wide interval of at least `level` (all arrays (n,)).

    The precision falls with the clean and the other negative decisions that fire and rises with the positive ones, so
    its ends are at the ends of those three shares, each with a Wilson interval at 1 - (1 - level) / 3 (Bonferroni).
    """
    value = precision_at(clean_share, fired, positive, clean)
    if value is None:
        return Rate(None, None, None)
    labelled, each = ~clean, 1 - (1 - level) / 3
    caught = rate(int((fired & positive)[labelled].sum()), group[labelled], each)
    wrong = rate(int((fired & ~positive)[labelled].sum()), group[labelled], each)
    false = rate(int(fired[clean].sum()), group[clean], each)
    return Rate(
        value,
        _precision(clean_share, caught.low, wrong.high, false.high),
        _precision(clean_share, caught.high, wrong.low, false.low),
    )


def _precision(
    clean_share: float, caught: float | None, wrong: float | None, false: float | None
) -> float | None:
    if caught is None or wrong is None or false is None:
        return None
    right = (1 - clean_share) * caught
    total = right + (1 - clean_share) * wrong + clean_share * false
    return right / total if total else None
