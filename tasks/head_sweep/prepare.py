"""Cut rows out of images with class boxes, or take those of ready embeddings, and split them by group."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from methods.images.background_crops import background_boxes
from methods.splits.group_holdout import SPLITS, group_holdout, scarce, unlearnable
from methods.statistics.streams import stream
from params.ground_truth import CocoTruth, VocTruth, YoloTruth
from params.head_sweep import BoxCrops, Prepare, ReadyEmbeddings
from storage.detections.coco import read_coco_truth
from storage.detections.records import CORNERS, GroundTruth, ImportReport
from storage.detections.voc import read_voc_truth
from storage.detections.yolo import read_yolo_truth
from storage.files.documents import write_json
from storage.files.inputs import InputError
from storage.files.tables import write_parquet
from storage.heads.embeddings import BACKGROUND, is_background, read_rows
from storage.heads.pictures import file_digest, picture_files, picture_size

COLUMNS = ["id", "group", "label", "image", *CORNERS]


def main(params: Prepare, data: Path, rows: Path, prepared: Path) -> None:
    tables, facts = [], {}
    for name, dataset in params.datasets.items():
        report = ImportReport()
        match dataset:
            case BoxCrops():
                place = data / dataset.images
                table = _crops(dataset, data, report)
            case ReadyEmbeddings():
                place = data / dataset.files[0]
                table = _ready(dataset, data)
        table["split"] = _split(place, table, params)
        warnings = [*_check_classes(place, table, params.few_rows), *_copies(data, table)]
        sys.stdout.write(f"{name}:\n" + "".join(f"  {line}\n" for line in [*report.lines(), *warnings]))
        facts[name] = {
            "kind": dataset.kind,
            "splits": _counts(table),
            "classes": _class_counts(table),
            "importer": report.counts(),
            "warnings": warnings,
        }
        tables.append(table.assign(dataset=name))
    write_parquet(rows, pd.concat(tables, ignore_index=True)[["dataset", "split", *COLUMNS]])
    write_json(prepared, facts)


def _crops(params: BoxCrops, data: Path, report: ImportReport) -> pd.DataFrame:
    """One row per object and per square of background, image by image."""
    truth = _truth(params, data, report)
    files = _files(data / params.images, truth.images)
    objects = _objects(params, data, truth, report)
    squares = _background(params, truth, report, len(objects))
    table = pd.concat([objects, squares], ignore_index=True)
    number = table.groupby(["image", "background"]).cumcount() + 1
    group = truth.images["file_name"].map(lambda name: Path(str(name)).with_suffix("").as_posix())
    if group.duplicated().any():  # the same name with two suffixes
        group = truth.images["file_name"].astype(str)
    table["group"] = group.to_numpy()[table["image"].to_numpy()]
    kind = np.where(table["background"], "background", "object")
    table["id"] = [f"{name}/{what}_{n}" for name, what, n in zip(table["group"], kind, number, strict=True)]
    table["image"] = [(Path(params.images) / files[place]).as_posix() for place in table["image"]]
    return table.sort_values(["image", "background"], kind="stable", ignore_index=True)[COLUMNS]


def _truth(params: BoxCrops, data: Path, report: ImportReport) -> GroundTruth:
    match params.truth:
        case CocoTruth(file=file):
            return read_coco_truth(data / file, params.unknown, report)
        case YoloTruth(folder=folder, classes=classes, images=images, rows=rows):
            return read_yolo_truth(data / folder, data / classes, data / images, rows, params.unknown, report)
        case VocTruth(folder=folder, first_pixel=first_pixel):
            return read_voc_truth(data / folder, first_pixel, report)


def _files(folder: Path, images: pd.DataFrame) -> list[str]:
    """The file of each image, relative to `folder`; by the name it is listed under, or by that without its suffix."""
    there, found = picture_files(folder), []
    for name, width, height in images[["file_name", "width", "height"]].itertuples(index=False):
        path = there.get(str(name)) or there.get(Path(str(name)).name) or there.get(Path(str(name)).stem)
        if path is None:
            raise InputError(
                folder, f"there is no image {name!r}, which the boxes name; add it", field="file_name"
            )
        if (size := picture_size(path)) != (width, height):
            raise InputError(
                path,
                f"is {size[0]} x {size[1]} pixels, its boxes are of an image of {width:g} x {height:g}; they belong "
                "to another version of it",
            )
        found.append(path.relative_to(folder).as_posix())
    if twice := [name for name, count in Counter(found).items() if count > 1]:
        raise InputError(
            folder, f"{twice[0]!r} is the picture of {Counter(found)[twice[0]]} listed images; list it once",
            field="file_name",
        )  # fmt: skip
    return found


def _objects(params: BoxCrops, data: Path, truth: GroundTruth, report: ImportReport) -> pd.DataFrame:
    boxes = truth.boxes[~truth.boxes["crowd"]]
    report.drop(data, "region of a crowd, which is no single object", len(truth.boxes) - len(boxes))
    boxes = boxes.assign(label=np.array(truth.classes, object)[boxes["label"].to_numpy()], background=False)
    kept = _known(data / params.images, boxes["label"], params.classes, params.unknown == "drop")
    report.drop(data, "class that params.yaml does not name", int((~kept).sum()))
    return boxes[kept][["image", "label", "background", *CORNERS]]


def _known(path: Path, labels: "pd.Series[str]", classes: Any, drop: bool) -> "pd.Series[bool]":
    """Which rows have a label that may be learnt; InputError for others, unless they are dropped."""
    for label in labels.unique():
        if is_background(label) and label != BACKGROUND:
            raise InputError(
                path, f"label {label!r}: names that begin with {BACKGROUND} are for background; rename the class",
                field="label",
            )  # fmt: skip
    if classes == "all":
        return pd.Series(True, index=labels.index)
    known = labels.isin([*classes, BACKGROUND])
    if not known.all() and not drop:
        row = int(np.flatnonzero(~known)[0])
        raise InputError(
            path, f"unknown label {labels.iloc[row]!r}; params.yaml declares {classes}", row=row + 1, field="label"
        )  # fmt: skip
    return known


def _background(params: BoxCrops, truth: GroundTruth, report: ImportReport, objects: int) -> pd.DataFrame:
    """Squares off all boxes, crowds and dropped classes included; thinned to their largest share of the rows."""
    background, found = params.background, []
    by_image = dict(list(truth.boxes.groupby("image")))
    for place, (name, width, height) in enumerate(
        truth.images[["file_name", "width", "height"]].itertuples(index=False)
    ):
        boxes = by_image[place][CORNERS].to_numpy(np.float64) if place in by_image else np.empty((0, 4))
        squares = background_boxes(
            boxes, width, height, background.per_image, side=(background.side[0], background.side[1]), padding=background.padding,
            max_iou=background.max_iou, max_inside=background.max_inside, random=stream(background.seed, str(name)),
        )  # fmt: skip
        found += [(place, BACKGROUND, True, *square) for square in squares.tolist()]
    table = pd.DataFrame(found, columns=["image", "label", "background", *CORNERS])
    table = table.astype({"image": np.int64, "background": bool, **dict.fromkeys(CORNERS, np.float64)})
    report.drop(
        Path(params.images), "square of background that found no room",
        background.per_image * len(truth.images) - len(table),
    )  # fmt: skip
    most = int(background.max_share / (1 - background.max_share) * objects)
    kept = np.sort(stream(background.seed, "thinning").permutation(len(table))[:most])
    report.drop(
        Path(params.images), "square of background beyond its share of the rows", len(table) - len(kept)
    )
    return table.iloc[kept]


def _ready(params: ReadyEmbeddings, data: Path) -> pd.DataFrame:
    """The rows of the first file; every other has to have the same ones, in any order."""
    first: dict[str, tuple[str, str]] = {}
    for file in params.files:
        read = read_rows(data / file)
        rows = dict(zip(read.ids, zip(read.groups, read.labels, strict=True), strict=True))
        first = first or rows
        if differs := sorted(name for name in {*first, *rows} if first.get(name) != rows.get(name)):
            raise InputError(
                (data / file).with_suffix(".json"),
                f"{len(differs)} row(s) differ from those of {params.files[0]} in id, group or label, the first is "
                f"{differs[0]!r}; encoders of one dataset have the same rows",
                field="ids",
            )
    table = pd.DataFrame(
        [(name, group, label) for name, (group, label) in first.items()], columns=COLUMNS[:3]
    )
    _known((data / params.files[0]).with_suffix(".json"), table["label"], params.classes, drop=False)
    return table.assign(image="", **dict.fromkeys(CORNERS, np.nan))


def _split(path: Path, table: pd.DataFrame, params: Prepare) -> list[str]:
    try:
        split = group_holdout(table["group"], params.split.test, params.split.validation, params.split.seed)
    except ValueError as error:
        raise InputError(path, str(error), field="group") from None
    return [str(part) for part in split]


def _check_classes(path: Path, table: pd.DataFrame, few: int) -> list[str]:
    """InputError for a class that cannot be learnt or judged; warnings for one of which a split has few rows."""
    foreground = table[table["label"] != BACKGROUND]
    if foreground["label"].nunique() < 2:
        raise InputError(
            path, f"expected at least two classes, found {sorted(set(foreground['label']))}", field="label"
        )
    columns = [foreground[name].tolist() for name in ("label", "group", "split")]
    if why := unlearnable(*columns):
        name = next(iter(why))
        raise InputError(
            path,
            f"class {name!r}: {why[name]} ({len(why)} such class(es)); collect more, leave the class out "
            "(prepare.datasets.*.classes), or change prepare.split.seed if its groups fell badly",
            field="label",
        )
    return [
        f"warning: {part} has {rows} row(s) of {name}, fewer than {few}: "
        + ("its F1 there hangs on single rows" if rows else "the macro F1 there leaves it out")
        for part, name, rows in scarce(columns[0], columns[2], few)
    ]


def _copies(data: Path, table: pd.DataFrame) -> list[str]:
    """Warnings for pictures that are, byte for byte, those of another split: what is learnt there is tested here."""
    home: dict[str, tuple[str, str]] = {}
    warnings = []
    for name, split in table[["image", "split"]].drop_duplicates().itertuples(index=False):
        if name:
            first, where = home.setdefault(file_digest(data / name), (name, split))
            if where != split:
                warnings.append(
                    f"warning: {name} in {split} is a copy of {first} in {where}; leave one of them out"
                )
    return warnings


def _counts(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    counts = {}
    for part in SPLITS:
        of = table[table["split"] == part]
        background = int((of["label"] == BACKGROUND).sum())
        counts[part] = {
            "groups": of["group"].nunique(), "foreground": len(of) - background, "background": background,
        }  # fmt: skip
    return counts


def _class_counts(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Rows of each class in each split, the most frequent class first."""
    rows, total = Counter(zip(table["label"], table["split"], strict=True)), Counter(table["label"])
    return {
        name: {part: rows[name, part] for part in SPLITS}
        for name in sorted(total, key=lambda name: (-total[name], name))
    }
