"""The one evaluator of scored boxes: accept per class, match again, count per image and class, then rates.

Images and classes are numbered 0, 1, ...; every image of a split counts, also one without boxes or ground truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.special import xlogy

from methods.budgets.thresholds import accepted_counts
from methods.calibration.calibration_error import width_bin
from methods.detection.image_blocks import image_blocks
from methods.detection.matching import match, paired_iou, pairs
from methods.statistics.intervals import cluster_bootstrap

Floats = NDArray[np.float64]
Index = NDArray[np.int64]
Bools = NDArray[np.bool_]
Singles = NDArray[np.float32]

TP, FP, FN = 0, 1, 2
RECALLS = np.arange(101) / 100
STRICTER = np.arange(50, 100, 5) / 100


@dataclass(frozen=True)
class TruthBoxes:
    """images and classes: how many there are, named by rows or not."""

    images: int
    classes: int
    image: Index
    label: Index
    boxes: Floats
    crowd: Bools

    def where(self, chosen: Bools) -> "TruthBoxes":
        """The ground truth of the chosen images, which keep their numbers."""
        return self.at(chosen[self.image])

    def at(self, rows: Bools | Index) -> "TruthBoxes":
        return TruthBoxes(
            self.images, self.classes, self.image[rows], self.label[rows], self.boxes[rows], self.crowd[rows]
        )

    @property
    def per_class(self) -> Index:
        """(classes,): objects to be found; crowds are not."""
        return np.bincount(self.label[~self.crowd], minlength=self.classes)


@dataclass(frozen=True)
class Detections:
    """Boxes of one option, with the score it accepts by."""

    image: Index
    label: Index
    boxes: Floats
    scores: Floats

    def where(self, rows: Bools | Index) -> "Detections":
        return Detections(self.image[rows], self.label[rows], self.boxes[rows], self.scores[rows])

    @staticmethod
    def joined(parts: "Sequence[Detections]") -> "Detections":
        return Detections(
            np.concatenate([part.image for part in parts]),
            np.concatenate([part.label for part in parts]),
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.scores for part in parts]),
        )


@dataclass(frozen=True)
class MatchFlags:
    """Per detection: a true positive, or in a crowd and so neither true nor false."""

    true_positive: Bools
    ignored: Bools

    def where(self, rows: Bools) -> "MatchFlags":
        return MatchFlags(self.true_positive[rows], self.ignored[rows])


@dataclass(frozen=True)
class Rates:
    precision: float
    recall: float
    f1: float


def matched_objects(detections: Detections, truth: TruthBoxes, iou: float) -> Index:
    """The row of the ground truth that each detection takes, -1 where it takes none: COCO's greedy one-to-one matching
    within image and class. Of equal scores the order of rows decides nothing: the box with the lower x1, then y1, x2, y2
    goes first.
    """
    taken = np.full(len(detections.image), -1, np.int64)
    for rows, objects in image_blocks(detections.image, truth.image):
        row = rows[np.lexsort((*detections.boxes[rows].T[::-1], -detections.scores[rows]))]
        gt_row = objects[np.lexsort(truth.boxes[objects].T[::-1])]
        found = match(
            detections.boxes[row],
            detections.scores[row],
            detections.image[row] * truth.classes + detections.label[row],
            truth.boxes[gt_row],
            truth.image[gt_row] * truth.classes + truth.label[gt_row],
            truth.crowd[gt_row],
            iou,
        )
        taken[row[found >= 0]] = gt_row[found[found >= 0]]
    return taken


def match_flags(detections: Detections, truth: TruthBoxes, iou: float) -> MatchFlags:
    """Whoever goes first does not depend on who comes later: these flags are those of matching again after any
    per-class threshold.
    """
    taken = matched_objects(detections, truth, iou)
    crowd = np.append(truth.crowd, False)[taken]
    return MatchFlags((taken >= 0) & ~crowd, crowd)


def accepted(detections: Detections, thresholds: Floats) -> Bools:
    """thresholds (classes,): accept at score >= threshold."""
    return np.asarray(detections.scores >= thresholds[detections.label])


def image_counts(detections: Detections, flags: MatchFlags, thresholds: Floats, truth: TruthBoxes) -> Index:
    """(images, classes, 3): TP, FP, FN of what is accepted; `flags` are those of all detections, and of accepted ones matched
    again without the rest."""
    kept = accepted(detections, thresholds)
    shape = (truth.images, truth.classes)
    cell, gt_cell = detections.image * shape[1] + detections.label, truth.image * shape[1] + truth.label

    def counted(cells: Index) -> Index:
        return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)

    tp = counted(cell[kept & flags.true_positive])
    fp = counted(cell[kept & ~flags.true_positive & ~flags.ignored])
    return np.stack([tp, fp, counted(gt_cell[~truth.crowd]) - tp], axis=2)


def micro(counts: Index) -> Rates:
    """Of all classes together; counts (..., 3). What has no denominator is 0: nothing accepted is no success."""
    tp, fp, fn = counts.reshape(-1, 3).sum(axis=0)
    return _rates(float(tp), float(fp), float(fn))


def macro(counts: Index) -> Rates:
    """Mean over the classes that have ground truth here; counts (images, classes, 3). NaN where none has."""
    per_class = counts.sum(axis=0)
    rates = [_rates(*map(float, row)) for row in per_class if row[TP] + row[FN]]
    if not rates:
        return Rates(np.nan, np.nan, np.nan)
    return Rates(*np.mean([[r.precision, r.recall, r.f1] for r in rates], axis=0).tolist())


def average_precision(
    detections: Detections, truth: TruthBoxes, iou: float, flags: MatchFlags | None = None
) -> float:
    """COCO's AP at one IoU: 101 recalls, mean over classes with ground truth; no cap on boxes per image.

    Of equal scores the lower image goes first, then the box as in `match_flags`: the order of rows decides nothing.
    """
    return _average_precision(
        detections, truth, flags or match_flags(detections, truth, iou), _ranks(detections)
    )


def mean_average_precision(detections: Detections, truth: TruthBoxes) -> float:
    """COCO's AP, the mean over IoUs .50, .55, ..., .95."""
    ranks = _ranks(detections)
    values = [
        _average_precision(detections, truth, match_flags(detections, truth, iou), ranks) for iou in STRICTER
    ]
    return float(np.mean(values))


