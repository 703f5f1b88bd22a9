"""Honest probabilities: what was fitted to the logits of a model, applied to its logits."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import RecordError, listed
from serving.fields import columns, names_of
from serving.folder import Export
from serving.rules.recalibration import recalibrated

LOGIT, PROBABILITY, PREDICTED, SEED = "logit:", "probability:", "predicted", "seed"


class LogitRecalibration:
    """classes in the order of columns; method, and its parameters for the model of each seed (one of them, where all
    models have the same)."""

    def __init__(self, export: Export) -> None:
        self.export = export
        stated = export.decision
        self.classes: tuple[str, ...] = tuple(stated["classes"])
        self.method: str = stated["method"]
        self.by_seed: Mapping[int, Mapping[str, Sequence[float]]] = {
            int(seed): {name: [float(value) for value in values] for name, values in parameters.items()}
            for seed, parameters in stated["parameters"].items()
        }
        self.asks_for_seed = any(field.name == SEED for field in export.inputs)

    def decide(self, inputs: Any, /) -> dict[str, NDArray[Any]]:
        """`probability:<class>` of `logit:<class>`, and `predicted`; `seed` says whose model the logits are of, where
        that matters."""
        known = {LOGIT + name for name in self.classes}
        if unseen := [name for name in names_of(inputs) if name.startswith(LOGIT) and name not in known]:
            raise RecordError(
                f"there is no such class; the export has {listed(self.classes, 20)}", field=unseen[0]
            )
        found = columns(self.export.inputs, inputs)
        logits = np.stack([found[LOGIT + name] for name in self.classes], axis=1)
        probabilities, predicted = np.empty_like(logits), np.empty(len(logits), np.int64)
        seeds = found[SEED] if self.asks_for_seed else np.full(len(logits), next(iter(self.by_seed)))
        for seed in np.unique(seeds):
            rows = seeds == seed
            probabilities[rows], predicted[rows] = recalibrated(
                self.method, self.by_seed[int(seed)], logits[rows]
            )
        named = {PROBABILITY + name: probabilities[:, place] for place, name in enumerate(self.classes)}
        return {**named, PREDICTED: np.array(self.classes)[predicted]}

    def probabilities(
        self, logits: NDArray[np.floating[Any]], seed: int | None = None
    ) -> NDArray[np.float64]:
        """(rows, classes) of logits (rows, classes) in the order of `classes`."""
        decided = self._of_array(logits, seed)
        return np.stack([decided[PROBABILITY + name] for name in self.classes], axis=1)

    def predicted(self, logits: NDArray[np.floating[Any]], seed: int | None = None) -> NDArray[np.int64]:
        """(rows,) numbers of classes; with a threshold they need not be the likeliest."""
        names = self._of_array(logits, seed)[PREDICTED]
        order = np.argsort(self.classes)
        return np.asarray(order[np.searchsorted(np.array(self.classes)[order], names)], np.int64)

    def _of_array(self, logits: NDArray[np.floating[Any]], seed: int | None) -> dict[str, NDArray[Any]]:
        if np.ndim(logits) != 2 or np.shape(logits)[1] != len(self.classes):
            raise RecordError(f"expected logits (rows, {len(self.classes)}), got {np.shape(logits)}")
        if self.asks_for_seed and seed is None:
            raise RecordError(f"is missing; expected one of {listed(list(self.by_seed))}", field=SEED)
        named = {LOGIT + name: np.asarray(logits)[:, place] for place, name in enumerate(self.classes)}
        return self.decide(named | ({SEED: np.full(len(logits), seed)} if self.asks_for_seed else {}))
