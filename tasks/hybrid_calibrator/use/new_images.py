"""New images without ground truth: from the results of each detector to accepted detections, as the pipeline does it."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.candidates import ACCEPTED, BOX, DENSE, FINAL, HAS, IMAGE, LABEL, STRUCTURED, VARIANT
from serving.folder import MANIFEST, Decider
from storage.detections.coco_images import IMAGES_FILE, read_coco_images
from storage.detections.records import CORNERS, GroundTruth
from storage.files.documents import read_foreign_json, write_text
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError, shown
from storage.files.row_streams import known_format
from storage.files.row_writers import block_writer
from tasks.hybrid_calibrator.model import description
from tasks.hybrid_calibrator.model.candidates import in_order, merged, source_boxes
from tasks.hybrid_calibrator.use.detection_settings import DetectionSettings
from tasks.hybrid_calibrator.use.study import detector_of
from tasks.intake.application import decided

DETECTIONS = "detections"  # of an export's decision: what DetectionSettings says
COCO = ".json"
DIGITS = 6  # of pixels: a difference of corners has more than their file had


def decide_images(decider: Decider, source: Path, target: Path) -> int:
    """source: a folder of images.json and each detector's file. target: .json for the accepted detections as COCO results, else
    a table of all candidates. Raises InputError."""
    if target.suffix != COCO:
        known_format(target)
    settings, report = _settings(decider), ImportReport()
    variant, stated = variant_of(decider, source)
    images = _images(source / IMAGES_FILE, decider.export.decision["classes"])
    boxes = _boxes(source, settings, DENSE in stated, images, report)
    table = merged(boxes, list(settings.sources), len(images.classes), settings.dedupe_iou)
    columns = {
        STRUCTURED: _structured(decider, settings, stated, table, boxes, images),
        DENSE: _dense(decider, settings, stated, table, boxes, source, images, report),
        HAS: table[[f"has:{name}" for name in settings.sources]].to_numpy(bool),
        LABEL: np.array(images.classes)[table["label"].to_numpy(np.int64)],
        IMAGE: table["image"].to_numpy(np.int64),
        BOX: table[CORNERS].to_numpy(np.float64),
        VARIANT: np.full(len(table), variant),
    }
    made = decided(decider, source, columns, None)
    if target.suffix == COCO:
        _write_results(target, table, images, made)
    else:
        ids = np.array([str(each) for each in images.images["id"]])
        with block_writer(target) as writer:
            writer.write({**candidate_columns(table, ids, columns[LABEL]), **made})
    _tell(source, images, boxes, table, made, report)
    return len(table)


def variant_of(decider: Decider, source: Path) -> tuple[str, Mapping[str, Any]]:
    """The variant that the folder is of, by its name where the export has several, and what the export states of it."""
    variants = decider.export.decision["variants"]
    name = source.resolve().name if len(variants) > 1 else next(iter(variants))
    if name not in variants:
        raise InputError(
            source, f"is no variant of the export; expected a folder called one of {', '.join(variants)}"
        )
    return name, variants[name]


def candidate_columns(table: pd.DataFrame, ids: NDArray[Any], label: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """What is written of candidates beside the decision. ids: of all images, as text."""
    return {
        "candidate": table["candidate"].to_numpy(), "image": ids[table["image"].to_numpy(np.int64)], "label": label,
        **{name: table[name].to_numpy() for name in CORNERS},
    }  # fmt: skip


def _settings(decider: Decider) -> DetectionSettings:
    stated = decider.export.decision.get(DETECTIONS)
    if stated is None:
        raise InputError(
            decider.export.file(MANIFEST), "says nothing of how features are made: it is older than that; export again",
            field=f"decision.{DETECTIONS}",
        )  # fmt: skip
    return DetectionSettings.model_validate(stated)


def _images(path: Path, classes: list[str]) -> GroundTruth:
    """Images, and the classes that were learned, in their order; the file numbers them as it likes."""
    images = read_coco_images(path)
    ids = dict(zip(images.classes, images.category_ids, strict=True))
    if {*ids} != {*classes}:
        raise InputError(
            path, f"has {shown(images.classes)}; expected the classes that were learned, each with the id that the "
            f"detectors' files give it: {', '.join(classes)}", field="categories",
        )  # fmt: skip
    return GroundTruth(classes, [ids[name] for name in classes], images.images, images.boxes)


def _boxes(
    source: Path, settings: DetectionSettings, sees_crops: bool, images: GroundTruth, report: ImportReport
) -> pd.DataFrame:
    """All boxes, in order. sees_crops: whether their ids have to lead to what a classifier says."""
    tables = []
    for name, each in settings.sources.items():
        path = _given(source, each.file, f"what {name} found", "; if it found nothing, write []")
        content = _under_our_names(path, images.classes, report)
        plain = each if sees_crops else each.model_copy(update={"classifier": None})
        tables.append(source_boxes(path, plain, images, settings.unknown, report, content))
    return in_order(tables, list(settings.sources))


def _under_our_names(path: Path, classes: list[str], report: ImportReport) -> Any:
    """As a new study takes a detector's file: other names of keys are recognised, and classes by their names."""
    content = read_foreign_json(path)
    detector = detector_of(path, content, None, classes)
    for ours, theirs in detector.keys.items():
        if ours != theirs:
            report.repair(path, f"{ours} is called {shown(theirs)[1:-1]}; taken as that", len(detector.rows))
    return detector.rewriting.results(content) if detector.rewriting else content


