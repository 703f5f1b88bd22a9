"""How sure an AUROC is, or the difference of two, with few positives, near 1, and where rows come in groups."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from methods.statistics.beta_bounds import NO_SPREAD, share_interval
from methods.statistics.grouped_ranking import (
    Groups,
    disjoint_pairs,
    group_variance,
    placement_influence,
    unvarying_difference,
)
from methods.statistics.ranking import AurocInterval, Scores, labelled_scores

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RankedGroups:
    """AUROC with its variance between groups; influence (n,): what each row adds to its error. pairs: groups of the
    rarer class."""

    area: float
    influence: Floats
    variance: float
    pairs: int

    def interval(self, level: float) -> AurocInterval:
        low, high = share_interval(self.area, self.variance, self.pairs, level)
        return AurocInterval(float(low), self.area, float(high))


def ranked_groups(scores: Scores, positive: NDArray[np.bool_], groups: Groups) -> RankedGroups:
    """scores (n,), or (k, n) of k trainings: then the mean AUROC, and the trainings as they are. groups (n,); a group may
    hold rows of both classes. ValueError where a class is missing or a score is not finite."""
    each = [placement_influence(*labelled_scores(row, positive)) for row in np.atleast_2d(scores)]
    area, influence = float(np.mean([a for a, _ in each])), np.mean([i for _, i in each], axis=0)
    if np.shape(groups) != influence.shape:
        raise ValueError(f"expected one group per score, got {np.shape(groups)} and {influence.shape}")
    positives = np.asarray(positive, np.bool_)
    return RankedGroups(area, influence, group_variance(influence, groups), disjoint_pairs(positives, groups))


def auroc_interval(
    scores: Scores, positive: NDArray[np.bool_], groups: Groups, level: float
) -> AurocInterval:
    """Beta bounds (`share_interval`) from the structural components summed by group (Obuchowski 1997, Biometrics 53:567),
    for the groups of the rarer class. As many groups as rows: ungrouped. Always holds the AUROC itself."""
    return ranked_groups(scores, positive, groups).interval(level)


def auroc_difference_interval(
    scores_a: Scores, scores_b: Scores, positive: NDArray[np.bool_], groups: Groups, level: float
) -> tuple[float, float, float]:
    """(low, AUROC of a minus AUROC of b, high) of two scores of the same rows, by group.

    MOVER (Zou and Donner 2008, Statistics in Medicine 27:1693) from the two intervals and the covariance of the two errors.
    Where their difference varies over no group, `unvarying_difference`.
    """
    one, other = (ranked_groups(scores, positive, groups) for scores in (scores_a, scores_b))
    difference = one.area - other.area
    between = group_variance(one.influence - other.influence, groups)
    if between <= NO_SPREAD:
        low, high = unvarying_difference(difference, one.pairs, level)
        return low, difference, high
    both = np.sqrt(one.variance * other.variance)
    covariance = (one.variance + other.variance - between) / 2
    correlation = float(np.clip(covariance / both, -1, 1)) if both > NO_SPREAD else 0.0
    mine, theirs = one.interval(level), other.interval(level)
    ends = mover((mine.low, one.area, mine.high), (theirs.low, other.area, theirs.high), correlation)
    return float(ends[0]), difference, float(ends[1])


def mover(
    one: tuple[ArrayLike, ArrayLike, ArrayLike],
    other: tuple[ArrayLike, ArrayLike, ArrayLike],
    correlation: ArrayLike,
) -> tuple[Floats, Floats]:
    """(low, high) of one minus other from (low, value, high) of each, which keeps the skew of both."""
    (low, value, high), (lower, base, upper) = (map(np.asarray, each) for each in (one, other))
    below, above = (
        _length(value - low, upper - base, correlation),
        _length(high - value, base - lower, correlation),
    )
    return value - base - below, value - base + above


def _length(one: Floats, other: Floats, correlation: ArrayLike) -> Floats:
    squared = one**2 + other**2 - 2 * np.asarray(correlation) * one * other
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))
