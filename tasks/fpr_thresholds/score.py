"""Score every row, with models that are fitted anew along the time axis so that no row need be scored in-sample."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.ngrams import fit_ngram_model, ngram_features, ngram_scores
from methods.splits import chain_origins, forward_chain
from params.fpr_thresholds import FasttextFile, FasttextTraining, Ngrams, Score
from storage.arrays import write_arrays
from storage.atomic import complete_folder
from storage.documents import read_json, write_json
from storage.inputs import InputError
from storage.scored import SCORE
from storage.tables import read_parquet

Scores = NDArray[np.float32]


def main(params: Score, rows: Path, prepared: Path, scores: Path, model: Path) -> None:
    table, facts = read_parquet(rows), read_json(prepared)
    labels = facts["labels"]
    with complete_folder(model) as folder:
        if facts["kind"] == "scores":
            cube, origins, clamped = _given(table, labels), np.array([facts["train"]]), 0
            kind = "given"
        elif isinstance(params.model, FasttextFile):
            raw, origins = _fasttext_file(params.model, table, labels), np.array([facts["train"]])
            (cube, clamped), kind = _clamp(raw, params.clamp), params.model.kind
        else:
            origins = _origins(params, facts)
            raw = _fit_along_time(params.model, table, labels, origins, folder)
            (cube, clamped), kind = _clamp(raw, params.clamp), params.model.kind
        write_json(folder / "model.json", {"kind": kind, "labels": labels, "clamped_scores": clamped})
    position, group = table["position"].to_numpy(), table["group"].to_numpy()
    refitted = kind in ("ngrams", "fasttext")
    write_arrays(
        scores,
        {
            "scores": cube,
            "seen": np.stack(
                [np.isin(group, group[(position >= 0) & (position < origin)]) for origin in origins]
            ),
            "chain": forward_chain(position, origins, facts["train"])
            if refitted
            else np.full(len(table), -1),
            "origins": origins,
        },
    )


def _origins(params: Score, facts: dict[str, int]) -> NDArray[np.int64]:
    try:
        return chain_origins(facts["train"], facts["calib"], params.origins)
    except ValueError as error:
        raise InputError(Path("params.yaml"), str(error), field="fpr_thresholds.score.origins") from None


def _given(table: pd.DataFrame, labels: list[str]) -> Scores:
    return table[[SCORE + label for label in labels]].to_numpy(np.float32)[np.newaxis]


def _fit_along_time(
    model: Ngrams | FasttextTraining,
    table: pd.DataFrame,
    labels: list[str],
    origins: NDArray[np.int64],
    folder: Path,
) -> Scores:
    """(snapshots, rows, labels); the last snapshot, fitted on all of train, is kept in `folder`."""
    texts, positive = table["text"].tolist(), table[labels].to_numpy()
    position = table["position"].to_numpy()
    cube = np.empty((len(origins), len(table), len(labels)), np.float32)
    if isinstance(model, Ngrams):
        features = ngram_features(texts, model.buckets, model.word_ngrams, model.char_ngrams)
    for snapshot, origin in enumerate(origins):
        before = (position >= 0) & (position < origin)
        last = snapshot == len(origins) - 1
        if isinstance(model, Ngrams):
            fitted = fit_ngram_model(features[before], positive[before], model.inverse_regularisation)
            cube[snapshot] = ngram_scores(fitted, features)
            if last:
                write_arrays(
                    folder / "ngrams.npz",
                    {"coefficients": fitted.coefficients, "intercepts": fitted.intercepts},
                )
        else:
            from storage import fasttext_models  # noqa: PLC0415 - the extra `fasttext` is optional

            kept = folder / "fasttext.bin" if last else None
            cube[snapshot] = fasttext_models.train_and_score(
                model, [text for text, use in zip(texts, before, strict=True) if use], positive[before], labels, texts, kept
            )  # fmt: skip
        sys.stdout.write(f"fitted on {origin} rows ({snapshot + 1}/{len(origins)})\n")
    return cube


def _fasttext_file(model: FasttextFile, table: pd.DataFrame, labels: list[str]) -> Scores:
    from storage import fasttext_models  # noqa: PLC0415 - the extra `fasttext` is optional

    return fasttext_models.load_and_score(Path(model.file), labels, table["text"].tolist())[np.newaxis]


def _clamp(raw: Scores, tolerance: float) -> tuple[Scores, int]:
    """Scores in [0, 1] and how many had to be moved: fastText's reach 1.00001."""
    beyond = (raw < 0) | (raw > 1)
    if (raw < -tolerance).any() or (raw > 1 + tolerance).any():
        worst = float(raw[beyond].flat[np.abs(raw[beyond] - 0.5).argmax()])
        raise InputError(
            Path("params.yaml"), f"the model gave a score of {worst}, further than clamp beyond [0, 1]",
            field="fpr_thresholds.score.clamp",
        )  # fmt: skip
    return np.clip(raw, 0, 1), int(beyond.sum())
