"""Ground truth as YOLO writes it: one text file an image, one normalised box a line."""

import csv
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from storage.detections.records import (
    CORNERS,
    GroundTruth,
    ImageNames,
    ImportReport,
    Unknown,
    clipped,
    unknown_row,
)
from storage.files.fields import read_text
from storage.files.inputs import InputError

Rows = Literal["box", "pose", "segments"]
FURTHEST = 2.0  # a side or centre beyond this many image sizes was never normalised


def read_yolo_truth(
    folder: Path, classes_file: Path, images_file: Path, rows: Rows, unknown: Unknown, report: ImportReport
) -> GroundTruth:
    """Image ids are the files' stems; an image without a text file, or with an empty one, has no object."""
    classes = [line.strip() for line in read_text(classes_file).splitlines() if line.strip()]
    if not classes or len(set(classes)) < len(classes):
        raise InputError(classes_file, "expected one class name a line, each once")
    images = _images(images_file)
    names = ImageNames(images_file, images)
    image_sizes = images[["width", "height"]].to_numpy(np.float64)
    if not folder.is_dir():
        raise InputError(folder, "no such folder of label files; params.yaml names it")
    found = []
    for path in sorted(folder.glob("*.txt")):
        if path.resolve() == classes_file.resolve():
            continue
        place, _ = names.find(path.stem)
        if place < 0:
            unknown_row(path, unknown, report, "all", "image", path.stem, f"the images of {images_file.name}")
            continue
        width, height = image_sizes[place].tolist()
        for number, line in enumerate(read_text(path).splitlines(), 1):
            if not (fields := line.split()):
                continue
            values = _numbers(path, number, fields)
            label = int(values[0])
            if label != values[0] or not 0 <= label < len(classes):
                known = f"classes 0 to {len(classes) - 1}"
                unknown_row(path, unknown, report, number, "class", fields[0], known)
                continue
            x, y, wide, high = _box(path, number, values[1:], rows, report, folder)
            sides = (
                (x - wide / 2) * width,
                (y - high / 2) * height,
                (x + wide / 2) * width,
                (y + high / 2) * height,
            )
            found.append((place, label, *sides, False, wide * width * high * height))
    boxes = pd.DataFrame(found, columns=["image", "label", *CORNERS, "crowd", "area"])
    boxes = boxes.astype({"image": np.int64, "label": np.int64, "crowd": bool})
    ids = [str(number) for number in range(len(classes))]
    return GroundTruth(classes, ids, images, clipped(folder, boxes, images, report))


def _images(path: Path) -> pd.DataFrame:
    reader = csv.DictReader(read_text(path).splitlines())
    if missing := {"file_name", "width", "height"} - set(reader.fieldnames or ()):
        raise InputError(
            path, f"columns {sorted(missing)} are missing; expected file_name, width, height", row=1
        )
    rows = []
    for number, row in enumerate(reader, 2):
        if None in row or None in row.values():
            raise InputError(path, f"expected {len(reader.fieldnames or ())} fields", row=number)
        sizes = []
        for side in ("width", "height"):
            if not row[side].isdecimal() or int(row[side]) == 0:
                raise InputError(path, f"expected pixels above 0, got {row[side]!r}", row=number, field=side)
            sizes.append(float(row[side]))
        rows.append((Path(row["file_name"]).stem, row["file_name"], *sizes))
    return pd.DataFrame(rows, columns=["id", "file_name", "width", "height"]).astype({"id": object})


def _numbers(path: Path, row: int, fields: list[str]) -> list[float]:
    try:
        values = [float(field) for field in fields]
    except ValueError:
        raise InputError(path, f"expected numbers, got {' '.join(fields)!r}", row=row) from None
    if not np.isfinite(values).all():
        raise InputError(
            path, f"expected finite numbers, got {' '.join(fields)!r}; mend or remove the row", row=row
        )
    if max(map(abs, values[1:5]), default=0) > FURTHEST:
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
