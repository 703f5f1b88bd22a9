"""Build the calibration set of a recipe from what was known at one moment, without leaks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from methods.splits.row_splits import Fold

Bools = NDArray[np.bool_]
Index = NDArray[np.int64]
FORWARD_CHAINED = "forward_chained"
UNKNOWN_TIME = np.iinfo(np.int64).min


class PoolSource(Protocol):
    """Rows of one pool that join the set: all, its clean ones, or per label the `top` clean ones by score."""

    @property
    def pool(self) -> str: ...
    @property
    def rows(self) -> Literal["all", "clean", "mined"]: ...
    @property
    def top(self) -> int | None: ...


@dataclass(frozen=True)
class TimelineRows:
    """All rows of the data. pool (rows,) str; position on the ordered axis or -1; group of exact duplicates;
    time (rows,) int64, UNKNOWN_TIME where there is none; positive (rows, labels)."""

    pool: NDArray[np.str_]
    position: Index
    group: Index
    time: Index
    positive: Bools


@dataclass(frozen=True)
class ScoreCache:
    """scores (snapshots, rows, labels), NaN where a label has no model; seen (snapshots, rows): the snapshot was
    fitted on that text; chain (rows,): the snapshot that scores a training row from before its time, or -1."""

    scores: NDArray[np.floating[Any]]
    seen: Bools
    chain: Index


@dataclass(frozen=True)
class Moment:
    """What may be used at one moment, row-aligned: `row` points into all rows, `pool` is what recipes name."""

    row: Index
    pool: NDArray[np.str_]
    scores: NDArray[np.floating[Any]]
    positive: Bools
    group: Index
    time: Index
    in_sample: Bools

    def __getitem__(self, chosen: Index | Bools) -> "Moment":
        return Moment(*(array[chosen] for array in self.__dict__.values()))

    @property
    def clean(self) -> Bools:
        return np.asarray(~self.positive.any(axis=1))


@dataclass(frozen=True)
class SourceCount:
    """What became of the rows that a source offered."""

    pool: str
    rows: str
    offered: int
    dropped_overlap: int
    dropped_evaluation: int
    dropped_in_sample: int
    kept: int
    kept_in_sample: int


@dataclass(frozen=True)
class MinedRows:
    """The top-scored clean rows of a pool of `population` clean rows, for one label."""

    rows: Moment
    population: int


@dataclass(frozen=True)
class CalibrationSet:
    """`rows` serve every label; `mined` (one entry a label, or empty) joins the negatives of its label."""

    rows: Moment
    mined: tuple[MinedRows, ...]
    counts: tuple[SourceCount, ...]


def moment_of(rows: TimelineRows, cache: ScoreCache, fold: Fold) -> tuple[Moment, Moment]:
    """(what may calibrate, what evaluates) at a fold: the calibration slice, earlier training rows (with the
    snapshot's own and with forward-chained scores) and pool rows from before the evaluation slice. A row whose
    text was trained or tuned on does not evaluate."""
    inside = [
        (rows.position >= start) & (rows.position < stop)
        for start, stop in (fold.calibration, fold.evaluation)
    ]
    before = (rows.position >= 0) & (rows.position < fold.calibration[0])
    start = rows.time[inside[1]].min()
    pooled = (rows.position < 0) & ((rows.time < start) | (rows.time == UNKNOWN_TIME))
    chained = before & (cache.chain >= 0)
    known = [
        _moment(rows, cache, inside[0], fold.snapshot, "calib"),
        _moment(rows, cache, before, fold.snapshot, "train"),
        _moment(rows, cache, chained, cache.chain[chained], FORWARD_CHAINED),
        _moment(rows, cache, pooled, fold.snapshot, None),
    ]
    seen_before = np.isin(rows.group, rows.group[inside[0] | before])
    evaluation = _moment(rows, cache, inside[1] & ~seen_before, fold.snapshot, "evaluation")
    return _concatenate(known), evaluation


def assemble(
    moment: Moment, sources: Sequence[PoolSource], evaluation_groups: Index, allow_in_sample: bool
) -> CalibrationSet:
    """The recipe's rows, source by source. A text that an earlier source brought, that evaluates, or (unless
    allowed) that the model was trained on is left out and counted. Repeats within one source stay: they are
    traffic."""
    taken: list[Moment] = []
    mined: tuple[MinedRows, ...] = ()
    counts = []
    for source in sources:
        offered = moment[(moment.pool == source.pool) & ((source.rows == "all") | moment.clean)]
        overlap = np.isin(
            offered.group, np.concatenate([np.empty(0, np.int64), *(rows.group for rows in taken)])
        )
        evaluates = np.isin(offered.group, evaluation_groups) & ~overlap
        trained_on = offered.in_sample & ~overlap & ~evaluates & (not allow_in_sample)
        kept = offered[~(overlap | evaluates | trained_on)]
        if source.rows == "mined":
            mined = tuple(_mine(kept, label, source.top or 0) for label in range(kept.scores.shape[1]))
        else:
            taken.append(kept)
        used = min(len(kept.row), source.top or len(kept.row))
        counts.append(
            SourceCount(
                source.pool, source.rows, len(offered.row), int(overlap.sum()), int(evaluates.sum()),
                int(trained_on.sum()), used, int(kept.in_sample.sum()),
            )
        )  # fmt: skip
    rows = _concatenate(taken) if taken else moment[np.zeros(len(moment.row), bool)]
    return CalibrationSet(rows, mined, tuple(counts))


def no_larger(calibration: CalibrationSet, shipped: CalibrationSet) -> CalibrationSet:
    """The set of a fold with no more negatives of a label than the one that ships: of those that are scored the latest;
    the others count as not scored for that label. A threshold from twice the rows is another, steadier recipe."""
    rows, scores = calibration.rows, calibration.rows.scores.copy()
    for column, most in enumerate(_negatives(shipped.rows).sum(axis=0)):
        own = np.flatnonzero(_negatives(rows)[:, column])
        latest_last = own[np.lexsort((rows.row[own], rows.time[own]))]
        scores[latest_last[: max(len(own) - int(most), 0)], column] = np.nan
    return replace(calibration, rows=replace(rows, scores=scores))


def _negatives(rows: Moment) -> Bools:
    return np.asarray(~rows.positive & ~np.isnan(rows.scores))


def unique_texts(rows: Moment) -> Moment:
    """The first row of each text: a repeat carries no new information, so a guarantee must not count it."""
    return rows[np.unique(rows.group, return_index=True)[1]]


def _mine(clean: Moment, label: int, top: int) -> MinedRows:
    """At least `top` rows: a tie at the edge is kept whole, so that all rows left out score below it."""
    scored = clean[~np.isnan(clean.scores[:, label])]
    scores = scored.scores[:, label]
    order = np.lexsort((scored.row, -scores))
    wanted = order[: np.count_nonzero(scores >= scores[order[top - 1]])] if top < len(order) else order
    return MinedRows(scored[wanted], len(order))


def _moment(
    rows: TimelineRows, cache: ScoreCache, chosen: Bools, snapshot: int | Index, pool: str | None
) -> Moment:
    row = np.flatnonzero(chosen)
    return Moment(
        row,
        rows.pool[row] if pool is None else np.full(len(row), pool),
        cache.scores[snapshot, row],
        rows.positive[row],
        rows.group[row],
        rows.time[row],
        cache.seen[snapshot, row],
    )


def _concatenate(moments: list[Moment]) -> Moment:
    columns: list[Any] = [
        np.concatenate(column) for column in zip(*(m.__dict__.values() for m in moments), strict=True)
    ]
    return Moment(*columns)
