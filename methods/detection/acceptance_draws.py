"""How far accepted counts move where every draw of whole images tunes NMS and thresholds again."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.detection.acceptance import AcceptanceRule, BoxesAfterNms
from methods.detection.evaluation import TruthBoxes

Singles = NDArray[np.float32]  # counts below 2**24 are exact
Index = NDArray[np.int64]
Bools = NDArray[np.bool_]

SLACK = 1e-4  # constraints are decimals: .2 * 15 is 3
MOST = 100  # scores of a class that a draw may choose from; of more, every so manieth true positive's


@dataclass(frozen=True)
class ClassCurve:
    """(images, m): true positives, and boxes that count, of an image where a class accepts from each of m scores on, the
    lowest first. Of a scored row the last accepts nothing."""

    tp: Singles
    taken: Singles


@dataclass(frozen=True)
class AcceptanceCurves:
    """classes: per IoU of NMS, per class; truth (images, classes): objects."""

    classes: list[list[ClassCurve]]
    truth: Singles


@dataclass(frozen=True)
class ImageDraws:
    """images: numbers; weights (resamples, images): how often each was drawn."""

    images: Index
    weights: Singles


@dataclass(frozen=True)
class DrawnGoal:
    """What draws tune for; pooled: the F1 on all tune images, near which a micro optimum is sought."""

    rule: AcceptanceRule
    pooled: float


def acceptance_curves(
    tried: list[BoxesAfterNms], truth: TruthBoxes, tune: Bools, scored: bool = True, most: int = MOST
) -> AcceptanceCurves:
    """The best threshold of any draw is the score of a true positive of the tune images: no others are kept."""
    cell = (truth.image * truth.classes + truth.label)[~truth.crowd]
    objects = np.bincount(cell, minlength=truth.images * truth.classes)
    curves = [
        [_curve(boxes, label, truth.images, tune, scored, most) for label in range(truth.classes)]
        for boxes in tried
    ]
    return AcceptanceCurves(curves, objects.reshape(truth.images, truth.classes).astype(np.float32))


def cross_fit_draws(curves: AcceptanceCurves, folds: list[ImageDraws], goal: DrawnGoal) -> Singles:
    """(resamples, classes, 3): TP, FP, FN of images that are drawn, each accepted by what the drawn images of other folds
    tuned."""
    return _draws(curves, folds, True, [goal])[0]


def confirmed_draws(
    curves: AcceptanceCurves, tune: ImageDraws, report: ImageDraws, goals: list[DrawnGoal]
) -> list[Singles]:
    """Per goal (resamples, classes, 3): of the report images that are drawn, accepted by what drawn tune images tuned."""
    return _draws(curves, [tune, report], False, goals)


def _draws(
    curves: AcceptanceCurves, parts: list[ImageDraws], crossed: bool, goals: list[DrawnGoal]
) -> list[Singles]:
    resamples, classes = len(parts[0].weights), curves.truth.shape[1]
    held = range(len(parts)) if crossed else range(1)
    shape = (len(goals), len(curves.classes), len(held), resamples, classes)
    tp, taken, objects = (np.zeros(each, np.float32) for each in (shape, shape, shape[2:]))
    reached = np.zeros((3, *shape[:-1]), np.float32)  # pooled over classes, on what tuned
    rows = np.arange(resamples)
    for label in range(classes):
        n = _tuning_and_held([each.weights @ curves.truth[each.images, label] for each in parts], crossed)
        for nms, by_class in enumerate(curves.classes):
            hits, all_ = (
                _tuning_and_held([each.weights @ values[each.images] for each in parts], crossed)
                for values in (by_class[label].tp, by_class[label].taken)
            )
            for k in held:
                (tuning, own), (tuning_all, own_all), (tuning_n, own_n) = hits[k], all_[k], n[k]
                objects[k, :, label] = own_n
                for g, goal in enumerate(goals):
                    best = _best(tuning, tuning_all, tuning_n, goal)
                    reached[:, g, nms, k] += tuning[rows, best], tuning_all[rows, best], tuning_n
                    tp[g, nms, k, :, label] = own[rows, best]
                    taken[g, nms, k, :, label] = own_all[rows, best]
    chosen = (2 * reached[0] / np.maximum(reached[1] + reached[2], 1)).argmax(axis=1)[:, None, ..., None]
    tp, taken = (np.take_along_axis(each, chosen, axis=1)[:, 0] for each in (tp, taken))
    counts = np.stack([tp, taken - tp, np.broadcast_to(objects, tp.shape) - tp], axis=-1)
    return list(counts.sum(axis=1))


def _tuning_and_held(sums: list[Singles], crossed: bool) -> list[tuple[Singles, Singles]]:
    """Of each part that is held: what tunes for it, and itself."""
    if not crossed:
        return [(sums[0], sums[1])]
    total = np.asarray(np.sum(sums, axis=0))
    return [(total - own, own) for own in sums]


def _best(tp: Singles, taken: Singles, n: Singles, goal: DrawnGoal) -> Index:
    """(resamples,): as `f1_sweep` chooses, of equal ones the most accepted; and of scores between which no drawn box lies
    the highest, which is that of a drawn box."""
    rule = goal.rule
    if rule.optimum == "micro":  # Dinkelbach's step from a value that is nearly the optimum
        worth = 2 * tp - np.float32(goal.pooled) * taken
    else:
        worth = 2 * tp / np.maximum(taken + n[:, None], 1)
        few = (taken - tp <= rule.max_fp_per_tp * tp + SLACK) & (tp > 0)
        worth += few
        worth += few & (tp >= (rule.min_recall * n - SLACK)[:, None])
    worth[:, -1] += np.float32(1e-9)  # nothing to accept where nothing is worth accepting
    accepted = np.take_along_axis(taken, worth.argmax(axis=1)[:, None], axis=1)
    return np.asarray((taken >= accepted).sum(axis=1) - 1)


def _curve(boxes: BoxesAfterNms, label: int, images: int, tune: Bools, scored: bool, most: int) -> ClassCurve:
    rows = np.flatnonzero((boxes.detections.label == label) & ~boxes.flags.ignored)
    image, scores, hit = (
        boxes.detections.image[rows],
        boxes.detections.scores[rows],
        boxes.flags.true_positive[rows],
    )
    if scored:
        thresholds = np.unique(scores[hit & tune[image]])
        if len(thresholds) > most:
            thresholds = thresholds[np.unique(np.linspace(0, len(thresholds) - 1, most).round().astype(int))]
        reaches, width = np.searchsorted(thresholds, scores, side="right"), len(thresholds) + 1
    else:
        reaches, width = np.ones(len(rows), np.int64), 1

    def curve(chosen: Bools) -> Singles:
        """Those that reach column j are accepted at columns 0 to j - 1."""
        cell = image[chosen] * (width + 1) + reaches[chosen]
        ends = np.bincount(cell, minlength=images * (width + 1)).reshape(images, width + 1)
        return np.cumsum(ends[:, :0:-1], axis=1)[:, ::-1].astype(np.float32)

    return ClassCurve(curve(hit), curve(np.ones(len(rows), bool)))
