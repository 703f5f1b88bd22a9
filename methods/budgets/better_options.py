"""Options that could not be chosen, and that rows which chose nothing show to be better than the chosen one."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.budgets.choice import Decisions, Resampling
from methods.budgets.evaluation import Bools, budget_bounds
from methods.statistics.intervals import percentile_interval
from methods.statistics.joint_bootstrap import group_sums, joint_bootstrap

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BetterRecall:
    """gain: of an option's recall over the chosen one's, with the ends of its interval."""

    option: int
    gain: float
    low: float
    high: float


def better_for_label(
    rows: Decisions, label: int, chosen: Bools, others: Bools, budget: float, resampling: Resampling
) -> list[BetterRecall]:
    """Of the options `others` (options,), those whose false-positive rate on the label is shown to be within the budget
    and whose recall is shown to be above that of what was chosen, which fired on `chosen` (rows,).

    resampling.level holds for all of `others` at once (Bonferroni).
    """
    positive, fired = rows.positive[:, label], rows.fired[:, :, label]
    return _better(
        (fired[:, positive], chosen[positive], rows.group[positive]),
        (fired[:, ~positive], rows.group[~positive]),
        others,
        budget,
        resampling,
    )


def better_whole(
    rows: Decisions, which: Bools, chosen: Bools, others: Bools, budget: float, resampling: Resampling
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
        resampling,
    )


def _better(
    positives: tuple[Bools, Bools, NDArray[np.int64]],
    negatives: tuple[Bools, NDArray[np.int64]],
    others: Bools,
    budget: float,
    resampling: Resampling,
) -> list[BetterRecall]:
    """positives: (options, n) caught, (n,) caught by what was chosen, groups. negatives: (options, m) fired, groups."""
    caught, before, groups = positives
    if not others.any() or not len(groups):
        return []
    level = 1 - (1 - resampling.level) / int(others.sum())
    within = [
        option for option in np.flatnonzero(others).tolist() if _holds(option, negatives, budget, level)
    ]
    return list(_gains(within, caught, before, groups, level, resampling)) if within else []


def _holds(option: int, negatives: tuple[Bools, NDArray[np.int64]], budget: float, level: float) -> bool:
    fired, groups = negatives
    return budget_bounds(fired[option], groups, budget, level)[1] <= budget


def _gains(
    within: list[int],
    caught: Bools,
    before: Bools,
    groups: NDArray[np.int64],
    level: float,
    resampling: Resampling,
) -> Iterable[BetterRecall]:
    gains = caught[within].astype(float) - before
    sums = group_sums(np.concatenate([gains, np.ones_like(gains[:1])]).T, groups)
    draws = joint_bootstrap(sums, _means, resampling.resamples, resampling.seed)
    lows, highs = percentile_interval(draws, level)
    for option, gain, low, high in zip(within, gains.mean(axis=1), lows, highs, strict=True):
        if low > 0:
            yield BetterRecall(option, float(gain), float(low), float(high))


def _means(sums: Floats) -> Floats:
    return np.asarray(sums[:, :-1] / sums[:, -1:])
