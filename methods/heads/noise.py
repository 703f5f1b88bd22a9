"""Which differences between runs are more than noise: paired, over the same test groups, with seeds as noise too.

Runs of a sweep share one test set, so its groups are drawn again for all of them at once: treating runs as
independent would count the same rows as often as there are runs.
"""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from methods.heads.metrics import rates
from methods.statistics.streams import seeded

Floats = NDArray[np.float64]
Index = NDArray[np.int64]

_BLOCK = 1 << 22  # counts, drawn or of runs, held at once: a few arrays of 32 MiB

Unit = tuple[Hashable, Hashable]


def group_counts(predicted: Index, labels: Index, groups: ArrayLike, foreground: int) -> Index:
    """(groups, foreground, 3): true positives, false positives and false negatives, groups in sorted order."""
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    found = np.zeros((len(names), foreground, 3), np.int64)
    hit = predicted == labels
    for column, which, rows in ((0, labels, hit), (1, predicted, ~hit), (2, labels, ~hit)):
        counted = rows & (which < foreground)
        np.add.at(found[:, :, column], (group[counted], which[counted]), 1)
    return found


def macro_f1(counts: NDArray[Any]) -> Floats:
    """(...,) from counts (..., foreground, 3): the mean over classes that have a row."""
    f1 = rates(counts)[2]
    present = np.asarray(counts[..., 0] + counts[..., 2]) > 0
    return np.asarray((f1 * present).sum(-1) / np.maximum(present.sum(-1), 1))


def macro_f1_draws(counts: Index, resamples: int, seed: int) -> Floats:
    """(runs, resamples) of `macro_f1`, the same groups drawn for every run; counts (runs, groups, foreground, 3)."""
    runs, groups = counts.shape[:2]
    cells = counts.shape[2] * 3
    found, end = np.empty((runs, resamples)), 0
    for weights in _weight_blocks(groups, resamples, seed):
        first, end = end, end + len(weights)
        step = max(1, _BLOCK // (max(len(weights), groups) * cells))
        for start in range(0, runs, step):
            block = counts[start : start + step].astype(np.float64)
            sums = np.einsum("rg,ngc->nrc", weights, block.reshape(len(block), groups, cells), optimize=True)
            found[start : start + step, first:end] = macro_f1(sums.reshape(len(block), len(weights), -1, 3))
    return found


def group_weights(groups: int, resamples: int, seed: int) -> Floats:
    """(resamples, groups): how often each group is drawn."""
    return np.concatenate(list(_weight_blocks(groups, resamples, seed)))


def _weight_blocks(groups: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Blocks (rows, groups) of `group_weights`."""
    rng, rows = seeded(seed), max(1, _BLOCK // groups)
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        yield rng.multinomial(groups, np.full(groups, 1 / groups), size=size).astype(np.float64)


def clustered_error(
    values: ArrayLike, cells: Sequence[Hashable], units: Sequence[Unit]
) -> tuple[float, int] | None:
    """Standard error of the mean of `values` from their spread within cells, and its degrees of freedom; None where
    each cell has one value.

    Residuals add up within a cluster before they are squared: runs of one encoder, size and seed see the same batches
    from the same first weights, so they are no independent evidence of what a seed does. With a cluster per value this
    is the pooled standard error. Cells of one value take the others' spread.
    """
    value, member = np.asarray(values, np.float64), _numbered(cells)
    size = np.bincount(member)[member]
    repeated = np.flatnonzero(size > 1)
    if not len(repeated):
        return None
    mean = np.bincount(member, value)[member] / size
    residual = ((value - mean) * np.sqrt(size / np.maximum(size - 1, 1)))[repeated]
    cluster = _clusters([units[i] for i in repeated.tolist()])
    sums = np.bincount(cluster, residual)
    freedom = len(sums) - _components(_numbered(member[repeated].tolist()), cluster)
    if freedom == 0:  # every cell within one cluster: nothing repeats
        return None
    share = len(value) / len(repeated)
    return float(np.sqrt(sums @ sums * share) / len(value)), freedom


def seed_spread(values: ArrayLike, cells: Sequence[Hashable]) -> float | None:
    """Standard deviation of one run about its cell's mean, pooled over cells; None where each cell has one run."""
    value, member = np.asarray(values, np.float64), _numbered(cells)
    size = np.bincount(member)
    if (freedom := int((size - 1).sum())) == 0:
        return None
    residual = value - (np.bincount(member, value) / size)[member]
    return float(np.sqrt(residual @ residual / freedom))


def _numbered(names: Sequence[Hashable]) -> Index:
    number = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return np.array([number[name] for name in names], np.int64)


def _clusters(units: Sequence[Unit]) -> Index:
    """(pairs,) the cluster of each pair: units that a pair joins are in one."""
    number = _numbered([unit for pair in units for unit in pair])
    return _numbered(_joined(number[::2], number[1::2])[number[::2]].tolist())


def _components(cells: Index, clusters: Index) -> int:
    """Of cells and clusters that meet in a pair: within each the clusters' sums add up to 0."""
    return len(np.unique(_joined(cells, clusters + cells.max() + 1)))


def _joined(one: Index, other: Index) -> Index:
    """(nodes,) component of each node of the graph with the edges one[i] - other[i]."""
    nodes = int(max(one.max(), other.max())) + 1
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(nodes, nodes))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def holm(p: ArrayLike) -> Floats:
    """(m,) p-values adjusted for m comparisons (Holm 1979); NaN stays out of the count."""
    values = np.asarray(p, np.float64)
    adjusted = np.full(values.shape, np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    steps = np.arange(len(order), 0, -1) * values[order]
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
