"""Options that could not be chosen, and that rows which chose nothing show to be better than the chosen one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.budgets.choice import Decisions
from methods.budgets.evaluation import Bools, budget_bounds
from methods.statistics.group_intervals import group_mean_interval


@dataclass(frozen=True)
class BetterRecall:
    """gain: of an option's recall over the chosen one's, with the ends of its interval."""

    option: int
    gain: float
    low: float
    high: float


def better_for_label(
    rows: Decisions, label: int, chosen: Bools, others: Bools, budget: float, level: float
) -> list[BetterRecall]:
    """Of the options `others` (options,), those whose false-positive rate on the label is shown to be within the budget
    and whose recall is shown to be above that of what was chosen, which fired on `chosen` (rows,).

    level holds for all of `others` at once (Bonferroni). Gains are judged by Student's and Hall's t of groups: where few rows
    differ, all of them one way, percentiles of a bootstrap leave 0 out too readily (bench/better_options.py).
    """
    positive, fired = rows.positive[:, label], rows.fired[:, :, label]
    return _better(
        (fired[:, positive], chosen[positive], rows.group[positive]),
        (fired[:, ~positive], rows.group[~positive]),
        others,
        budget,
        level,
    )


def better_whole(
    rows: Decisions, which: Bools, chosen: Bools, others: Bools, budget: float, level: float
) -> list[BetterRecall]:
    """As for one label, with the recall pooled over the labels `which` (labels,) and the rate of clean rows on which any
    label fires; chosen (rows, labels)."""
    clean = ~rows.positive.any(axis=1)
    row, label = np.nonzero(rows.positive & which)
    return _better(
        (rows.fired[:, row, label], chosen[row, label], rows.group[row]),
        (np.asarray(rows.fired[:, clean].any(axis=2)), rows.group[clean]),
        others,
        budget,
        level,
    )


def _better(
    positives: tuple[Bools, Bools, NDArray[np.int64]],
    negatives: tuple[Bools, NDArray[np.int64]],
    others: Bools,
    budget: float,
    level: float,
) -> list[BetterRecall]:
    """positives: (options, n) caught, (n,) caught by what was chosen, groups. negatives: (options, m) fired, groups."""
    caught, before, groups = positives
    fired, of = negatives
    if not others.any() or not len(groups):
        return []
    each = 1 - (1 - level) / int(others.sum())
    found = []
    for option in np.flatnonzero(others).tolist():
        if budget_bounds(fired[option], of, budget, each)[1] > budget:
            continue
        gain = group_mean_interval(caught[option].astype(float) - before, groups, each)
        if gain.low is not None and gain.high is not None and gain.low > 0:
            found.append(BetterRecall(option, gain.value, gain.low, gain.high))
    return found
