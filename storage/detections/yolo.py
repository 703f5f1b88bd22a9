"""Ground truth as YOLO writes it: one text file an image, one normalised box a line."""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from storage.detections.conventions import check_convention, corners
from storage.detections.records import (
    CORNERS,
    LARGEST_SIDE,
    SAME_OBJECT,
    TRUTH_COLUMNS,
    GroundTruth,
    ImageNames,
    Unknown,
    unknown_row,
    usable_boxes,
    without_repeats,
)
from storage.files.documents import read_text
from storage.files.foreign import read_foreign_table
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError, shown

Rows = Literal["box", "pose", "segments"]
FURTHEST = 2.0  # a side or centre beyond this many image sizes was never normalised
SHARES = ["x", "y", "wide", "high"]


def read_yolo_truth(
    folder: Path, classes_file: Path, images_file: Path, rows: Rows, unknown: Unknown, report: ImportReport
) -> GroundTruth:
    """Image ids are the files' stems; an image without a text file, or with an empty one, has no object."""
    classes = [line.strip() for line in read_text(classes_file).splitlines() if line.strip()]
    if not classes or len(set(classes)) < len(classes):
        raise InputError(classes_file, "expected one class name a line, each once")
    images = _images(images_file)
    names = ImageNames(images_file, images)
    if not folder.is_dir():
        raise InputError(folder, "no such folder of label files; params.yaml names it")
    listed, places = [], []
    for path in sorted(folder.glob("*.txt")):
        if path.resolve() == classes_file.resolve():
            continue
        image, _ = names.find(path.stem)
        if image < 0:
            known = f"the images of {images_file.name}"
            unknown_row(path, unknown, report, "all", "image", path.stem, known, folder)
            continue
        for number, line in enumerate(read_text(path).split("\n"), 1):
            if not (fields := line.split()):
                continue
            values = _numbers(path, number, fields, rows)
            label = int(values[0])
            if label != values[0] or not 0 <= label < len(classes):
                known = f"classes 0 to {len(classes) - 1}"
                unknown_row(path, unknown, report, number, "class", fields[0], known, folder)
                continue
            listed.append((image, label, *_box(path, number, values[1:], rows, report, folder)))
            places.append(f"{shown(path.name)[1:-1]} row {number}")
    boxes = pd.DataFrame(listed, columns=["image", "label", *SHARES])
    boxes = boxes.astype({"image": np.int64, "label": np.int64, **dict.fromkeys(SHARES, np.float64)})
    sizes = images[["width", "height"]].to_numpy(np.float64)[boxes["image"].to_numpy()]
    shares = boxes[SHARES].to_numpy()
    check_convention(folder, shares, sizes, "cxcywh_shares")
    boxes[CORNERS] = corners(shares, sizes, "cxcywh_shares")
    boxes["crowd"] = False
    boxes["area"] = shares[:, 2] * sizes[:, 0] * shares[:, 3] * sizes[:, 1]
    boxes = without_repeats(folder, boxes, SAME_OBJECT, places.__getitem__, report)
    boxes = usable_boxes(folder, boxes, images, places.__getitem__, report)
    ids = [str(number) for number in range(len(classes))]
    return GroundTruth(classes, ids, images, boxes[TRUTH_COLUMNS])


def _images(path: Path) -> pd.DataFrame:
    """From a table of whatever kind that can be read."""
    table = read_foreign_table(path)
    table.require(["file_name", "width", "height"], "file_name, width, height")
    files = table.text("file_name").tolist()
    if "" in files:
        raise InputError(path, "expected a file's name", row=table.row(files.index("")), field="file_name")
    images = pd.DataFrame({"id": [Path(name).stem for name in files], "file_name": files}, dtype=object)
    for side in ("width", "height"):
        sizes = table.numbers(side)
        if len(odd := np.flatnonzero(~((sizes > 0) & (sizes <= LARGEST_SIDE) & (sizes % 1 == 0)))):
            raise InputError(
                path, f"expected pixels above 0, got {shown(table.text(side).iloc[odd[0]])}",
                row=table.row(int(odd[0])), field=side,
            )  # fmt: skip
        images[side] = sizes
    return images


def _numbers(path: Path, row: int, fields: list[str], rows: Rows) -> list[float]:
    line = shown(" ".join(fields))
    try:
        values = [float(field) for field in fields]
    except ValueError:
        raise InputError(path, f"expected numbers, got {line}", row=row) from None
    if not np.isfinite(values).all():
        raise InputError(path, f"expected finite numbers, got {line}; mend or remove the row", row=row)
    if max(map(abs, values[1:] if rows == "segments" else values[1:5]), default=0) > FURTHEST:
        raise InputError(path, "expected a box in shares of the image; these are pixels", row=row)
    return values


def _box(
    path: Path, row: int, values: list[float], rows: Rows, report: ImportReport, folder: Path
) -> list[float]:
    """x, y of the centre, width, height."""
    if rows == "segments" and len(values) >= 6 and len(values) % 2 == 0:
        points = np.reshape(values, (-1, 2))
        low, high = points.min(axis=0), points.max(axis=0)
        report.repair(folder, "box taken around the segment")
        return [*((low + high) / 2).tolist(), *(high - low).tolist()]
    if rows == "pose" and len(values) > 4:
        report.repair(folder, "keypoints left out")
        return values[:4]
    if rows != "segments" and len(values) == 4:
        return values
    raise InputError(
        path,
        f"{len(values)} numbers after the class are no {rows}; set prepare.ground_truth.rows to box (4 numbers), "
        "pose (4 and keypoints) or segments (pairs)",
        row=row,
    )
