"""Which class an embedding is of: the head that was chosen, over embeddings of its encoder."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serving.errors import RecordError
from serving.fields import columns
from serving.folder import Export
from serving.onnx_model import OnnxModel

MODEL = "head.onnx"
EMBEDDING, PREDICTED, FOREGROUND, PROBABILITY = "embedding", "predicted", "foreground", "probability:"
ROWS_AT_ONCE = 1 << 12


class EmbeddingHead:
    """classes in the order of its logits; the first `foreground` of them are classes, the others background."""

    def __init__(self, export: Export) -> None:
        self.export = export
        self.classes: tuple[str, ...] = tuple(export.decision["classes"])
        self.foreground: int = export.decision["foreground"]
        self._model = OnnxModel(export.file(MODEL), ROWS_AT_ONCE)

    def decide(self, inputs: Any, /) -> dict[str, NDArray[Any]]:
        """`predicted`, whether it is `foreground`, and `probability:<class>`, of `embedding`."""
        made = self._run(inputs)
        predicted, shares = made["logits"].argmax(axis=1), made["probabilities"]
        return {
            PREDICTED: np.array(self.classes)[predicted],
            FOREGROUND: predicted < self.foreground,
            **{PROBABILITY + name: shares[:, place] for place, name in enumerate(self.classes)},
        }

    def logits(self, embeddings: ArrayLike) -> NDArray[np.float64]:
        """(rows, classes) of embeddings (rows, inputs), as the encoder gives them."""
        return self._run({EMBEDDING: embeddings})["logits"]

    def probabilities(self, embeddings: ArrayLike) -> NDArray[np.float64]:
        return self._run({EMBEDDING: embeddings})["probabilities"]

    def _run(self, inputs: Any) -> dict[str, NDArray[Any]]:
        rows = columns(self.export.inputs, inputs)[EMBEDDING]
        with np.errstate(over="ignore"):
            lengths = np.linalg.norm(rows, axis=1)
        for bad, problem in ((lengths == 0, "is all 0"), (np.isinf(lengths), "has no finite length")):
            if bad.any():
                raise RecordError(
                    f"{problem}, so it has no direction; leave the row out",
                    field=EMBEDDING,
                    row=int(bad.argmax()),
                )
        return self._model.run({"embeddings": rows})