def _ranks(detections: Detections) -> Index:
    """By class, then from the highest score on."""
    return np.lexsort((*detections.boxes.T[::-1], detections.image, -detections.scores, detections.label))


def _average_precision(detections: Detections, truth: TruthBoxes, flags: MatchFlags, ranks: Index) -> float:
    order = ranks[~flags.ignored[ranks]]
    ends = np.cumsum(np.bincount(detections.label[order], minlength=truth.classes))[:-1]
    values = []
    for hits, objects in zip(np.split(flags.true_positive[order], ends), truth.per_class, strict=True):
        if objects:
            tp = np.cumsum(hits)
            precision = tp / np.arange(1, len(tp) + 1)
            envelope = np.maximum.accumulate(precision[::-1])[::-1]
            at = np.searchsorted(tp / objects, RECALLS, side="left")
            values.append(np.append(envelope, 0.0)[at].mean())
    return float(np.mean(values)) if values else np.nan


def precision_recall(scores: Floats, flags: MatchFlags, truth: TruthBoxes) -> tuple[Floats, Floats]:
    """(recall, precision) of all classes pooled, one point per distinct score from high to low."""
    rows = ~flags.ignored
    _, tp, taken = accepted_counts(scores[rows], flags.true_positive[rows])
    return tp / max(int(truth.per_class.sum()), 1), tp / taken


def coverage_ceiling(detections: Detections, truth: TruthBoxes, iou: float) -> float:
    """The most recall that any acceptance of these boxes can have: a maximum matching, whatever the scores."""
    objects = np.flatnonzero(~truth.crowd)
    left = detections.image * truth.classes + detections.label
    right = (truth.image * truth.classes + truth.label)[objects]
    found = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    for i, j in pairs(left, right):
        near = paired_iou(detections.boxes[i], truth.boxes[objects[j]]) >= iou
        found.append((i[near], j[near]))
    row, column = (np.concatenate(part) for part in zip(*found, strict=True))
    if not len(row):
        return 0.0
    graph = csr_array((np.ones(len(row), np.int8), (row, column)), shape=(len(left), len(objects)))
    pairing = maximum_bipartite_matching(graph, perm_type="column")
    return float((pairing >= 0).sum() / len(objects))


