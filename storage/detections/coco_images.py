"""Images and categories of COCO's JSON: of ground truth, and of images that nobody has annotated."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from storage.detections.json_rows import JsonRows
from storage.detections.records import LARGEST_SIDE, TRUTH_COLUMNS, GroundTruth, ImageNames, canonical
from storage.files.documents import read_foreign_json
from storage.files.inputs import InputError, shown

IMAGES_FILE = "images.json"  # stands beside results of images without ground truth


def read_coco_images(path: Path) -> GroundTruth:
    """Images and classes of COCO's JSON; what is annotated in it, if anything is, stays unread."""
    content = read_foreign_json(path)
    if not isinstance(content, Mapping) or not {"images", "categories"} <= set(content):
        raise InputError(
            path, "expected an object with images (id, file_name, width, height) and categories (id, name)"
        )
    images, _ = images_of(path, content["images"])
    category_ids, classes = categories_of(path, content["categories"])
    return GroundTruth(classes, category_ids, images, pd.DataFrame(columns=TRUTH_COLUMNS))


def images_of(path: Path, listed: Any) -> tuple[pd.DataFrame, ImageNames]:
    rows = JsonRows.of(path, listed, "images")
    if not len(rows):
        raise InputError(path, "holds no images; expected at least one", field="images")
    ids, names = rows.column("id"), rows.column("file_name")
    for position, (value, name) in enumerate(zip(ids, names, strict=True)):
        if not canonical(value):
            raise rows.error(position, f"expected a number or text, got {shown(value)}", "id")
        if not isinstance(name, str | None):
            raise rows.error(position, f"expected the name of a file, got {shown(name)}", "file_name")
    sizes = np.stack([rows.numbers("width"), rows.numbers("height")], axis=1)
    if len(odd := np.flatnonzero(((sizes <= 0) | (sizes > LARGEST_SIDE)).any(axis=1))):
        raise rows.error(
            int(odd[0]),
            f"width and height have to be above 0, and pixels of an image, got {shown(sizes[odd[0]].tolist())}",
        )
    files = [name or str(value) for name, value in zip(names, ids, strict=True)]
    images = pd.DataFrame({"id": pd.Series(ids, dtype=object), "file_name": files})
    images[["width", "height"]] = sizes
    return images, ImageNames(path, images)


def categories_of(path: Path, listed: Any) -> tuple[list[str], list[str]]:
    """Ids and names in the order of the ids, numbers by value."""
    rows = JsonRows.of(path, listed, "categories")
    pairs = [(canonical(row.get("id")), row.get("name")) for row in rows.rows]
    for place in (0, 1):
        values = [pair[place] for pair in pairs]
        if not values or not all(isinstance(value, str) and value for value in values):
            raise InputError(path, "every category needs an id and a name", field="categories")
        if twice := sorted(str(value) for value, count in Counter(values).items() if count > 1):
            raise InputError(path, f"{('id', 'name')[place]}s used twice: {shown(twice)}", field="categories")
    known = [(str(number), str(name)) for number, name in pairs]
    known.sort(
        key=lambda pair: (not pair[0].isdecimal(), len(pair[0]) if pair[0].isdecimal() else 0, pair[0])
    )
    return [number for number, _ in known], [name for _, name in known]
