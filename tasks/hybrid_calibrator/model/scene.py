"""One variant's files as the arrays that compare works on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.detection.evaluation import Detections, TruthBoxes, row_log_loss
from methods.detection.rows import CALIBRATED, DetectionRow, DetectionScene, baseline_rows
from methods.experts.blending import image_folds
from params.hybrid_calibrator import Compare
from storage.files.arrays import read_arrays
from storage.files.documents import read_json
from storage.files.inputs import InputError
from storage.files.tables import read_parquet
from tasks.hybrid_calibrator.model.columns import SETS

BOX = ["x1", "y1", "x2", "y2"]
COLUMNS = ["image", "label", *BOX, "score"]


@dataclass(frozen=True)
class DetectionVariant:
    """classes, sources, options: names, the control first; control: its place in rows. classified: whether any source has a
    classifier; without one, options whose probabilities are those of an earlier one are left out, and copies says of which.

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
    control: int
    rows: list[DetectionRow]
    scene: DetectionScene
    probabilities: NDArray[np.float64]
    positive: NDArray[np.bool_]
    image: NDArray[np.int64]
    facts: dict[str, Any]
    train_loss: dict[str, NDArray[np.float64]]
    train_image: NDArray[np.int64]


def load(
    name: str, params: Compare, candidates: Path, raw: Path, ground_truth: Path, prepared: Path,
    predictions: Path, fitted: Path,
) -> DetectionVariant:  # fmt: skip
    facts, table = read_json(prepared), read_parquet(candidates, [*COLUMNS, "ignored", "positive"])
    split = np.array([image["split"] for image in facts["images"]])
    # Of train images rows are asked for nothing but the loss of what was fitted there.
    found = read_parquet(raw, [*COLUMNS, "source"])
    found = found[split[found["image"]] != "train"]
    classes: list[str] = facts["classes"]
    sources = [source["name"] for source in facts["sources"]]
    if unknown := sorted(set(params.detectors) - set(sources)):
        raise InputError(
            Path("params.yaml"), f"names {unknown}, which are no sources; there are {sources}",
            field="hybrid_calibrator.compare.detectors",
        )  # fmt: skip
    scene = DetectionScene(
        _truth(read_parquet(ground_truth), len(split), classes),
        _detections(found),
        found["source"].map({source: number for number, source in enumerate(sources)}).to_numpy(np.int64),
        len(sources),
        np.isin(sources, params.detectors),
        np.array([source["scored"] for source in facts["sources"]], bool),
        _tune_folds(split == "tune", params),
        split == "report",
    )
    boxes = _detections(table)
    asked = (split != "train")[boxes.image]
    judged = boxes.where(asked)
    stored = read_arrays(predictions)
    classified = any(source["classifier"] for source in facts["sources"])
    found_options = {
        str(option): p for option, p in zip(stored["options"], stored["probabilities"], strict=True)
    }
    copies = {} if classified else _copies(found_options)
    options = [option for option in found_options if option not in copies]
    calibrated = [
        DetectionRow(
            option, CALIBRATED, Detections(judged.image, judged.label, judged.boxes, found_options[option][asked]), True, True
        )
        for option in options
    ]  # fmt: skip
    report = scene.report[boxes.image] & ~table["ignored"].to_numpy(bool)
    train = (split == "train")[boxes.image] & ~table["ignored"].to_numpy(bool)
    positive = table["positive"].to_numpy(bool)
    tried = {name: stored[f"expert:{name}"][train] for name in SETS if f"expert:{name}" in stored}
    baselines = baseline_rows(scene, sources, judged, params.union_iou, params.fusion_iou)
    return DetectionVariant(
        name, classes, sources, options, classified, copies, len(baselines), [*baselines, *calibrated], scene,
        np.stack([found_options[option][report] for option in options]), positive[report],
        (np.cumsum(scene.report) - 1)[boxes.image[report]], read_json(fitted),
        {name: row_log_loss(p, positive[train]) for name, p in tried.items()},
        (np.cumsum(split == "train") - 1)[boxes.image[train]],
    )  # fmt: skip


def _copies(options: dict[str, NDArray[np.float64]]) -> dict[str, str]:
    """Option -> the first one that says the same of every candidate."""
    names = list(options)
    first = {
        name: next(other for other in names if np.array_equal(options[name], options[other]))
        for name in names
    }
    return {name: other for name, other in first.items() if other != name}


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