def rates(sums: Singles | Index) -> Floats:
    """(..., 3): precision, recall and F1 of TP, FP, FN (..., 3); 0 where nothing is accepted."""
    tp, fp, fn = np.moveaxis(sums.astype(np.float64), -1, 0)
    shares = [
        tp / np.maximum(tp + fp, 1),
        tp / np.maximum(tp + fn, 1),
        2 * tp / np.maximum(2 * tp + fp + fn, 1),
    ]
    return np.stack(shares, axis=-1)


def macro_f1(sums: Singles | Index) -> Floats:
    """(...,): `macro` F1 of counts (..., classes, 3); classes without ground truth are left out."""
    here = sums[..., TP] + sums[..., FN] > 0
    f1 = np.where(here, rates(sums)[..., 2], 0.0)
    return np.asarray(f1.sum(axis=-1) / np.maximum(here.sum(axis=-1), 1))


def image_mean_draws(values: Floats, image: Index, images: int, resamples: int, seed: int) -> Floats:
    """(resamples, m): mean of the rows of values (n, m) under draws of whole images; 0 where a draw has no row."""
    sums = np.stack([np.bincount(image, column, images) for column in values.T], axis=1)
    return mean_draws(sums, np.bincount(image, minlength=images), resamples, seed)


def mean_draws(sums: Floats | Index, rows: Index, resamples: int, seed: int) -> Floats:
    """`image_mean_draws` of what is summed (images, m) over each image's rows (images,) already."""
    drawn = cluster_bootstrap(np.column_stack([sums, rows]), np.arange(len(rows)), resamples, seed)
    return np.asarray(drawn[:, :-1] / np.maximum(drawn[:, -1:], 1))


@dataclass(frozen=True)
class BinnedShares:
    """Of each bin that has rows: its middle, rows, mean probability, share of positives and that share's interval."""

    place: Floats
    rows: Index
    mean: Floats
    share: Floats
    low: Floats
    high: Floats


def binned_shares(
    probabilities: Floats, positive: Bools, image: Index, images: int, bins: int, level: float, resamples: int,
    seed: int,
) -> BinnedShares:  # fmt: skip
    """Bins of equal width; the interval is over draws of whole images, those in which the bin is empty left out."""
    place = width_bin(probabilities, bins)
    rows = np.bincount(place, minlength=bins)
    used = np.flatnonzero(rows)
    cell = image * bins + place
    per_image = [
        np.bincount(cell, weights, images * bins).reshape(images, bins) for weights in (None, positive)
    ]
    sums = cluster_bootstrap(np.hstack(per_image), np.arange(images), resamples, seed)
    drawn = np.where(sums[:, :bins] > 0, sums[:, bins:] / np.maximum(sums[:, :bins], 1), np.nan)
    low, high = np.nanquantile(drawn[:, used], [(1 - level) / 2, (1 + level) / 2], axis=0)
    total = [np.bincount(place, weights, bins)[used] for weights in (probabilities, positive)]
    return BinnedShares(
        (used + 0.5) / bins, rows[used], total[0] / rows[used], total[1] / rows[used], low, high
    )


def row_log_loss(probabilities: Floats, positive: Bools) -> Floats:
    p = np.clip(probabilities, 1e-15, 1 - 1e-15)
    return np.asarray(-(xlogy(positive, p) + xlogy(~positive, 1 - p)))


def row_brier(probabilities: Floats, positive: Bools) -> Floats:
    return np.asarray((probabilities - positive) ** 2)


def _rates(tp: float, fp: float, fn: float) -> Rates:
    return Rates(tp / max(tp + fp, 1.0), tp / max(tp + fn, 1.0), 2 * tp / max(2 * tp + fp + fn, 1.0))
