"""Which rows train, tune and report: by time, by group, at random, and forward along a time axis."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from methods.statistics.streams import seeded

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Sizes:
    """Rows of one ordered axis: the first `train`, then `calibration`, then `holdout`."""

    train: int
    calibration: int
    holdout: int

    @property
    def before_holdout(self) -> int:
        return self.train + self.calibration

    @property
    def names(self) -> list[str]:
        return ["train"] * self.train + ["calib"] * self.calibration + ["holdout"] * self.holdout


@dataclass(frozen=True)
class Fold:
    """Half-open slices of the ordered axis; `snapshot` is the model fitted on the rows before its origin."""

    snapshot: int
    calibration: tuple[int, int]
    evaluation: tuple[int, int]


def split_sizes(rows: int, calibration: float, holdout: float) -> Sizes:
    """Shares as whole rows, rounded down; ValueError where a slice would be empty."""
    tuned, reported = int(rows * calibration + 1e-9), int(rows * holdout + 1e-9)
    if not tuned or not reported:
        raise ValueError(
            f"{rows} rows are too few for a calibration share of {calibration} and a holdout share of {holdout}"
        )
    return Sizes(rows - tuned - reported, tuned, reported)


def time_order(times: ArrayLike, ids: ArrayLike) -> Index:
    """Row numbers sorted by (time, id): the id decides between rows of the same moment."""
    return np.lexsort((np.asarray(ids), np.asarray(times)))


def random_order(rows: int, seed: int) -> Index:
    return seeded(seed).permutation(rows)


def group_split(groups: ArrayLike, share: float, seed: int) -> NDArray[np.bool_]:
    """True for the rows of a random `share` of the groups (rounded, at least one and not all)."""
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2:
        raise ValueError("a split by group needs at least two groups")
    wanted = min(max(round(len(names) * share), 1), len(names) - 1)
    taken = np.zeros(len(names), bool)
    taken[random_order(len(names), seed)[:wanted]] = True
    return taken[member]


def chain_origins(train: int, step: int, count: int) -> Index:
    """Where the model is fitted anew: `count` origins, `step` rows apart, the last one at the end of train.

    ValueError where the first origin would have no row before it.
    """
    origins = train - step * np.arange(count)[::-1]
    if origins[0] <= 0:
        raise ValueError(
            f"{count} origins that lie {step} rows apart need more than {step * (count - 1)} training rows, "
            f"there are {train}; use fewer origins or a smaller calibration share"
        )
    return origins


def forward_chain(positions: ArrayLike, origins: ArrayLike, end: int) -> Index:
    """The snapshot that scores a row without having seen its present or future, -1 where there is none.

    positions: place on the ordered axis (negative: not on it); rows from `end` on are not part of the chain.
    """
    place = np.asarray(positions)
    snapshot = np.searchsorted(np.asarray(origins), place, side="right") - 1
    return np.where((place >= 0) & (place < end), snapshot, -1)


def like_the_last(chain: ArrayLike, origins: ArrayLike, snapshot: int, share: float) -> Index:
    """chain of `forward_chain` without the snapshots that were fitted on less than `share` of the rows of `snapshot`: -1
    for their rows."""
    models, fitted_on = np.asarray(chain), np.asarray(origins)
    large = (models >= 0) & (fitted_on[models] >= share * fitted_on[snapshot])
    return np.where(large, models, -1)


def rolling_folds(origins: ArrayLike, sizes: Sizes, count: int) -> list[Fold]:
    """Rolling-origin folds that end before the holdout: fit before the origin, tune on the calibration-sized
    slice after it, evaluate on the slice after that; the latest `count`."""
    step = sizes.calibration
    folds = [
        Fold(snapshot, (int(origin), int(origin) + step), (int(origin) + step, int(origin) + 2 * step))
        for snapshot, origin in enumerate(np.asarray(origins))
        if origin + 2 * step <= sizes.before_holdout
    ]
    if len(folds) < count:
        raise ValueError(f"{count} folds need {count + 1} origins, there are {len(np.asarray(origins))}")
    return folds[-count:]


def expanding_folds(sizes: Sizes, count: int) -> list[Fold]:
    """Folds inside the calibration slice, for scores of one model that is not fitted again: tune on what
    came before, evaluate on the next block."""
    edges = np.linspace(sizes.train, sizes.before_holdout, count + 2).astype(int)
    if np.any(np.diff(edges) == 0):
        raise ValueError(f"{sizes.calibration} calibration rows are too few for {count} folds")
    return [
        Fold(0, (sizes.train, int(start)), (int(start), int(stop))) for start, stop in pairwise(edges[1:])
    ]


def final_fold(sizes: Sizes, snapshots: int) -> Fold:
    """The one that reports: the last model, the calibration slice, and the holdout."""
    end = sizes.before_holdout
    return Fold(snapshots - 1, (sizes.train, end), (end, end + sizes.holdout))
