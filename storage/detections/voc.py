"""Ground truth as Pascal VOC writes it: one XML file an image, corners in pixels."""

import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from storage.detections.conventions import check_convention
from storage.detections.records import (
    CORNERS,
    LARGEST_SIDE,
    SAME_OBJECT,
    TRUTH_COLUMNS,
    GroundTruth,
    usable_boxes,
    without_repeats,
)
from storage.files.documents import read_text
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError, shown

SIDES = ("xmin", "ymin", "xmax", "ymax")


def read_voc_truth(folder: Path, first_pixel: int, report: ImportReport) -> GroundTruth:
    """Image ids are the files' stems; classes are the names found, sorted, numbered from 0.

    first_pixel 1: the leftmost pixel is 1 and xmax is the last one inside, so a box spans xmin - 1 to xmax.
    first_pixel 0: corners are taken as they are. Objects marked difficult are kept like others (counted).
    """
    paths = sorted(folder.glob("*.xml"))
    if not paths:
        raise InputError(folder, "no XML file there; params.yaml names the folder")
    images, rows, places = [], [], []
    for place, path in enumerate(paths):
        root = _parsed(path)
        sizes = [_number(path, root.findtext(f"size/{side}"), f"size/{side}") for side in ("width", "height")]
        if min(sizes) <= 0 or max(sizes) > LARGEST_SIDE:
            raise InputError(path, f"width and height have to be above 0, got {shown(sizes)}", field="size")
        images.append((path.stem, root.findtext("filename") or path.stem, *sizes))
        for row, each in enumerate(root.iter("object"), 1):
            if not (name := (each.findtext("name") or "").strip()):
                raise InputError(path, "expected a class name", row=f"{row} of objects", field="name")
            x1, y1, x2, y2 = (_number(path, each.findtext(f"bndbox/{side}"), side, row) for side in SIDES)
            if (each.findtext("difficult") or "0").strip() == "1":
                report.repair(folder, "object marked difficult, kept like others")
            rows.append((place, name, x1 - first_pixel, y1 - first_pixel, x2, y2))
            places.append(f"{shown(path.name)[1:-1]} object {row}")
    table = pd.DataFrame(images, columns=["id", "file_name", "width", "height"]).astype({"id": object})
    boxes = pd.DataFrame(rows, columns=["image", "label", *CORNERS])
    classes = sorted(set(boxes["label"]))
    number = {name: label for label, name in enumerate(classes)}
    boxes["label"] = [number[name] for name in boxes["label"]]
    boxes = boxes.astype({"image": np.int64, "label": np.int64, **dict.fromkeys(CORNERS, np.float64)})
    pixels = table[["width", "height"]].to_numpy(np.float64)[boxes["image"].to_numpy()]
    check_convention(folder, boxes[CORNERS].to_numpy(), pixels, "xyxy")
    boxes["crowd"] = False
    boxes["area"] = (boxes["x2"] - boxes["x1"]) * (boxes["y2"] - boxes["y1"])
    boxes = without_repeats(folder, boxes, SAME_OBJECT, places.__getitem__, report)
    boxes = usable_boxes(folder, boxes, table, places.__getitem__, report)
    ids = [str(number) for number in range(len(classes))]
    return GroundTruth(classes, ids, table, boxes[TRUTH_COLUMNS])


def _parsed(path: Path) -> ElementTree.Element:
    text = read_text(path)
    if "<!ENTITY" in text:
        raise InputError(path, "declares XML entities, which VOC never needs; remove them")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise InputError(path, f"not XML: {error}", row=error.position[0]) from None


def _number(path: Path, text: str | None, name: str, row: int | None = None) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(
            path, f"expected a finite number, got {shown(text)}; mend or remove it",
            row=row and f"{row} of objects", field=name,
        )  # fmt: skip
    return value
