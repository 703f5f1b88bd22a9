"""Images, classes and boxes as records, whatever file they came from, and what was dropped or repaired on the way."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.files.fields import read_text
from storage.files.inputs import InputError

Unknown = Literal["refuse", "drop"]
CORNERS = ["x1", "y1", "x2", "y2"]
LARGEST = 1e12
TEXT_AND_NUMBER = "image id is text in one file and a number in the other; taken by value"
SPLITS = ("train", "tune", "report")


@dataclass(frozen=True)
class GroundTruth:
    """images: id (number or text), file_name, width, height. boxes: image and label as places in images and classes, x1, y1, x2, y2,
    crowd, area. category_ids: of each class, as canonical text."""

    classes: list[str]
    category_ids: list[str]
    images: pd.DataFrame
    boxes: pd.DataFrame


@dataclass
class ImportReport:
    """How many rows of which file were dropped or repaired, by reason; told, so that nothing happens silently."""

    dropped: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)

    def drop(self, path: Path, reason: str, count: int = 1) -> None:
        self.dropped[f"{path.name}: {reason}"] += count

    def repair(self, path: Path, reason: str, count: int = 1) -> None:
        self.repaired[f"{path.name}: {reason}"] += count

    def counts(self) -> dict[str, dict[str, int]]:
        return {
            kind: {reason: counted[reason] for reason in sorted(counted) if counted[reason]}
            for kind, counted in (("dropped", self.dropped), ("repaired", self.repaired))
        }

    def lines(self) -> list[str]:
        lines = [
            f"{kind:8} {count:>6}  {reason}"
            for kind, counted in self.counts().items()
            for reason, count in counted.items()
        ]
        return lines or ["nothing was dropped or repaired"]


class ImageNames:
    """Finds an image by its id, written as number or text, or by its file's name with or without suffix."""

    def __init__(self, path: Path, images: pd.DataFrame) -> None:
        self._ids: dict[str, int] = {}
        self._files: dict[str, int] = {}
        self._written: dict[int, Any] = {}
        for place, (value, file_name) in enumerate(zip(images["id"], images["file_name"], strict=True)):
            if (known := canonical(value)) in self._ids:
                raise InputError(
                    path, f"image id {value!r} is used twice; ids have to tell images apart", field="images"
                )
            self._ids[str(known)], self._written[place] = place, value
            for name in (str(file_name), Path(str(file_name)).stem):
                # A name that two images share (in two folders) names neither.
                self._files[name] = -1 if self._files.get(name, place) != place else place

    def find(self, value: Any) -> tuple[int, str]:
        """Place of the image, -1 if unknown, and by what odd way it was found."""
        if (known := canonical(value)) in self._ids:
            place = self._ids[str(known)]
            as_written = self._written[place] == value
            return place, "" if as_written else TEXT_AND_NUMBER
        return self._files.get(str(value), -1), "image is named by its file; taken by that name"


def canonical(value: Any) -> str | None:
    """An id as text, so that 42, 42.0, "42" and "0042" are one; None for what is no id."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return str(int(value)) if value.isascii() and value.isdecimal() else value
    return None


def read_json_input(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise InputError(path, f"not JSON: {error.msg}", row=error.lineno) from None


def finite(path: Path, value: Any, row: int | str, name: str) -> float:
    """The number itself; text, NaN, infinity and what is as good as infinite raise InputError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < LARGEST:
        raise InputError(
            path, f"expected a finite number, got {value!r}; mend or remove the row", row=row, field=name
        )
    return float(value)


def clipped(path: Path, table: pd.DataFrame, images: pd.DataFrame, report: ImportReport) -> pd.DataFrame:
    """Boxes cut to their image (counted); those without width or height, before or after, dropped (counted)."""
    boxes = table[CORNERS].to_numpy(np.float64)
    positive = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    limits = images[["width", "height"]].to_numpy(np.float64)[table["image"].to_numpy(np.int64)]
    inside = np.hstack([np.clip(boxes[:, :2], 0, limits), np.clip(boxes[:, 2:], 0, limits)])
    left = np.asarray(positive & (inside[:, 2:] > inside[:, :2]).all(axis=1))
    report.drop(path, "width or height is not above 0", int((~positive).sum()))
    report.drop(path, "box lies outside its image", int((positive & ~left).sum()))
    report.repair(
        path, "box reached beyond its image, cut", int((left & (inside != boxes).any(axis=1)).sum())
    )
    kept: pd.DataFrame = table.assign(**dict(zip(CORNERS, inside.T, strict=True)))[left]
    return kept.reset_index(drop=True)


def unknown_row(
    path: Path, policy: Unknown, report: ImportReport, row: int | str, name: str, value: Any, known: str
) -> None:
    """A row of an image or category that is not there: InputError, or dropped and counted."""
    if policy == "refuse":
        raise InputError(
            path,
            f"{value!r} is not in the ground truth, which has {known}; mend the row, or set prepare.unknown to drop",
            row=row,
            field=name,
        )
    report.drop(path, f"unknown {name}")


def read_split(path: Path, images: pd.DataFrame) -> NDArray[np.str_]:
    """The split of each image, from a JSON file of image ids or file names under train, tune and report."""
    listed = read_json_input(path)
    if not isinstance(listed, Mapping) or set(listed) != set(SPLITS):
        raise InputError(path, f"expected lists of images under {', '.join(SPLITS)}")
    names, split = ImageNames(path, images), np.full(len(images), "", dtype="<U6")
    for part in SPLITS:
        if not isinstance(listed[part], Sequence) or isinstance(listed[part], str):
            raise InputError(path, f"expected a list of images, got {listed[part]!r}", field=part)
        for row, value in enumerate(listed[part], 1):
            place, _ = names.find(value)
            if place < 0:
                raise InputError(
                    path, f"image {value!r} is not in the ground truth; remove it", row=row, field=part
                )
            if split[place]:
                raise InputError(
                    path,
                    f"image {value!r} is in {split[place]} already; an image is in one split, once",
                    row=row,
                    field=part,
                )
            split[place] = part
    if (split == "").any():
        first = images["id"].iloc[int(np.flatnonzero(split == "")[0])]
        raise InputError(
            path,
            f"{int((split == '').sum())} image(s) are in no split, the first has id {first!r}; list each of them once",
        )
    return split
