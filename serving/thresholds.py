"""Which labels fire: a threshold a label, over scores."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import RecordError, listed
from serving.fields import columns, names_of
from serving.folder import Export
from serving.rules.thresholds import fires

SCORE, FIRES = "score:", "fires:"


class ScoreThresholds:
    """labels (in the order of columns) and thresholds; one that is infinite never fires."""

    def __init__(self, export: Export) -> None:
        self.export = export
        stated = export.decision["labels"]
        self.labels: tuple[str, ...] = tuple(stated)
        self.thresholds = np.array([float(each["threshold"]) for each in stated.values()], np.float64)
        self.clamp: float = export.decision["clamp"]
        self._scored = export.instead or export.inputs

    def decide(self, inputs: Any, /) -> dict[str, NDArray[np.bool_]]:
        """`fires:<label>` of `score:<label>`; scores of labels that have no threshold are refused."""
        known = {name for field in self._scored for name in field.names}
        if unseen := [name for name in names_of(inputs) if name.startswith(SCORE) and name not in known]:
            raise RecordError(
                f"there is no threshold for this label; the export has {listed(self.labels, 20)}",
                field=unseen[0],
            )
        found = columns(self._scored, inputs)
        return {
            FIRES + label: fires(self._clamped(found[SCORE + label]), self.thresholds[place])
            for place, label in enumerate(self.labels)
        }

    def _clamped(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """What lies a little beyond [0, 1] is read as its end, as it was when it calibrated."""
        return np.where(np.isfinite(scores), scores.clip(0, 1), scores) if self.clamp else scores

    def fired(self, scores: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """(rows, labels) of scores (rows, labels) in the order of `labels`."""
        if np.ndim(scores) != 2 or np.shape(scores)[1] != len(self.labels):
            raise RecordError(f"expected scores (rows, {len(self.labels)}), got {np.shape(scores)}")
        named = {SCORE + label: np.asarray(scores)[:, place] for place, label in enumerate(self.labels)}
        return np.stack(list(self.decide(named).values()), axis=1)
