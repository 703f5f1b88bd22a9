"""What detectors found in new images, and the list of these, that an exported calibrator decides."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from params.hybrid_calibrator import Features
from serving.folder import Decider
from storage.files.row_streams import row_blocks
from tasks.hybrid_calibrator.use.new_images import decide_images
from tests.fuzz.harness import Importer
from tests.fuzz.importers.hybrid_calibrator import CLASSES, RESULTS, boxes, truth_json, write_json

SOURCES = ("first", "second")
FEATURES = {"projection": {"size": 4, "seed": 1}, "radius": 0.1, "tail": 2.0, "prompt_buckets": 4}


class AnyColumns(list[str]):
    """Whichever columns are made."""

    __hash__ = None

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


class Corners:
    """In the place of a calibrator: what it says of a candidate is of its box and no other; features have to be numbers."""

    def __init__(self) -> None:
        source = {"boxes": "xywh", "scores": "optional", "categories": "ground_truth", "classifier": None}
        detections = {
            "sources": {name: {**source, "file": f"{name}.json"} for name in SOURCES}, "unknown": "drop", "dedupe_iou": 0.99,
            "features": Features.model_validate(FEATURES).model_dump(),
            "shape_mean": [[0.0, 0.0]] * len(CLASSES), "shape_deviation": [[1.0, 1.0]] * len(CLASSES),
        }  # fmt: skip
        variants = {"nonwindow": {"structured": AnyColumns()}}
        decision = {"classes": CLASSES, "variants": variants, "detections": detections}
        self.export: Any = SimpleNamespace(inputs=(), decision=decision, file=Path)

    def decide(self, inputs: Any, /) -> dict[str, Any]:
        assert np.isfinite(inputs["structured"]).all()
        return {"p_final": inputs["box"].sum(axis=1), "accepted": np.ones(len(inputs["box"]), bool)}


def write(folder: Path, random: np.random.Generator) -> None:
    truth = truth_json(random)
    write_json(folder / "images.json", {"images": truth["images"], "categories": truth["categories"]})
    rows = [
        {
            "id": at, "image_id": 10 + row.image, "category_id": 3 * (row.label + 1), "bbox": row.bbox,
            "score": round(float(random.random()), 6),
        }
        for at, row in enumerate(boxes(random, RESULTS))
    ]  # fmt: skip
    for place, name in enumerate(SOURCES):
        write_json(folder / f"{name}.json", rows[place::2])


def read(target: str, by_image: bool, folder: Path) -> Mapping[str, object]:
    """By the width, which no two boxes share, or by image."""
    decider: Decider = Corners()
    written = folder / f"decided.{target}"
    try:
        count = decide_images(decider, folder, written)
        rows = list(results(written) if target == "json" else candidates(written))
    finally:
        written.unlink(missing_ok=True)
    assert len(rows) == count
    if not by_image:
        return {f"{width:.6f}": (image, *more) for image, width, *more in rows}
    images = {str(image) for image, *_ in rows}
    return {each: sorted(row[1:] for row in rows if str(row[0]) == each) for each in images}


def results(path: Path) -> list[tuple[Any, ...]]:
    return [
        (row["image_id"], row["bbox"][2], row["category_id"], *row["bbox"])
        for row in json.loads(path.read_text(encoding="utf-8"))
    ]


def candidates(path: Path) -> list[tuple[Any, ...]]:
    return [
        (image, x2 - x1, label, x1, x2, p)
        for block in row_blocks(path)
        for image, label, x1, x2, p in zip(
            *(list(block.columns[name]) for name in ("image", "label", "x1", "x2", "p_final")), strict=True
        )
    ]


IMPORTERS = [
    Importer(
        "new_images results into json", "hybrid_calibrator", write, partial(read, "json", False), only=("first.json",)
    ),
    Importer(
        "new_images results into jsonl", "hybrid_calibrator", write, partial(read, "jsonl", False), only=("second.json",)
    ),
    Importer(
        "new_images images", "hybrid_calibrator", write, partial(read, "json", True), only=("images.json",)
    ),
]  # fmt: skip
