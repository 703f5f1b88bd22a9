"""COCO's JSON: ground truth, and the results of one source as a list or under `annotations`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from storage.detections.records import (
    CORNERS,
    GroundTruth,
    ImageNames,
    ImportReport,
    Unknown,
    canonical,
    clipped,
    finite,
    read_json_input,
    unknown_row,
)
from storage.files.inputs import InputError

RESULT_COLUMNS = ("image", "label", *CORNERS, "score", "scored", "id", "tile", "touches_edge", "prompt")
NUMBERINGS = "categories: from_0 or from_1 if it counts classes by place, or the list of its names"


def read_coco_truth(path: Path, unknown: Unknown, report: ImportReport) -> GroundTruth:
    content = read_json_input(path)
    if not isinstance(content, Mapping) or not {"images", "annotations", "categories"} <= set(content):
        raise InputError(path, "expected an object with images, annotations and categories")
    images, names = _images(path, content["images"])
    category_ids, classes = _categories(path, content["categories"])
    label_of = {category: place for place, category in enumerate(category_ids)}
    rows, used = [], set[str]()
    for number, annotation in enumerate(_objects(path, content["annotations"], "annotations"), 1):
        row = f"{number} of annotations"
        _repair_id(path, annotation, used, report)
        place = _image(path, annotation, names, unknown, report, row)
        label = label_of.get(str(canonical(annotation.get("category_id"))), -1)
        if place >= 0 > label:
            unknown_row(
                path, unknown, report, row, "category_id", annotation.get("category_id"), _span(category_ids)
            )
        x, y, width, height = _bbox(path, annotation, row, report)
        if (crowd := annotation.get("iscrowd")) is None:
            report.repair(path, "iscrowd is missing, taken as 0")
        elif crowd not in (0, 1):
            raise InputError(path, f"expected 0 or 1, got {crowd!r}", row=row, field="iscrowd")
        area = annotation.get("area")
        if area is None:
            report.repair(path, "area is missing, taken as width x height")
        size = width * height if area is None else finite(path, area, row, "area")
        if place >= 0 and label >= 0:
            rows.append((place, label, x, y, x + width, y + height, bool(crowd), size))
    boxes = pd.DataFrame(rows, columns=["image", "label", *CORNERS, "crowd", "area"])
    boxes = boxes.astype({"image": np.int64, "label": np.int64, "crowd": bool})
    return GroundTruth(classes, category_ids, images, clipped(path, boxes, images, report))


def read_coco_results(
    path: Path,
    truth: GroundTruth,
    categories: str | list[str],
    score_required: bool,
    unique_ids: bool,
    unknown: Unknown,
    report: ImportReport,
) -> pd.DataFrame:
    """RESULT_COLUMNS of each row that can be used; without a score, score is 0 and scored False.

    categories: ground_truth, from_0, from_1 (places in the order of the ground truth's ids) or names from 0;
    a file with `categories` of its own goes by their names. Optional: id, tile, touches_edge, prompt.
    """
    content = read_json_input(path)
    label_of = _numbering(path, truth, categories)
    if isinstance(content, Mapping):
        if "annotations" not in content:
            raise InputError(path, "expected a list of results, or an object with the list under annotations")
        report.repair(path, "results taken from under annotations")
        if content.get("categories"):
            ids, names = _categories(path, content["categories"])
            label_of = _by_name(dict(zip(ids, names, strict=True)), truth.classes)
            report.repair(path, "categories mapped by the file's own names")
        content = content["annotations"]
    results = _objects(path, content, "results")
    if not results:
        report.repair(path, "holds no results; the source found nothing")
    images, rows, used = ImageNames(path, truth.images), [], set[str]()
    for number, result in enumerate(results, 1):
        place = _image(path, result, images, unknown, report, number)
        label = label_of.get(str(canonical(result.get("category_id"))), -1)
        if place >= 0 > label:
            known = f"{_span(list(label_of))} by its numbering ({NUMBERINGS})"
            unknown_row(path, unknown, report, number, "category_id", result.get("category_id"), known)
        x, y, width, height = _bbox(path, result, number, report)
        score = _score(path, result, score_required, number, report)
        name = _result_id(path, result, used, unique_ids, number, report)
        tile = result.get("tile")
        if place >= 0 and label >= 0:
            rows.append((
                place, label, x, y, x + width, y + height, score or 0.0, score is not None, name,
                -1 if tile is None else int(finite(path, tile, number, "tile")),
                bool(result.get("touches_edge") or False), str(result.get("prompt") or ""),
            ))  # fmt: skip
    table = pd.DataFrame(rows, columns=list(RESULT_COLUMNS))
    numbers = dict.fromkeys(("image", "label", "tile"), np.int64) | dict.fromkeys(
        (*CORNERS, "score"), np.float64
    )
    table = table.astype({**numbers, "scored": bool, "touches_edge": bool, "id": str, "prompt": str})
    return clipped(path, table, truth.images, report)


def segmentation_box(segmentation: Any) -> list[float] | None:
    """x, y, width, height of polygons or of a run-length mask; None for what is neither or empty."""
    try:
        if isinstance(segmentation, list):
            points = np.concatenate(
                [np.reshape(np.asarray(part, np.float64), (-1, 2)) for part in segmentation]
            )
            low, high = points.min(axis=0), points.max(axis=0)
            return [*low.tolist(), *(high - low).tolist()]
        height, counts = int(segmentation["size"][0]), segmentation["counts"]
        edges = np.cumsum(_run_lengths(counts) if isinstance(counts, str) else np.asarray(counts, np.int64))
    except (ValueError, TypeError, KeyError, IndexError):
        return None
    starts, stops = edges[0:-1:2], edges[1::2]
    starts, stops = starts[stops > starts], stops[stops > starts]
    if not len(starts) or height < 1:
        return None
    first, last = starts // height, (stops - 1) // height
    goes_on = (last > first).any()  # into the next column, so it touches the lower and the upper border
    top = 0 if goes_on else int((starts % height).min())
    bottom = height - 1 if goes_on else int(((stops - 1) % height).max())
    left = int(first.min())
    return [float(left), float(top), float(int(last.max()) - left + 1), float(bottom - top + 1)]


def _run_lengths(text: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """COCO's compressed counts: six-bit characters, low bits first, each beyond the third added to the last but one."""
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return np.array(counts, np.int64)


def _images(path: Path, listed: Any) -> tuple[pd.DataFrame, ImageNames]:
    rows = []
    for number, image in enumerate(_objects(path, listed, "images"), 1):
        row = f"{number} of images"
        if canonical(image.get("id")) is None:
            raise InputError(path, f"expected a number or text, got {image.get('id')!r}", row=row, field="id")
        sizes = [finite(path, image.get(side), row, side) for side in ("width", "height")]
        if min(sizes) <= 0:
            raise InputError(path, f"width and height have to be above 0, got {sizes}", row=row)
        rows.append((image["id"], str(image.get("file_name") or image["id"]), *sizes))
    images = pd.DataFrame(rows, columns=["id", "file_name", "width", "height"]).astype({"id": object})
    return images, ImageNames(path, images)


def _categories(path: Path, listed: Any) -> tuple[list[str], list[str]]:
    """Ids and names in the order of the ids, numbers by value."""
    pairs = [(canonical(each.get("id")), each.get("name")) for each in _objects(path, listed, "categories")]
    for place in (0, 1):
        values = [pair[place] for pair in pairs]
        if not values or not all(isinstance(value, str) and value for value in values):
            raise InputError(path, "every category needs an id and a name", field="categories")
        if twice := sorted({str(value) for value in values if values.count(value) > 1}):
            raise InputError(path, f"{('id', 'name')[place]}s used twice: {twice}", field="categories")
    known = [(str(number), str(name)) for number, name in pairs]
    known.sort(
        key=lambda pair: (not pair[0].isdecimal(), int(pair[0]) if pair[0].isdecimal() else 0, pair[0])
    )
    return [number for number, _ in known], [name for _, name in known]


def _span(ids: list[str]) -> str:
    return f"ids {ids[0]} to {ids[-1]}, {len(ids)} in all" if ids else "no such class"


def _numbering(path: Path, truth: GroundTruth, categories: str | list[str]) -> dict[str, int]:
    if isinstance(categories, list):
        if strange := sorted(set(categories) - set(truth.classes)):
            raise InputError(
                Path("params.yaml"), f"names {strange} of {path.name} are not classes of the ground truth",
                field="prepare.sources",
            )  # fmt: skip
        return _by_name({str(number): name for number, name in enumerate(categories)}, truth.classes)
    if categories == "ground_truth":
        return {number: place for place, number in enumerate(truth.category_ids)}
    return {str(place + (categories == "from_1")): place for place in range(len(truth.classes))}


def _by_name(names: dict[str, str], classes: list[str]) -> dict[str, int]:
    return {number: classes.index(name) for number, name in names.items() if name in classes}


def _objects(path: Path, listed: Any, what: str) -> list[Mapping[str, Any]]:
    if not isinstance(listed, list):
        raise InputError(path, f"expected a list of {what}, got {type(listed).__name__}")
    for number, each in enumerate(listed, 1):
        if not isinstance(each, Mapping):
            raise InputError(path, f"expected an object, got {each!r}", row=f"{number} of {what}")
    return listed


def _repair_id(path: Path, annotation: Mapping[str, Any], used: set[str], report: ImportReport) -> None:
    number = canonical(annotation.get("id"))
    if number == "0":
        # pycocotools reads 0 as "not matched": a perfect detector gets an AP of .252, without a word.
        report.repair(path, "annotation id is 0, renumbered")
    elif number is None:
        report.repair(path, "annotation id is missing, numbered")
    elif number in used:
        report.repair(path, "annotation id is used twice, renumbered")
    used.add(str(number))


def _image(
    path: Path, row: Mapping[str, Any], names: ImageNames, unknown: Unknown, report: ImportReport,
    number: int | str,
) -> int:  # fmt: skip
    place, odd = names.find(row.get("image_id"))
    if place < 0:
        unknown_row(path, unknown, report, number, "image_id", row.get("image_id"), "no such image")
    elif odd:
        report.repair(path, odd)
    return place


def _bbox(path: Path, row: Mapping[str, Any], number: int | str, report: ImportReport) -> list[float]:
    box = row.get("bbox")
    if box is None:
        box = segmentation_box(row.get("segmentation"))
        if box is None:
            raise InputError(
                path, "expected bbox [x, y, width, height] or a segmentation", row=number, field="bbox"
            )
        report.repair(path, "bbox is missing, taken around the segmentation")
    if not isinstance(box, list) or len(box) != 4:
        raise InputError(path, f"expected [x, y, width, height], got {box!r}", row=number, field="bbox")
    return [finite(path, side, number, "bbox") for side in box]


def _score(
    path: Path, row: Mapping[str, Any], required: bool, number: int, report: ImportReport
) -> float | None:
    if row.get("score") is None:
        if required:
            raise InputError(
                path, "is missing; add it, or set scores: optional for this source", row=number, field="score"
            )
        report.repair(path, "score is missing, taken as 0")
        return None
    score = finite(path, row["score"], number, "score")
    if not 0 <= score <= 1:
        raise InputError(
            path, f"expected a score in [0, 1], got {score}; rescale it", row=number, field="score"
        )
    return score


def _result_id(
    path: Path, row: Mapping[str, Any], used: set[str], unique: bool, number: int, report: ImportReport
) -> str:
    name = canonical(row.get("id"))
    if unique and (name is None or name in used):
        raise InputError(
            path, f"{row.get('id')!r} is missing or used twice, but the classifier's file is aligned by it",
            row=number, field="id",
        )  # fmt: skip
    if name is not None and name in used:
        report.repair(path, "result id is used twice; kept, as nothing goes by it")
    name = f"row {number}" if name is None else name
    used.add(name)
    return name
