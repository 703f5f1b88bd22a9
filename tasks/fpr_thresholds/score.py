"""Score every row, with models that are fitted anew along the time axis so that no row need be scored in-sample."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.splits.row_splits import chain_origins, forward_chain
from params.fpr_thresholds import FasttextFile, FasttextTraining, Ngrams, Score, UserScores
from storage.files.arrays import write_arrays
from storage.files.atomic import complete_folder
from storage.files.documents import read_json, write_json
from storage.files.inputs import InputError
from storage.files.tables import read_parquet
from storage.messages.scored import SCORE

Scores = NDArray[np.floating[Any]]  # those of a user's file keep their 64 bits


def main(params: Score, rows: Path, prepared: Path, scores: Path, model: Path) -> None:
    table, facts = read_parquet(rows), read_json(prepared)
    labels = facts["labels"]
    if (facts["kind"] == "scores") != isinstance(params.model, UserScores):
        raise InputError(
            Path("params.yaml"),
            f"prepare.kind is {facts['kind']}: rows that came with scores need score.model {{kind: given}}, "
            "messages need a model",
            field="fpr_thresholds.score.model",
        )
    position, group = table["position"].to_numpy(), table["group"].to_numpy()
    origins, chain = np.array([facts["train"]]), np.full(len(table), -1)
    if isinstance(params.model, Ngrams | FasttextTraining):
        origins = _origins(params.model.origins, facts)
        chain = forward_chain(position, origins, facts["train"])
    with complete_folder(model) as folder:
        match params.model:
            case UserScores():
                raw = table[[SCORE + label for label in labels]].to_numpy(np.float64)[np.newaxis]
            case FasttextFile():
                raw = _fasttext_file(params.model, table, labels)
            case Ngrams():
                raw = _fit_ngrams(params.model, table, labels, origins, folder)
            case FasttextTraining():
                raw = _fit_fasttext(params.model, table, labels, origins, folder)
        cube, clamped = _clamp(raw, getattr(params.model, "clamp", 0.0))
        write_json(
            folder / "model.json", {"kind": params.model.kind, "labels": labels, "clamped_scores": clamped}
        )
    seen = np.stack([np.isin(group, group[before]) for before in _before(position, origins)])
    write_arrays(scores, {"scores": cube, "seen": seen, "chain": chain, "origins": origins})


def _origins(count: int, facts: dict[str, int]) -> NDArray[np.int64]:
    try:
        return chain_origins(facts["train"], facts["calib"], count)
    except ValueError as error:
        raise InputError(
            Path("params.yaml"), str(error), field="fpr_thresholds.score.model.origins"
        ) from None


def _before(position: NDArray[np.int64], origins: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
    """Per origin, which rows the model fitted there has seen."""
    return [(position >= 0) & (position < origin) for origin in origins]


def _progress(snapshot: int, origins: NDArray[np.int64]) -> None:
    sys.stdout.write(f"model {snapshot + 1} of {len(origins)}: {origins[snapshot]} training rows\n")
    sys.stdout.flush()


def _fit_ngrams(
    model: Ngrams, table: pd.DataFrame, labels: list[str], origins: NDArray[np.int64], folder: Path
) -> Scores:
    """(snapshots, rows, labels); the last snapshot, fitted on all of train, is kept in `folder`."""
    from methods.text.ngrams import (  # noqa: PLC0415 - scikit-learn, which given scores do not need
        fit_ngram_model,
        ngram_features,
        ngram_scores,
    )

    features = ngram_features(table["text"].tolist(), model.buckets, model.word_ngrams, model.char_ngrams)
    positive = table[labels].to_numpy()
    cube = np.empty((len(origins), len(table), len(labels)), np.float32)
    for snapshot, before in enumerate(_before(table["position"].to_numpy(), origins)):
        _progress(snapshot, origins)
        fitted = fit_ngram_model(features[before], positive[before], model.inverse_regularisation)
        cube[snapshot] = ngram_scores(fitted, features)
    write_arrays(
        folder / "ngrams.npz", {"coefficients": fitted.coefficients, "intercepts": fitted.intercepts}
    )
    return cube


def _fit_fasttext(
    model: FasttextTraining, table: pd.DataFrame, labels: list[str], origins: NDArray[np.int64], folder: Path
) -> Scores:
    from storage.messages import fasttext_models  # noqa: PLC0415 - the extra `fasttext` is optional

    texts, positive = table["text"].tolist(), table[labels].to_numpy()
    cube = np.empty((len(origins), len(table), len(labels)), np.float32)
    for snapshot, before in enumerate(_before(table["position"].to_numpy(), origins)):
        _progress(snapshot, origins)
        seen = [text for text, use in zip(texts, before, strict=True) if use]
        keep = folder / "fasttext.bin" if snapshot == len(origins) - 1 else None
        cube[snapshot] = fasttext_models.train_and_score(model, seen, positive[before], labels, texts, keep)
    return cube


def _fasttext_file(model: FasttextFile, table: pd.DataFrame, labels: list[str]) -> Scores:
    from storage.messages import fasttext_models  # noqa: PLC0415 - the extra `fasttext` is optional

    return fasttext_models.load_and_score(Path(model.file), labels, table["text"].tolist())[np.newaxis]


def _clamp(raw: Scores, tolerance: float) -> tuple[Scores, int]:
    """Scores in [0, 1] and how many had to be moved: fastText's reach 1.00001."""
    beyond = (raw < 0) | (raw > 1)
    if (raw < -tolerance).any() or (raw > 1 + tolerance).any():
        worst = float(raw[beyond].flat[np.abs(raw[beyond] - 0.5).argmax()])
        raise InputError(
            Path("params.yaml"), f"the model gave a score of {worst}, further than clamp beyond [0, 1]",
            field="fpr_thresholds.score.model.clamp",
        )  # fmt: skip
    return np.clip(raw, 0, 1), int(beyond.sum())
