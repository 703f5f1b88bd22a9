"""Images, classes and boxes as records, whatever file they came from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.files.content import copies
from storage.files.documents import read_foreign_json
from storage.files.import_report import EXAMPLES, ImportReport
from storage.files.inputs import InputError, shown

Unknown = Literal["refuse", "drop"]
CORNERS = ["x1", "y1", "x2", "y2"]
TRUTH_COLUMNS = ["image", "label", *CORNERS, "crowd", "area"]
SAME_OBJECT = TRUTH_COLUMNS[:-1]
TEXT_AND_NUMBER = "image id is text in one file and a number in the other; taken by value"
NAMED_BY_FILE = "image is named by its file; taken by that name"
SPLITS = ("train", "tune", "report")
NOWHERE, AMBIGUOUS = -1, -2  # places of images that a row does not name, or names in two ways
LARGEST_SIDE = 10_000_000  # pixels of an image


@dataclass(frozen=True)
class GroundTruth:
    """images: id (number or text), file_name, width, height. boxes: image and label as places in images and classes, x1, y1, x2, y2,
    crowd, area. category_ids: of each class, as canonical text."""

    classes: list[str]
    category_ids: list[str]
    images: pd.DataFrame
    boxes: pd.DataFrame


class ImageNames:
    """Finds an image by its id, written as number or text, or by its file's name with or without suffix."""

    def __init__(self, path: Path, images: pd.DataFrame) -> None:
        self._ids: dict[str, int] = {}
        self._files: dict[str, int] = {}
        self._written: dict[int, Any] = {}
        for place, (value, file_name) in enumerate(zip(images["id"], images["file_name"], strict=True)):
            if (known := canonical(value)) in self._ids:
                raise InputError(
                    path,
                    f"image id {shown(value)} is used twice; ids have to tell images apart",
                    field="images",
                )
            self._ids[str(known)], self._written[place] = place, value
            for name in (str(file_name), Path(str(file_name)).stem):
                # A name that two images share (in two folders) names neither.
                self._files[name] = NOWHERE if self._files.get(name, place) != place else place

    def find(self, value: Any) -> tuple[int, str]:
        """Place of the image, and by what odd way it was found; NOWHERE, or AMBIGUOUS for text that is the number of
        one image and the file of another."""
        by_file = self._files.get(value, NOWHERE) if isinstance(value, str) else NOWHERE
        place = self._ids.get(canonical(value) or "", NOWHERE)
        if place == NOWHERE:
            return by_file, NAMED_BY_FILE
        if self._written[place] == value:
            return place, ""
        return (place if by_file in (NOWHERE, place) else AMBIGUOUS), TEXT_AND_NUMBER


def canonical(value: Any) -> str | None:
    """An id as text, so that 42, 42.0, "42" and "0042" are one; None for what is no id."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return value.lstrip("0") or value[:1] if value.isascii() and value.isdecimal() else value
    return None


def without_repeats(
    path: Path, table: pd.DataFrame, same: list[str], where: Callable[[int], str], report: ImportReport
) -> pd.DataFrame:
    """The first of the rows that are the same in all of `same`. where: of an index label, what an example says."""
    repeats = table.index[np.flatnonzero(table.duplicated(same))]
    _tell(report.drop, path, "repeats a box of the same image and class", repeats, where)
    return table.drop(index=repeats)


def usable_boxes(
    path: Path, table: pd.DataFrame, images: pd.DataFrame, where: Callable[[int], str], report: ImportReport
) -> pd.DataFrame:
    """Boxes cut to their image (counted), without those that have no width or height, before or after (counted)."""
    boxes = table[CORNERS].to_numpy(np.float64)
    limits = images[["width", "height"]].to_numpy(np.float64)[table["image"].to_numpy(np.int64)]
    inside = np.hstack([np.clip(boxes[:, :2], 0, limits), np.clip(boxes[:, 2:], 0, limits)])
    empty = ~(boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    outside = ~empty & ~(inside[:, 2:] > inside[:, :2]).all(axis=1)
    left = ~empty & ~outside
    for say, reason, rows in (
        (report.drop, "width or height is not above 0", empty),
        (report.drop, "box lies outside its image", outside),
        (report.repair, "box begins before its image (negative x or y), cut", left & (boxes < 0).any(axis=1)),
        (report.repair, "box reached beyond its image, cut", left & (boxes[:, 2:] > limits).any(axis=1)),
    ):
        _tell(say, path, reason, table.index[np.flatnonzero(rows)], where)
    table = table.assign(**dict(zip(CORNERS, inside.T, strict=True)))
    return table.iloc[np.flatnonzero(left)].reset_index(drop=True)


def _tell(
    say: Callable[..., None], path: Path, reason: str, labels: pd.Index, where: Callable[[int], str]
) -> None:
    say(path, reason, len(labels), [where(each) for each in labels[:EXAMPLES]])


def unknown_row(
    path: Path, policy: Unknown, report: ImportReport, row: int | str, name: str, value: Any, known: str, of: Path
) -> None:  # fmt: skip
    """A row of an image or category that is not there: InputError, or dropped and counted for the folder `of` path."""
    if policy == "refuse":
        raise InputError(
            path,
            f"{shown(value)} is not in the ground truth, which has {known}; mend the row, or set prepare.unknown to drop",
            row=row,
            field=name,
        )
    report.drop(of, f"unknown {name}", examples=[f"{shown(path.name)[1:-1]} row {row}: {shown(value)}"])


def read_split(path: Path, images: pd.DataFrame) -> NDArray[np.str_]:
    """The split of each image, from a JSON file of image ids or file names under train, tune and report."""
    listed = read_foreign_json(path)
    if not isinstance(listed, Mapping) or not {*SPLITS} <= {*listed}:
        raise InputError(path, f"expected lists of images under {', '.join(SPLITS)}")
    names, split = ImageNames(path, images), np.full(len(images), "", dtype="<U6")
    for part in SPLITS:
        if not isinstance(listed[part], list):
            raise InputError(path, f"expected a list of images, got {shown(listed[part])}", field=part)
        for row, value in enumerate(listed[part], 1):
            place, _ = names.find(value)
            if place < 0:
                raise InputError(
                    path, f"image {shown(value)} is not in the ground truth, or names two of its images; remove it",
                    row=row, field=part,
                )  # fmt: skip
            if split[place]:
                raise InputError(
                    path,
                    f"image {shown(value)} is in {split[place]} already; an image is in one split, once",
                    row=row,
                    field=part,
                )
            split[place] = part
    _check_split(path, images, split)
    return split


def _check_split(path: Path, images: pd.DataFrame, split: NDArray[np.str_]) -> None:
    ids = images["id"].tolist()
    if (split == "").any():
        first = ids[int(np.flatnonzero(split == "")[0])]
        raise InputError(
            path,
            f"{int((split == '').sum())} image(s) are in no split, the first has id {shown(first)}; "
            "list each of them once",
        )
    for same in copies(images["file_name"].tolist()):
        for each in same:
            if split[each] != split[same[0]]:
                raise InputError(
                    path,
                    f"images {shown(ids[same[0]])} ({split[same[0]]}) and {shown(ids[each])} ({split[each]}) are one file, "
                    f"{shown(images['file_name'].iloc[each])}; put both into one split",
                )
