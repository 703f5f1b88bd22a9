"""Annotated boxes of a data folder, in whichever form params.yaml says that they are."""

from pathlib import Path
from typing import Literal

from params.ground_truth import CocoTruth, VocTruth, YoloTruth
from storage.detections.coco import read_coco_truth
from storage.detections.records import GroundTruth
from storage.detections.voc import read_voc_truth
from storage.detections.yolo import read_yolo_truth
from storage.files.import_report import ImportReport
from storage.files.places import declared, listed


def read_ground_truth(
    stated: CocoTruth | YoloTruth | VocTruth,
    data: Path,
    field: str,
    unknown: Literal["refuse", "drop"],
    report: ImportReport,
) -> GroundTruth:
    """field: of params.yaml, under which `stated` stands. Raises InputError."""

    def place(name: str) -> Path:
        found = listed if name == "folder" else declared
        return found(data, getattr(stated, name), f"{field}.{name}")

    match stated:
        case CocoTruth():
            return read_coco_truth(place("file"), unknown, report)
        case YoloTruth(rows=rows):
            return read_yolo_truth(place("folder"), place("classes"), place("images"), rows, unknown, report)
        case VocTruth(first_pixel=first_pixel):
            return read_voc_truth(place("folder"), first_pixel, report)
