"""Which way the thresholds of all labels go down together, until together they have spent the budget."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.budgets.thresholds import AnyLabelThreshold, any_label_threshold

Scores = NDArray[np.floating[Any]]

STEPS = 20  # between two neighbouring scores of the sample that shapes the path


def smooth_path(scores: Scores) -> Scores:
    """(steps, labels) from scores (m, labels) in [0, 1] of clean rows: from 1 down each label's scores from the highest to
    the lowest, `STEPS` steps from one to the next, so that the rows that test it stop it where the budget ends and not
    where the next score of the sample happens to be."""
    falling = -np.sort(-np.asarray(scores), axis=0)
    knots = np.concatenate([np.ones_like(falling[:1]), falling])
    at = np.linspace(0, len(knots) - 1, (len(knots) - 1) * STEPS + 1)
    return np.stack([np.interp(at, np.arange(len(knots)), column) for column in knots.T], axis=1).astype(
        falling.dtype
    )


def halved_any_label_threshold(clean: Scores, alpha: float, delta: float) -> AnyLabelThreshold:
    """P(P(any label fires on a clean row) > alpha) <= delta. clean (n, labels), by time: every second row shapes the path,
    the others test it. ValueError below two rows."""
    if len(clean) < 2:
        raise ValueError(
            f"expected at least two clean rows, one for the path and one to test it, got {len(clean)}"
        )
    return any_label_threshold(smooth_path(clean[::2]), clean[1::2], alpha, delta)


def outside_any_label_threshold(
    outside: Scores, clean: Scores, alpha: float, delta: float
) -> AnyLabelThreshold:
    """The same, but other rows shape the path: outside (m, labels), of training or of a pool, no row of which is in `clean`
    (n, labels), which all test it. The promise holds whatever rows they are; how much recall is left depends on whether
    their labels' scores stand to each other as those of clean rows do. ValueError without a row of either."""
    if not len(outside) or not len(clean):
        raise ValueError(
            f"expected rows that shape the path and rows that test it, got {len(outside)} and {len(clean)}"
        )
    return any_label_threshold(smooth_path(outside), clean, alpha, delta)
