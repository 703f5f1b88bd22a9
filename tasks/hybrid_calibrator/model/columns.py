"""Which columns an XGBoost model sees: those of the boxes, the classifier's probabilities too, or its embedding as well."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

EMBEDDING = "clf_emb_rp::"
PROBABILITY = "clf_prob::"
SETS = ("structured", "without_embedding", "all")  # each contains the one before
Matrix = NDArray[Any]


def distinct_sets(dense_names: list[str]) -> list[str]:
    """The sets that differ, the smaller ones first: without a classifier all are one."""
    sizes = {name: _start(name, dense_names) for name in SETS}
    return [name for number, name in enumerate(SETS) if number == 0 or sizes[name] < sizes[SETS[number - 1]]]


def same_set(features: str, dense_names: list[str]) -> str:
    """The smallest set that has the same columns."""
    start = _start(features, dense_names)
    return next(name for name in SETS if _start(name, dense_names) == start)


def columns(features: str, dense_names: list[str], dense: Matrix, structured: Matrix) -> tuple[Matrix, ...]:
    start = _start(features, dense_names)
    return (structured,) if start == len(dense_names) else (dense[:, start:], structured)


def _start(features: str, dense_names: list[str]) -> int:
    """The first dense column of the set: embeddings stand before probabilities."""
    shown = int(np.count_nonzero([name.startswith(EMBEDDING) for name in dense_names]))
    return {"structured": len(dense_names), "without_embedding": shown, "all": 0}[features]
