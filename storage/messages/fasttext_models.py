"""fastText models, which train from and load from files only (extra `fasttext`)."""

import tempfile
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from storage.files.inputs import InputError
from storage.messages.messages import FASTTEXT_LABEL


class Training(Protocol):
    """fastText's own hyper-parameters."""

    @property
    def buckets(self) -> int: ...
    @property
    def word_ngrams(self) -> int: ...
    @property
    def char_ngrams(self) -> tuple[int, int]: ...
    @property
    def dim(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...


def train_and_score(
    training: Training,
    texts: list[str],
    positive: NDArray[np.bool_],
    labels: list[str],
    score_texts: list[str],
    keep: Path | None,
) -> NDArray[np.float32]:
    """(score_texts, labels) one-vs-all probabilities; rows without a label train as negatives of every label.

    One thread: more would make each training different.
    """
    fasttext = _fasttext()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        lines = (
            " ".join(
                [FASTTEXT_LABEL + label for label, has in zip(labels, row, strict=True) if has] or [CLEAN]
            )
            + f" {text}"
            for row, text in zip(positive, texts, strict=True)
        )
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        try:
            model = fasttext.train_supervised(
                str(path),
                loss="ova",
                bucket=training.buckets,
                wordNgrams=training.word_ngrams,
                minn=training.char_ngrams[0],
                maxn=training.char_ngrams[1],
                dim=training.dim,
                epoch=training.epoch,
                lr=training.learning_rate,
                thread=1,
                seed=0,
                verbose=0,
            )
        except RuntimeError as error:
            raise InputError(
                Path("params.yaml"), f"fastText's training broke off ({error}); use a smaller learning_rate",
                field="fpr_thresholds.score.model",
            ) from None  # fmt: skip
    if keep is not None:
        model.save_model(str(keep))
    return _scores(model, labels, score_texts)


def load_and_score(path: Path, labels: list[str], texts: list[str]) -> NDArray[np.float32]:
    """(texts, labels) probabilities of a .bin or .ftz file; InputError where it lacks a label."""
    if not path.exists():
        raise InputError(path, "no such fastText model; params.yaml names it")
    try:
        model = _fasttext().load_model(str(path))
    except ValueError as error:
        raise InputError(path, f"not a fastText model: {error}") from None
    known = [label.removeprefix(FASTTEXT_LABEL) for label in model.get_labels()]
    if missing := [label for label in labels if label not in known]:
        raise InputError(path, f"the model does not know label(s) {missing}; it knows {known}")
    return _scores(model, labels, texts)


CLEAN = FASTTEXT_LABEL + "no-label"


def _scores(model: Any, labels: list[str], texts: list[str]) -> NDArray[np.float32]:
    column = {FASTTEXT_LABEL + label: number for number, label in enumerate(labels)}
    scores = np.full((len(texts), len(labels)), np.nan, np.float32)
    for row, text in enumerate(texts):
        # The binding itself: the Python wrapper's predict does not work with numpy 2.
        for probability, label in model.f.predict(text.replace("\n", " ") + "\n", -1, 0.0, "strict"):
            if label in column:
                scores[row, column[label]] = probability
    return scores


def _fasttext() -> Any:
    try:
        import fasttext  # noqa: PLC0415 - optional
    except ImportError:
        raise InputError(
            Path("params.yaml"), "the model is fastText, which is not installed; install the extra: fasttext",
            field="fpr_thresholds.score.model",
        ) from None  # fmt: skip
    return fasttext
