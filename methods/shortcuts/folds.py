"""Folds that keep groups whole and hold the classes in the shares of the whole."""

import numpy as np
from numpy.typing import NDArray

from methods.shortcuts.gate_results import FOLDS
from methods.statistics.grouped_ranking import Groups
from methods.statistics.streams import epoch_stream


def grouped_folds(
    labels: NDArray[np.bool_], groups: Groups, seed: int, folds: int = FOLDS
) -> NDArray[np.int64]:
    """(n,) fold of each row: groups kept whole, groups with the same classes dealt out in turn in a drawn order.

    Every fold then has the class balance of the whole to within a group. Otherwise a fold with more positives is
    scored by a model that met fewer, and the AUC over all folds falls below .5.
    """
    y = np.asarray(labels, bool)
    _, member = np.unique(groups, return_inverse=True)
    count = int(member.max()) + 1
    classes = np.stack([np.bincount(member, y == positive, minlength=count) for positive in (True, False)])
    drawn = epoch_stream(seed, "gate folds").permutation(count)
    order = drawn[np.lexsort(classes[:, drawn])]
    fold = np.empty(count, np.int64)
    fold[order] = np.arange(count) % folds
    return fold[member]
