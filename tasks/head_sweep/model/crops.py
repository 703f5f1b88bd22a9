"""Rows cut out of images with class boxes: objects, and squares of background off all of them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from methods.images.background_crops import background_boxes
from methods.splits.joined_groups import joined_groups
from methods.statistics.streams import stream
from params.head_sweep import BoxCrops
from storage.detections.records import CORNERS, GroundTruth
from storage.files.content import copies, file_digest
from storage.files.import_report import EXAMPLES, ImportReport
from storage.files.inputs import InputError, shown
from storage.files.places import listed
from storage.heads.embeddings import BACKGROUND, is_background
from storage.heads.pictures import picture_files, picture_size
from tasks.intake.ground_truth import read_ground_truth

DATASETS = "head_sweep.prepare.datasets"
COLUMNS = ["id", "group", "label", "image", *CORNERS]


def crops(params: BoxCrops, data: Path, report: ImportReport) -> pd.DataFrame:
    """One row per object and per square of background, image by image; copies of a picture are one group."""
    truth = read_ground_truth(params.truth, data, f"{DATASETS}.truth", params.unknown, report)
    folder = listed(data, params.images, f"{DATASETS}.images")
    files = _files(folder, truth.images)
    objects = _objects(params, data, truth, report)
    squares = _background(params, truth, report, len(objects))
    table = pd.concat([objects, squares], ignore_index=True)
    number = table.groupby(["image", "background"]).cumcount() + 1
    group = truth.images["file_name"].map(lambda name: Path(str(name)).with_suffix("").as_posix())
    if group.duplicated().any():  # the same name with two suffixes
        group = truth.images["file_name"].astype(str)
    own = group.to_numpy()[table["image"].to_numpy()]
    kind = np.where(table["background"], "background", "object")
    table["id"] = [f"{name}/{what}_{n}" for name, what, n in zip(own, kind, number, strict=True)]
    same = copies([file_digest(folder / file) for file in files])
    note_copies(folder, same, files, report)
    table["group"] = np.array(joined_groups(group.tolist(), same), object)[table["image"].to_numpy()]
    table["image"] = [(Path(params.images) / files[place]).as_posix() for place in table["image"]]
    return table.sort_values(["image", "background"], kind="stable", ignore_index=True)[COLUMNS]


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
    kept = known_labels(data / params.images, boxes["label"], params.classes, params.unknown == "drop")
    report.drop(data, "class that params.yaml does not name", int((~kept).sum()))
    return boxes[kept][["image", "label", "background", *CORNERS]]


def known_labels(path: Path, labels: "pd.Series[str]", classes: Any, drop: bool) -> "pd.Series[bool]":
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


def note_copies(path: Path, same: list[list[int]], names: Sequence[str], report: ImportReport) -> None:
    more = [names[row] for rows in same for row in rows[1:]]
    report.note(
        path,
        "copy of another one, in one group with it",
        len(more),
        [shown(name) for name in more[:EXAMPLES]],
    )
