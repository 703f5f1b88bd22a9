"""How well scores rank positives above negatives: AUROC."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AurocInterval:
    low: float
    auroc: float
    high: float


def auroc(scores: Scores, positive: NDArray[np.bool_]) -> float:
    """P(positive above negative) + P(tie) / 2, from midranks; ValueError where a class is missing."""
    scores, positive = labelled_scores(scores, positive)
    ranks = midranks(scores)[positive]
    m, n = ranks.size, scores.size - ranks.size
    return float((ranks.sum() - m * (m + 1) / 2) / (m * n))


def labelled_scores(scores: Scores, positive: NDArray[np.bool_]) -> tuple[Scores, NDArray[np.bool_]]:
    scores, positive = finite_scores(scores, "scores"), np.ascontiguousarray(positive, dtype=np.bool_)
    if scores.shape != positive.shape:
        raise ValueError(f"expected one label per score, got {positive.shape} labels, {scores.shape} scores")
    found = np.count_nonzero(positive)
    if not 0 < found < positive.size:
        raise ValueError(f"expected positive and negative rows, got {found} positive of {positive.size}")
    return scores, positive


def finite_scores(scores: Scores, name: str, ndim: int = 1) -> Scores:
    scores = np.ascontiguousarray(scores)
    if not np.issubdtype(scores.dtype, np.floating):
        scores = scores.astype(np.float64)
    if scores.ndim != ndim or not np.isfinite(scores).all():
        broken = np.count_nonzero(~np.isfinite(scores))
        raise ValueError(f"expected {name} finite and {ndim}-D, got {scores.ndim}-D, {broken} not finite")
    return scores


def midranks(scores: Scores) -> Floats:
    """(n,) ranks from 1, tied scores with the mean of theirs."""
    _, where, ties = np.unique(scores, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(ties) - (ties - 1) / 2)[where])
