"""COCO's JSON: ground truth, and the results of one source as a list or under `annotations`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.detections.coco_images import IMAGES_FILE, categories_of, images_of
from storage.detections.conventions import Convention, check_convention, corners
from storage.detections.json_rows import JsonRows, by_value
from storage.detections.records import (
    AMBIGUOUS,
    CORNERS,
    NOWHERE,
    SAME_OBJECT,
    TRUTH_COLUMNS,
    GroundTruth,
    ImageNames,
    Unknown,
    canonical,
    usable_boxes,
    without_repeats,
)
from storage.files.documents import read_foreign_json
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError, shown

RESULT_COLUMNS = ["image", "label", *CORNERS, "score", "scored", "id", "tile", "touches_edge", "prompt"]
SAME_RESULT = ["image", "label", *CORNERS, "score", "tile", "prompt"]
NUMBERINGS = "categories: from_0 or from_1 if it counts classes by place, or the list of its names"
Index = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ResultsFormat:
    """categories: ground_truth, from_0, from_1 (places in the order of the ground truth's ids) or names from 0; a file
    with `categories` of its own goes by their names. boxes: what its four numbers are. settled: by an export, so that an
    error says how to mend the file, not which parameter to set."""

    categories: str | list[str]
    boxes: Convention
    score_required: bool
    unique_ids: bool
    settled: bool = False


def read_coco_truth(path: Path, unknown: Unknown, report: ImportReport) -> GroundTruth:
    content = read_foreign_json(path)
    if not isinstance(content, Mapping) or not {"images", "annotations", "categories"} <= set(content):
        raise InputError(path, "expected an object with images, annotations and categories")
    images, names = images_of(path, content["images"])
    category_ids, classes = categories_of(path, content["categories"])
    rows = JsonRows.of(path, content["annotations"], "annotations")
    _count_ids(rows, report)
    label_of = {category: place for place, category in enumerate(category_ids)}
    image, label = _places(rows, names, label_of, _span(category_ids), unknown, report)
    usable = (image >= 0) & (label >= 0)
    numbers, sizes = rows.boxes(report), _sizes(images)[image]
    check_convention(path, numbers[usable], sizes[usable], "xywh")
    table = pd.DataFrame(corners(numbers, sizes, "xywh"), columns=CORNERS)
    table = table.assign(image=image, label=label, crowd=_crowds(rows, report))
    table["area"] = _areas(rows, numbers, report)
    table = without_repeats(path, table[usable], SAME_OBJECT, rows.place, report)
    boxes = usable_boxes(path, table, images, rows.place, report)
    return GroundTruth(classes, category_ids, images, boxes[TRUTH_COLUMNS])


def read_coco_results(
    path: Path, truth: GroundTruth, form: ResultsFormat, unknown: Unknown, report: ImportReport, content: Any = None
) -> pd.DataFrame:  # fmt: skip
    """RESULT_COLUMNS of each row that can be used; without a score, score is 0 and scored False.

    Optional in the file: id, tile, touches_edge, prompt. content: what it holds under these names, where it has others.
    """
    content = read_foreign_json(path) if content is None else content
    label_of = _numbering(path, truth, form.categories)
    if isinstance(content, Mapping):
        if "annotations" not in content:
            raise InputError(path, "expected a list of results, or an object with the list under annotations")
        report.repair(path, "results taken from under annotations")
        if content.get("categories"):
            ids, names = categories_of(path, content["categories"])
            label_of = _by_name(dict(zip(ids, names, strict=True)), truth.classes)
            report.repair(path, "categories mapped by the file's own names")
        content = content["annotations"]
    rows = JsonRows.of(path, content)
    if not len(rows):
        report.repair(path, "holds no results; the source found nothing")
    known = f"{_span(list(label_of))} by its numbering" + ("" if form.settled else f" ({NUMBERINGS})")
    image, label = _places(
        rows, ImageNames(path, truth.images), label_of, known, unknown, report, form.settled
    )
    usable = (image >= 0) & (label >= 0)
    numbers, sizes = rows.boxes(report), _sizes(truth.images)[image]
    advice = "convert" if form.settled else "set boxes: {} for this source"
    check_convention(path, numbers[usable], sizes[usable], form.boxes, advice)
    score, scored = _scores(rows, form, report)
    table = pd.DataFrame(corners(numbers, sizes, form.boxes), columns=CORNERS).assign(
        image=image, label=label, score=score, scored=scored, id=_result_ids(rows, form.unique_ids, report),
        tile=_tiles(rows), touches_edge=_flags(rows, "touches_edge"), prompt=_texts(rows, "prompt"),
    )  # fmt: skip
    # Of repeats the lowest id is kept, whatever the order of the rows.
    table = table[usable].sort_values("id", kind="stable")
    table = without_repeats(path, table, SAME_RESULT, rows.place, report).sort_index()
    return usable_boxes(path, table, truth.images, rows.place, report)[RESULT_COLUMNS]


def _span(ids: list[str]) -> str:
    return (
        f"ids {shown(ids[0])[1:-1]} to {shown(ids[-1])[1:-1]}, {len(ids)} in all" if ids else "no such class"
    )


def _numbering(path: Path, truth: GroundTruth, categories: str | list[str]) -> dict[str, int]:
    if isinstance(categories, list):
        if strange := sorted(set(categories) - set(truth.classes)):
            raise InputError(
                Path("params.yaml"), f"names {shown(strange)} of {path.name} are not classes of the ground truth",
                field="prepare.sources",
            )  # fmt: skip
        return _by_name({str(number): name for number, name in enumerate(categories)}, truth.classes)
    if categories == "ground_truth":
        return {number: place for place, number in enumerate(truth.category_ids)}
    return {str(place + (categories == "from_1")): place for place in range(len(truth.classes))}


def _by_name(names: dict[str, str], classes: list[str]) -> dict[str, int]:
    place = {name: number for number, name in enumerate(classes)}
    return {number: place[name] for number, name in names.items() if name in place}


def _places(
    rows: JsonRows, names: ImageNames, label_of: dict[str, int], known: str, unknown: Unknown, report: ImportReport,
    settled: bool = False,
) -> tuple[Index, Index]:  # fmt: skip
    """Per row its image and its class, negative where it has none; InputError, or counted, for those."""
    pairs = by_value(rows.column("image_id"), names.find)
    image = np.array([place for place, _ in pairs], np.int64)
    labels = by_value(rows.column("category_id"), lambda value: label_of.get(canonical(value) or "", NOWHERE))
    label = np.array(labels, np.int64)
    if len(odd := np.flatnonzero(image == AMBIGUOUS)):
        value = rows.column("image_id")[odd[0]]
        raise rows.error(
            int(odd[0]), f"{shown(value)} is the id of one image and the file of another; write the id as a number",
            "image_id",
        )  # fmt: skip
    strangers = {"image_id": ("no such image", image < 0), "category_id": (known, (image >= 0) & (label < 0))}
    listing = IMAGES_FILE if settled else "the ground truth"
    remedy = "mend or remove them" if settled else "mend them, or set prepare.unknown to drop"
    for name, (there, missing) in strangers.items():
        positions = np.flatnonzero(missing)
        if len(positions) and unknown == "refuse":
            value = rows.column(name)[positions[0]]
            raise rows.error(
                int(positions[0]),
                f"{shown(value)} is not in {listing}, which has {there}; {len(positions)} such row(s): {remedy}",
                name,
            )
        report.drop(rows.path, f"unknown {name}", len(positions), rows.quotes(positions, name))
    for remark in {remark for place, remark in {*pairs} if place >= 0 and remark}:
        report.repair(rows.path, remark, sum(pair[0] >= 0 and pair[1] == remark for pair in pairs))
    return image, label


def _sizes(images: pd.DataFrame) -> Floats:
    return images[["width", "height"]].to_numpy(np.float64)


def _count_ids(rows: JsonRows, report: ImportReport) -> None:
    """Annotation ids serve for nothing here; what other tools stumble over is told."""
    ids = [canonical(value) for value in rows.column("id")]
    named = [value for value in ids if value not in (None, "0")]
    # pycocotools reads 0 as "not matched": a perfect detector gets an AP of .252, without a word.
    report.repair(rows.path, "annotation id is 0, renumbered", ids.count("0"))
    report.repair(rows.path, "annotation id is missing, numbered", ids.count(None))
    report.repair(rows.path, "annotation id is used twice, renumbered", len(named) - len(set(named)))


def _crowds(rows: JsonRows, report: ImportReport) -> NDArray[np.bool_]:
    crowds = rows.column("iscrowd")
    report.repair(rows.path, "iscrowd is missing, taken as 0", crowds.count(None))
    for position, crowd in enumerate(crowds):
        if not isinstance(crowd, int | float | None) or crowd not in (None, 0, 1):
            raise rows.error(position, f"expected 0 or 1, got {shown(crowd)}", "iscrowd")
    return np.array([bool(crowd) for crowd in crowds], bool)


def _areas(rows: JsonRows, boxes: Floats, report: ImportReport) -> Floats:
    areas = rows.column("area")
    missing = np.array([area is None for area in areas], bool)
    report.repair(rows.path, "area is missing, taken as width x height", int(missing.sum()))
    numbers = rows.numbers("area", [0 if area is None else area for area in areas])
    if (numbers < 0).any():
        position = int((numbers < 0).argmax())
        raise rows.error(position, f"expected an area of at least 0, got {shown(areas[position])}", "area")
    return np.where(missing, boxes[:, 2] * boxes[:, 3], numbers)


def _scores(rows: JsonRows, form: ResultsFormat, report: ImportReport) -> tuple[Floats, NDArray[np.bool_]]:
    """0 where there is none, and where there is one."""
    scores = rows.column("score")
    missing = np.array([score is None for score in scores], bool)
    if form.score_required and missing.any():
        advice = "add it" if form.settled else "add it, or set scores: optional for this source"
        raise rows.error(
            int(missing.argmax()), f"is missing in {int(missing.sum())} row(s); {advice}", "score"
        )
    report.repair(rows.path, "score is missing, taken as 0", int(missing.sum()))
    numbers = rows.numbers("score", [0 if score is None else score for score in scores])
    if len(odd := np.flatnonzero((numbers < 0) | (numbers > 1))):
        percent = ", if these are percentages divide them by 100" if 1 < numbers.max() <= 100 else ""
        raise rows.error(
            int(odd[0]),
            f"expected a score in [0, 1], got {scores[odd[0]]}; rescale the {len(odd)} row(s) that are not{percent}", "score",
        )  # fmt: skip
    return numbers, ~missing


def _result_ids(rows: JsonRows, unique: bool, report: ImportReport) -> list[str]:
    names, used, repeats = [canonical(value) for value in rows.column("id")], set[str](), 0
    for position, name in enumerate(names):
        if unique and (name is None or name in used):
            raise rows.error(
                position,
                f"{shown(rows.rows[position].get('id'))} is missing or used twice, but the classifier's file is "
                "aligned by it",
                "id",
            )
        repeats += name in used
        used.add(name or "")
    report.repair(rows.path, "result id is used twice; kept, as nothing goes by it", repeats)
    return [f"row {position}" if name is None else name for position, name in enumerate(names, 1)]


def _tiles(rows: JsonRows) -> Index:
    return rows.numbers("tile", [-1 if tile is None else tile for tile in rows.column("tile")]).astype(
        np.int64
    )


def _flags(rows: JsonRows, name: str) -> list[bool]:
    flags = rows.column(name)
    for position, flag in enumerate(flags):
        if not isinstance(flag, int | None) or flag not in (None, 0, 1):
            raise rows.error(position, f"expected true or false, got {shown(flag)}", name)
    return [bool(flag) for flag in flags]


def _texts(rows: JsonRows, name: str) -> list[str]:
    texts = rows.column(name)
    for position, text in enumerate(texts):
        if not isinstance(text, str | None):
            raise rows.error(position, f"expected text, got {shown(text)}", name)
    return [text or "" for text in texts]
