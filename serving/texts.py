"""Which labels fire on a message: the text model whose scores were calibrated, then a threshold a label."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import RecordError
from serving.fields import columns, names_of
from serving.folder import Export
from serving.rules.clean_text import clean_text
from serving.rules.ngrams import ngram_probabilities
from serving.thresholds import SCORE, ScoreThresholds

MODEL = "text_model.npz"
TEXT = "text"
AT_ONCE = 1 << 17  # characters: each makes some n-grams
HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")


class TextThresholds(ScoreThresholds):
    """As ScoreThresholds, of messages, too."""

    def __init__(self, export: Export) -> None:
        super().__init__(export)
        stated = export.decision["text_model"]
        self._sizes = (
            int(stated["word_ngrams"]),
            (int(stated["char_ngrams"][0]), int(stated["char_ngrams"][1])),
        )
        with np.load(export.file(MODEL), allow_pickle=False) as stored:
            self._model = (stored["coefficients"], stored["intercepts"])

    def decide(self, inputs: Any, /) -> dict[str, NDArray[Any]]:
        """`score:<label>` and `fires:<label>` of `text`; of inputs that have scores, `fires:<label>` alone."""
        if any(name.startswith(SCORE) for name in names_of(inputs)):
            return super().decide(inputs)
        scores = self.scores(columns(self.export.inputs, inputs, self.export.instead)[TEXT].tolist())
        scored = {SCORE + label: scores[:, place] for place, label in enumerate(self.labels)}
        return {**scored, **super().decide(scored)}

    def scores(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(rows, labels), which are numbers of 32 bits."""
        for row, text in enumerate(texts):
            if HALF_A_CHARACTER.search(text):
                raise RecordError(
                    "holds half of a character (a lone surrogate), which no UTF-8 can; write the whole character, or "
                    "leave the row out", field=TEXT, row=row,
                )  # fmt: skip
        clean = [clean_text(text) for text in texts]
        ends = np.cumsum([len(text) + 1 for text in clean], dtype=np.int64)
        cuts = [0, *(np.flatnonzero(np.diff(ends // AT_ONCE)) + 1).tolist(), len(clean)]
        blocks = [
            ngram_probabilities(clean[first:last], *self._model, *self._sizes)
            for first, last in pairwise(cuts)
        ]
        return np.concatenate(blocks).astype(np.float64)
