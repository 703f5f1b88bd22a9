"""Rows of a group depend on each other, so a group is one observation: as a share of its own, or with its weight."""

import numpy as np
from numpy.typing import NDArray

from methods.sequential.bets import Floats

Index = NDArray[np.int64]


def group_means(values: Floats, groups: NDArray[np.generic]) -> tuple[Floats, Index]:
    """One value a group, in the order of their first rows, and the position of each one's last row."""
    number, last = _numbered(groups)
    return np.bincount(number, values) / np.bincount(number), last


def ratio_values(bad: Floats, weight: Floats, limit: float, most: float) -> Floats:
    """One value in [0, 1] a group, of which a mean of at most `limit` says that sum(bad) / sum(weight) is at most that.

    limit + (bad - limit weight) / most: a share of sums is no mean of shares, and this is linear in both. 0 <= bad <=
    weight; a group of more weight than `most` counts as one of `most` with the same share.
    """
    scale = np.minimum(1.0, most / np.maximum(weight, 1e-12))
    return np.asarray(np.clip(limit + (bad - limit * weight) * scale / most, 0.0, 1.0))


def group_sums(values: Floats, groups: NDArray[np.generic]) -> tuple[Floats, Index]:
    """As `group_means`."""
    number, last = _numbered(groups)
    return np.asarray(np.bincount(number, values), np.float64), last


def _numbered(groups: NDArray[np.generic]) -> tuple[Index, Index]:
    """Of each row the number of its group by first appearance; of each group the position of its last row."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    place = np.empty(len(first), np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    number = place[inverse.ravel()]
    last = np.zeros(len(first), np.int64)
    np.maximum.at(last, number, np.arange(len(number)))
    return number, last


def paired_wins(
    scores: Floats, positive: NDArray[np.bool_], groups: NDArray[np.generic]
) -> tuple[Floats, Index, int]:
    """Of the i-th group with a positive and the i-th with a negative: how often the positive's score is higher, ties half.

    Groups by first appearance; one with both kinds is a pair of its own. The pairs share no row, so that each is one
    observation, of which the mean is the area under the ROC curve by group. Position of the last row of each pair, and
    how many groups found no partner.
    """
    number, last = _numbered(groups)
    ups = [np.flatnonzero((number == each) & positive) for each in range(len(last))]
    downs = [np.flatnonzero((number == each) & ~positive) for each in range(len(last))]
    own = [(up, down) for up, down in zip(ups, downs, strict=True) if len(up) and len(down)]
    alone_up = [up for up, down in zip(ups, downs, strict=True) if len(up) and not len(down)]
    alone_down = [down for up, down in zip(ups, downs, strict=True) if len(down) and not len(up)]
    pairs = own + list(zip(alone_up, alone_down, strict=False))
    pairs.sort(key=lambda pair: max(pair[0][-1], pair[1][-1]))
    wins = [
        (np.sign(scores[up][:, None] - scores[down]) / 2 + 0.5).mean() for up, down in pairs
    ]  # fmt: skip
    ends = [max(int(up[-1]), int(down[-1])) for up, down in pairs]
    return np.array(wins, np.float64), np.array(ends, np.int64), abs(len(alone_up) - len(alone_down))
