"""One variant's files as the arrays that compare works on."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.detection.evaluation import Detections, TruthBoxes, row_log_loss
from methods.detection.rows import CALIBRATED, DetectionRow, DetectionScene, baseline_rows
from methods.experts.blending import image_folds
from params.hybrid_calibrator import Compare
from storage.files.arrays import array_rows, read_arrays
from storage.files.documents import read_json
from storage.files.inputs import InputError
from storage.files.tables import parquet_blocks, read_parquet
from tasks.hybrid_calibrator.model.columns import SETS

BOX = ["x1", "y1", "x2", "y2"]
COLUMNS = ["image", "label", *BOX, "score"]


@dataclass(frozen=True)
class DetectionVariant:
    """classes, sources, options: names, the control first. classified: whether any source has a classifier; without one,
    options whose probabilities are those of an earlier one are left out, and copies says of which. candidates: of the
    images that tune or report; scores: of each option, for these.

    probabilities (options, n), positive (n,) and image (n,), numbered within report: of the report candidates that
    no crowd swallows. train_loss: per set of columns that the control could have, the out-of-fold log-loss of each
    train candidate; train_image its image.
    """

    name: str
    classes: list[str]
    sources: list[str]
    options: list[str]
    classified: bool
    copies: dict[str, str]
    scene: DetectionScene
    candidates: Detections
    scores: list[NDArray[np.float64]]
    probabilities: NDArray[np.float64]
    positive: NDArray[np.bool_]
    image: NDArray[np.int64]
    facts: dict[str, Any]
    train_loss: dict[str, NDArray[np.float64]]
    train_image: NDArray[np.int64]

    def rows(self, params: Compare) -> Iterator[DetectionRow]:
        """One after the other, as each holds boxes of its own: what needs no calibrator, then the options."""
        yield from baseline_rows(
            self.scene, self.sources, self.candidates, params.union_iou, params.fusion_iou
        )
        for option, scores in zip(self.options, self.scores, strict=True):
            yield DetectionRow(option, CALIBRATED, replace(self.candidates, scores=scores), True, True)


def load(
    name: str, params: Compare, candidates: Path, raw: Path, ground_truth: Path, prepared: Path,
    predictions: Path, fitted: Path,
) -> DetectionVariant:  # fmt: skip
    facts = read_json(prepared)
    split = np.array([image["split"] for image in facts["images"]])
    tune, report, train = (split == part for part in ("tune", "report", "train"))
    classes: list[str] = facts["classes"]
    sources = [source["name"] for source in facts["sources"]]
    if unknown := sorted(set(params.detectors) - set(sources)):
        raise InputError(
            Path("params.yaml"), f"names {unknown}, which are no sources; there are {sources}",
            field="hybrid_calibrator.compare.detectors",
        )  # fmt: skip
    # Of train images rows are asked for nothing but the loss of what was fitted there.
    found, source = _raw(raw, ~train, sources)
    scene = DetectionScene(
        _truth(read_parquet(ground_truth), len(split), classes), found, source, len(sources),
        np.isin(sources, params.detectors), np.array([source["scored"] for source in facts["sources"]], bool),
        _tune_folds(tune, params), report,
    )  # fmt: skip
    known = read_parquet(candidates, ["image", "positive", "ignored"])
    image, counted = known["image"].to_numpy(np.int64), ~known["ignored"].to_numpy(bool)
    asked, shown, fitted_on = ~train[image], report[image] & counted, train[image] & counted
    positive = known["positive"].to_numpy(bool)
    classified = any(source["classifier"] for source in facts["sources"])
    copies: dict[str, str] = {}
    scores, probabilities = {}, {}
    for option, p, alike in _options(predictions):
        if alike is not None and not classified:
            copies[option] = alike
        else:
            scores[option], probabilities[option] = p[asked], p[shown]
    train_loss = {
        of_columns: row_log_loss(p[fitted_on], positive[fitted_on])
        for of_columns in SETS
        for p in read_arrays(predictions, [f"expert:{of_columns}"]).values()
    }
    return DetectionVariant(
        name, classes, sources, [*scores], classified, copies, scene, _detections(_boxes_in(~train, candidates)),
        [*scores.values()], np.stack([*probabilities.values()]), positive[shown],
        (np.cumsum(report) - 1)[image[shown]], read_json(fitted), train_loss,
        (np.cumsum(train) - 1)[image[fitted_on]],
    )  # fmt: skip


def _options(predictions: Path) -> Iterator[tuple[str, NDArray[np.float64], str | None]]:
    """Each option, its probabilities, one in memory at a time, and the first option that said the same of every candidate."""
    names = read_arrays(predictions, ["options"])["options"].tolist()
    seen: dict[bytes, str] = {}
    for name, p in zip(names, array_rows(predictions, "probabilities"), strict=True):
        digest = hashlib.sha256(p.data).digest()
        yield name, p, seen.get(digest)
        seen.setdefault(digest, name)


def _boxes_in(images: NDArray[np.bool_], path: Path, *more: str) -> pd.DataFrame:
    blocks = parquet_blocks(path, [*COLUMNS, *more])
    return pd.concat([block[images[block["image"]]] for block in blocks], ignore_index=True)


def _raw(path: Path, images: NDArray[np.bool_], sources: list[str]) -> tuple[Detections, NDArray[np.int64]]:
    """Boxes of these images, and the place of each one's source."""
    table = _boxes_in(images, path, "source")
    return _detections(table), pd.Index(sources).get_indexer(pd.Index(table["source"])).astype(np.int64)


def _detections(table: pd.DataFrame) -> Detections:
    return Detections(
        table["image"].to_numpy(np.int64), table["label"].to_numpy(np.int64), table[BOX].to_numpy(np.float64),
        table["score"].to_numpy(np.float64),
    )  # fmt: skip


def _truth(table: pd.DataFrame, images: int, classes: list[str]) -> TruthBoxes:
    return TruthBoxes(
        images, len(classes), table["image"].to_numpy(np.int64), table["label"].to_numpy(np.int64),
        table[BOX].to_numpy(np.float64), table["crowd"].to_numpy(bool),
    )  # fmt: skip


def _tune_folds(tune: NDArray[np.bool_], params: Compare) -> NDArray[np.int64]:
    """Per image its fold; -1 where it does not tune."""
    fold = np.full(len(tune), -1, np.int64)
    fold[tune] = image_folds(np.flatnonzero(tune), params.adoption.folds, params.seed)
    return fold
