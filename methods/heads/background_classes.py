"""Background as a few classes instead of one: k-means on the train rows, the nearest centre for all others."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from methods.splits.group_holdout import SPLITS


def background_classes(
    values: NDArray[np.float32],
    labels: Sequence[str],
    split: Sequence[str],
    background: str,
    classes: int,
    restarts: int,
    seed: int,
) -> list[str]:
    """The labels (n,) with `background` replaced by `<background>_0` ..., the most frequent cluster of train first.

    Rows are compared by direction, as heads see them after L2 normalisation. Only train rows shape the clusters.
    ValueError where train has fewer different background rows than classes.
    """
    mine = np.asarray(labels) == background
    if not mine.any():
        return list(labels)
    unit = values[mine].astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    train = np.asarray(split)[mine] == SPLITS[0]
    if (there := len(np.unique(unit[train], axis=0))) < classes:
        raise ValueError(
            f"{there} different background rows in train are too few for {classes} classes of them"
        )
    from sklearn.cluster import KMeans  # noqa: PLC0415 - slow to import: only where there is background

    found = KMeans(classes, n_init=restarts, random_state=seed).fit(unit[train])
    cluster = found.predict(unit)
    order = np.argsort(-np.bincount(cluster[train], minlength=classes), kind="stable")
    rank = np.argsort(order)
    renamed = np.asarray(labels, dtype=object)
    renamed[mine] = [f"{background}_{rank[number]}" for number in cluster]
    return [str(label) for label in renamed]