def _structured(
    decider: Decider, settings: DetectionSettings, stated: Mapping[str, Any], table: pd.DataFrame, boxes: pd.DataFrame,
    images: GroundTruth,
) -> NDArray[np.float32]:  # fmt: skip
    sizes = images.images[["width", "height"]].to_numpy(np.float64)
    names, matrix = description.structured(
        settings.features, table, boxes, settings.priors, sizes, images.classes, list(settings.sources)
    )
    if names != stated[STRUCTURED]:
        raise InputError(
            decider.export.file(MANIFEST), "names other columns than are made here: a version of this repository wrote it that "
            "makes others; apply it with that one, or export again", field=STRUCTURED,
        )  # fmt: skip
    return matrix


def _dense(
    decider: Decider, settings: DetectionSettings, stated: Mapping[str, Any], table: pd.DataFrame, boxes: pd.DataFrame,
    source: Path, images: GroundTruth, report: ImportReport,
) -> NDArray[np.float16]:  # fmt: skip
    """What is asked of a variant that sees no crops, since another one does, is zeros."""
    if DENSE not in stated:
        width = next((each.shape for each in decider.export.inputs if each.name == DENSE), None) or (0,)
        return np.zeros((len(table), width[0] if isinstance(width[0], int) else 0), np.float16)
    dense = np.zeros((len(table), len(stated[DENSE])), np.float16)
    for name, each in settings.sources.items():
        if each.classifier is None or not (boxes["source"] == name).any():
            continue
        path = _given(source, each.classifier, f"what the classifier says of each crop of {each.file}, by id")
        projection = settings.features.projection
        names, rows, values = description.dense(projection, boxes, name, path, images.classes, report)
        if names != stated[DENSE]:
            raise InputError(
                path, f"gives {len(names)} columns unlike the {len(stated[DENSE])} that were learned from; use the same "
                "classifier", field="embeddings",
            )  # fmt: skip
        dense[rows] = values
    return dense


def _given(folder: Path, name: str, what: str, otherwise: str = "") -> Path:
    if not (path := folder / name).is_file():
        raise InputError(path, f"no such file; expected {what}{otherwise}")
    return path


def _write_results(
    target: Path, table: pd.DataFrame, images: GroundTruth, made: Mapping[str, NDArray[Any]]
) -> None:
    """The accepted detections, ids as the images' file has them."""
    ids = images.images["id"].tolist()
    categories = [int(each) if each.isdecimal() else each for each in images.category_ids]
    accepted = table[made[ACCEPTED]].assign(score=made[FINAL][made[ACCEPTED]])
    rows = [
        {
            "image_id": ids[row["image"]],
            "category_id": categories[row["label"]],
            "bbox": np.round(
                [row["x1"], row["y1"], row["x2"] - row["x1"], row["y2"] - row["y1"]], DIGITS
            ).tolist(),
            "score": row["score"],
        }
        for row in accepted.to_dict("records")
    ]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    write_text(target, f"[\n{lines}\n]\n")


def _tell(
    source: Path, images: GroundTruth, boxes: pd.DataFrame, table: pd.DataFrame, made: Mapping[str, NDArray[Any]],
    report: ImportReport,
) -> None:  # fmt: skip
    counted = "".join(f"  {line}\n" for line in report.lines())
    empty = len(images.images) - table["image"].nunique()
    sys.stdout.write(
        f"import of {source}:\n{counted}{len(images.images):,} images ({empty:,} without a candidate), {len(boxes):,} boxes, "
        f"{len(table):,} candidates, {int(made[ACCEPTED].sum()):,} accepted\n"
    )
