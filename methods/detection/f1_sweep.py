"""Per-class acceptance thresholds with the best F1: each class for itself under constraints, or all classes pooled."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from methods.budgets.thresholds import accepted_counts

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

CONSTRAINED, FP_ONLY, UNCONSTRAINED = "constraints met", "recall constraint dropped", "constraints dropped"
POOLED, NOTHING, UNSCORED = "pooled optimum", "nothing to accept", "no scores"


@dataclass(frozen=True)
class ClassThreshold:
    """What one class accepts (score >= threshold) and what that gave on the images it was tuned on."""

    threshold: float
    status: str
    tp: int
    fp: int
    ground_truth: int

    @property
    def f1(self) -> float:
        return 2 * self.tp / max(self.tp + self.fp + self.ground_truth, 1)


def constrained_f1_threshold(
    scores: Floats, true_positive: Bools, n_ground_truth: int, max_fp_per_tp: float, min_recall: float
) -> ClassThreshold:
    """The best F1 among thresholds with FP / TP <= max_fp_per_tp and recall >= min_recall; where there is none,
    among those with the first alone; else among all. Ties go to recall, precision, then the lower threshold.

    Without a true positive anywhere the class accepts nothing (inf).
    """
    thresholds, tp, accepted = accepted_counts(scores, true_positive)
    if not tp.size or not tp[-1]:
        return ClassThreshold(inf, NOTHING, 0, 0, n_ground_truth)
    few_fp = (tp > 0) & (accepted - tp <= max_fp_per_tp * tp + 1e-9)  # the share is a decimal: .2 * 15 is 3
    recalled = tp >= min_recall * n_ground_truth - 1e-9
    steps = ((few_fp & recalled, CONSTRAINED), (few_fp, FP_ONLY), (tp > 0, UNCONSTRAINED))
    allowed, status = next((allowed, status) for allowed, status in steps if allowed.any())
    f1 = np.where(allowed, 2 * tp / (accepted + n_ground_truth), -1.0)
    best = f1.size - 1 - int(np.argmax(f1[::-1]))  # equal F1 further down has more true positives
    return ClassThreshold(
        float(thresholds[best]), status, int(tp[best]), int(accepted[best] - tp[best]), n_ground_truth
    )


def micro_f1_thresholds(
    scores: Sequence[Floats], true_positive: Sequence[Bools], n_ground_truth: Sequence[int]
) -> list[ClassThreshold]:
    """Per class, so that F1 of the pooled counts is highest: Dinkelbach (1967) on 2 TP / (accepted + n).

    At the optimum l each class maximises 2 TP - l * accepted for itself, so every step is one sweep per class
    and l only grows. Ties within a class go to the lower threshold. A class may accept nothing (inf).
    """
    curves = [accepted_counts(s, t) for s, t in zip(scores, true_positive, strict=True)]
    total, value = sum(n_ground_truth), -1.0
    tp = accepted = best = np.zeros(len(curves), dtype=np.int64)
    while (reached := 2 * int(tp.sum()) / max(int(accepted.sum()) + total, 1)) > value:
        value = reached
        best = np.array([_most(2 * hits - value * taken) for _, hits, taken in curves], dtype=np.int64)
        taken_at = [
            (hits[b], taken[b]) if b >= 0 else (0, 0)
            for b, (_, hits, taken) in zip(best, curves, strict=True)
        ]
        tp, accepted = np.array(taken_at, dtype=np.int64).reshape(-1, 2).T
    return [
        ClassThreshold(float(thresholds[b]), POOLED, int(hits[b]), int(taken[b] - hits[b]), n)
        if b >= 0
        else ClassThreshold(inf, NOTHING, 0, 0, n)
        for b, (thresholds, hits, taken), n in zip(best, curves, n_ground_truth, strict=True)
    ]  # fmt: skip


def _most(gain: Floats) -> int:
    """The last index of the largest gain; -1 where none is above 0, the gain of accepting nothing."""
    if not gain.size or gain.max() <= 0:
        return -1
    return gain.size - 1 - int(np.argmax(gain[::-1]))
