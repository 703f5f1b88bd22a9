"""Images that nobody has annotated: sizes and classes are read, annotations are not."""

import json
from pathlib import Path
from typing import Any

import pytest

from storage.detections.coco_images import read_coco_images
from storage.files.inputs import InputError

IMAGE = {"id": 7, "file_name": "seven.jpg", "width": 640, "height": 480}
CATEGORIES = [{"id": 10, "name": "nut"}, {"id": 9, "name": "bolt"}]


def written(folder: Path, **content: Any) -> Path:
    path = folder / "images.json"
    path.write_text(json.dumps(content))
    return path


def test_annotations_may_be_missing_and_are_not_looked_at(tmp_path: Path) -> None:
    for more in ({}, {"annotations": [{"bbox": "nonsense"}]}):
        found = read_coco_images(written(tmp_path, images=[IMAGE], categories=CATEGORIES, **more))
        assert (found.classes, found.category_ids) == (["bolt", "nut"], ["9", "10"])
        assert found.images.to_dict("records") == [IMAGE]
        assert not len(found.boxes)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"images": [IMAGE]}, r"images\.json: expected an object with images .* and categories \(id, name\)"),
        ({"images": [{**IMAGE, "height": 0}], "categories": CATEGORIES}, "row 1 of images: width and height have"),
        ({"images": [{**IMAGE, "height": "480"}], "categories": CATEGORIES}, "field height: expected a finite number"),
        ({"images": [IMAGE, IMAGE], "categories": CATEGORIES}, "field images: image id 7 is used twice"),
        ({"images": [IMAGE], "categories": []}, "field categories: every category needs an id and a name"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(tmp_path: Path, content: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_coco_images(written(tmp_path, **content))
