"""What is watched of adopted thresholds: of the rows that lack a label, the share that fires; and where scores move.

Each row counts, copies of a text as often as they come: that is what the budget is spent on.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.sequential.promises import BatchReading, Observations, Promise
from methods.text.duplicates import duplicate_groups
from methods.text.ngrams import NgramModel, ngram_features, ngram_scores
from params.block import read_block
from params.fpr_thresholds import FasttextFile, Messages, Prepare, Score, Scores, Selection
from serving.rules.clean_text import clean_text
from serving.rules.thresholds import fires
from storage.files.arrays import read_arrays
from storage.files.documents import read_json
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError
from storage.messages.batches import has_labels, read_unlabelled_scores, read_unlabelled_texts
from storage.messages.messages import read_messages
from storage.messages.scored import SCORE, read_scored
from storage.messages.thresholds import Adopted
from tasks.fpr_thresholds.model.scored_rows import load

FOLDER, PARAMS, ANY = Path("artifacts/fpr_thresholds"), "params.yaml", "any label"
Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]


def pinned(root: Path) -> list[Path]:
    """The files that are watched: other ones, and the watch begins anew."""
    return [root / FOLDER / "adopted.json"]


def promises(root: Path) -> list[Promise]:
    """Each label's budget; of clean rows on which any fires, where the budget is theirs."""
    selection: Selection = read_block(root / PARAMS, "fpr_thresholds.compare.selection", Selection)
    names = [ANY] if selection.risk_of == "any_label" else list(_adopted(root).labels)
    unit = "clean rows" if selection.risk_of == "any_label" else "negatives"
    return [Promise(name, selection.max_fpr, unit) for name in names]


def reference(root: Path) -> dict[str, NDArray[np.float64]]:
    """Scores of the rows that were held against the budget: of calib and the holdout, by the last model."""
    folder = root / FOLDER
    rows = load(folder / "rows.parquet", folder / "prepared.json", folder / "scores.npz")
    late = np.isin(rows.table["pool"].to_numpy(str), ("calib", "holdout"))
    scores = rows.scores.scores[-1][late].astype(np.float64)
    return {label: _there(scores[:, place]) for place, label in enumerate(rows.labels)}


def reading(root: Path, path: Path) -> BatchReading:
    """Of a file like the study's own, with its labels or without; in order of time where all rows with labels have one."""
    prepare: Messages | Scores = read_block(root / PARAMS, "fpr_thresholds.prepare", Prepare)
    labels = list(read_json(root / FOLDER / "prepared.json")["labels"])
    read = (
        _messages(root, path, prepare, labels)
        if isinstance(prepare, Messages)
        else _scores(path, prepare, labels)
    )
    scores, positive, rows = read.scores, read.positive, read.rows
    if read.times is not None:
        order = np.argsort(read.times, kind="stable")
        scores, positive, rows = scores[order], positive[order] if positive is not None else None, rows[order]
    places = {label: place for place, label in enumerate(labels)}
    return BatchReading(
        len(rows),
        read.times is not None,
        _observed(root, scores, positive, rows, places) if positive is not None else {},
        {label: _moving(scores[:, place], rows) for label, place in places.items()},
        read.notes,
    )


@dataclass(frozen=True)
class LaterRows:
    """scores, positive: (rows, labels); positive None: nobody knows. times: None unless all rows have one."""

    scores: Floats
    positive: Bools | None
    rows: NDArray[np.int64]
    times: NDArray[np.int64] | None
    notes: dict[str, int]


def _times(table: pd.DataFrame) -> NDArray[np.int64] | None:
    times = table["collected_at"]
    return None if times.isna().any() else np.asarray(times.astype("int64"), np.int64)


def _adopted(root: Path) -> Adopted:
    path = root / FOLDER / "adopted.json"
    if not path.exists():
        raise InputError(path, "no thresholds are adopted here; run `python -m flows.reproduce` first")
    return Adopted.model_validate(read_json(path))


def _observed(
    root: Path, scores: Floats, positive: Bools, rows: NDArray[np.int64], places: dict[str, int]
) -> dict[str, Observations]:
    adopted = _adopted(root).labels
    thresholds = np.array([adopted[label].threshold if label in adopted else np.inf for label in places])
    fired = fires(scores, thresholds)
    found = {}
    for promise in promises(root):
        if promise.name == ANY:
            negative, fires_there = np.asarray(~positive.any(axis=1)), np.asarray(fired.any(axis=1))
        else:
            place = places[promise.name]
            negative, fires_there = ~positive[:, place], fired[:, place]
        found[promise.name] = Observations(fires_there[negative].astype(np.float64), rows[negative])
    return found


def _moving(scores: Floats, rows: NDArray[np.int64]) -> Observations:
    there = ~np.isnan(scores)
    return Observations(scores[there].astype(np.float64), rows[there])


def _there(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return scores[~np.isnan(scores)]


def _scores(path: Path, prepare: Scores, labels: list[str]) -> LaterRows:
    if not has_labels(path, prepare.columns):
        scores, rows = read_unlabelled_scores(path, labels, prepare.columns)
        return LaterRows(scores, None, rows, None, {})
    table, _, _ = read_scored(path, labels, prepare.columns, "file_order", prepare.clamp, ImportReport())
    scores = table[[SCORE + label for label in labels]].to_numpy(np.float64)
    return LaterRows(scores, table[labels].to_numpy(bool), table["row"].to_numpy(np.int64), _times(table), {})


def _messages(root: Path, path: Path, prepare: Messages, labels: list[str]) -> LaterRows:
    positive: Bools | None = None
    times = None
    if has_labels(path, prepare.columns):
        table, _ = read_messages(path, labels, prepare.columns, "file_order", ImportReport())
        texts, rows = table["text"].tolist(), table["row"].to_numpy(np.int64)
        positive, times = table[labels].to_numpy(bool), _times(table)
    else:
        texts, rows = read_unlabelled_texts(path, prepare.columns)
    texts = [clean_text(text) for text in texts]
    copies = len(texts) - len(np.unique(duplicate_groups(texts)))
    notes = {"copies": copies} if copies else {}
    return LaterRows(_model_scores(root, texts, labels), positive, rows, times, notes)


def _model_scores(root: Path, texts: list[str], labels: list[str]) -> Floats:
    """By the pinned model, as the score stage gives them."""
    score: Score = read_block(root / PARAMS, "fpr_thresholds.score", Score)
    folder, model = root / FOLDER / "model", score.model
    if model.kind == "ngrams":
        stored = read_arrays(folder / "ngrams.npz")
        features = ngram_features(texts, model.buckets, model.word_ngrams, model.char_ngrams)
        return ngram_scores(NgramModel(stored["coefficients"], stored["intercepts"]), features)
    from storage.messages import fasttext_models  # noqa: PLC0415 - the extra `fasttext` is optional

    file = root / model.file if isinstance(model, FasttextFile) else folder / "fasttext.bin"
    return np.clip(fasttext_models.load_and_score(file, labels, texts), 0, 1)
