"""The unit that is dealt to a fold or a half and resampled: a host, or the two hosts of a matched pair."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def matched_groups(hosts: Numbers, pairs: Numbers) -> Numbers:
    """(n,) groups: every host whole, and both hosts of a pair together where neither stands in another pair.

    hosts, pairs (n,); pairs -1 where there is none. The members of a matched pair have a sky in common by construction
    and differ in their class. Dealt to two folds, each is scored by a model that met its sky under the other class, and
    a probe that reads the sky ends below .5 where there is nothing to find (bench/lens_groups.py). A host in several pairs,
    as a picture in several turns, would chain all of them to one group; its pairs join nothing.
    """
    if hosts.shape != pairs.shape:
        raise ValueError(f"expected a pair for every row, got {hosts.shape} hosts and {pairs.shape} pairs")
    _, host = np.unique(hosts, return_inverse=True)
    stands = np.unique(np.stack([host, pairs])[:, pairs >= 0], axis=1)  # each host once in each of its pairs
    times = np.bincount(stands[0], minlength=int(host.max()) + 1)
    chained = stands[1][times[stands[0]] > 1]
    joins = ~np.isin(stands[1], chained)
    group = int(pairs.max()) + 1 + np.arange(len(times))
    group[stands[0][joins]] = stands[1][joins]
    return np.asarray(np.unique(group[host], return_inverse=True)[1], np.int64)
