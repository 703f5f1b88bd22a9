"""What a study of hybrid_calibrator makes of somebody's files: ground truth as COCO, and results of detectors."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from storage.detections.guessed_convention import best_convention
from storage.files.documents import read_foreign_json, read_json
from storage.files.formats import listed
from storage.files.inputs import InputError, shown
from tasks.intake.proposal import Proposal
from tasks.intake.rewriting import Rewriting

EXPERIMENT = "hybrid_calibrator"
LOOKED_AT = 1000  # rows, whose keys are those of the file
TRUTH = ("images", "annotations", "categories")
PROMPTED = re.compile(r"sam|prompt", re.IGNORECASE)
KEYS = {  # ours -> what else they are called
    "image_id": ("imageid", "image", "img", "imgid", "filename", "file", "imagename"),
    "category_id": (
        "categoryid",
        "category",
        "class",
        "classid",
        "cls",
        "label",
        "labelid",
        "classname",
        "name",
    ),
    "bbox": ("box", "boxes", "bndbox", "boundingbox", "xyxy", "xywh"),
    "score": ("confidence", "conf", "probability", "prob"),
}
NEEDED = ("image_id", "category_id", "bbox")
SCORES = {"score", *KEYS["score"]}


def options(block: Mapping[str, Any]) -> dict[str, list[str]]:
    """One run for each variant that the data has."""
    return {"variant": list(block["prepare"]["variants"])}


def proposal(files: Sequence[Path], stated: Mapping[str, str]) -> Proposal:
    """One file of ground truth, and one for each detector. Raises InputError."""
    if unknown := [name for name in stated if name not in KEYS]:
        raise InputError(files[0], f"--map knows no {shown(unknown[0])} here; there are {listed(list(KEYS))}")
    contents = {path: read_foreign_json(path) for path in files if path.suffix == ".json"}
    truths = [path for path, content in contents.items() if _is_truth(content)]
    if len(truths) != 1:
        raise InputError(
            files[0], f"expected one file of ground truth (COCO: images, annotations, categories) among "
            f"{listed([path.name for path in files])}, found {len(truths)}; then one JSON for each detector",
        )  # fmt: skip
    truth = contents[truths[0]]
    results = {_source(path): path for path in contents if path not in truths}
    if not results:
        raise InputError(truths[0], "expected beside it one JSON of results for each detector")
    named = [str(each.get("name")) for each in truth["categories"] if isinstance(each, dict)]
    keys = {key for path in results.values() for row in _rows(contents[path]) for key in row}
    if odd := [f"{name}={key}" for name, key in stated.items() if key not in keys]:
        raise InputError(
            files[0], f"--map {odd[0]}: no row of results has it; there are {listed(sorted(keys))}"
        )
    detectors = {name: detector_of(path, contents[path], stated, named) for name, path in results.items()}
    boxes = {name: _boxes(each, truth) for name, each in detectors.items()}
    plain = [name for name in detectors if not PROMPTED.search(name)]
    return Proposal(
        "own_detections",
        {"ground_truth.json": truths[0], **{_place(name): path for name, path in results.items()}},
        {
            "prepare.sources": {
                name: {
                    "file": f"{name}.json", "boxes": boxes[name], "scores": each.scores, "categories": "ground_truth",
                    "classifier": None,
                }
                for name, each in detectors.items()
            },
            "compare.detectors": plain or list(detectors),
        },
        {
            "ground truth": f"{truths[0].name}: {len(truth['images']):,} images, {len(truth['annotations']):,} objects",
            "classes": listed(named, 12),
            **{name: ", ".join([*each.words, boxes[name]]) for name, each in detectors.items()},
            "split": "images at random: 30% tune, 30% report, the rest trains",
            "groups": "an image; it is never split",
        },
        [path.name for path in files if path not in contents],
        {_place(name): each.rewriting for name, each in detectors.items() if each.rewriting},
    )  # fmt: skip


@dataclass(frozen=True)
class Detector:
    """One file of results. keys: ours -> theirs. classes: the names that stand in place of the numbers of classes."""

    path: Path
    rows: Sequence[Mapping[str, Any]]
    keys: Mapping[str, str]
    classes: Sequence[str]

    @property
    def scores(self) -> str:
        key = self.keys.get("score", "score")
        return "required" if all(key in row for row in self.rows) else "optional"

    @property
    def words(self) -> list[str]:
        renamed = [f"{ours} {theirs}" for ours, theirs in self.keys.items() if ours != theirs]
        return [f"{len(self.rows):,} boxes", *renamed, *(["classes by their names"] if self.classes else [])]

    @property
    def rewriting(self) -> Rewriting | None:
        plain = not self.classes and all(ours == theirs for ours, theirs in self.keys.items())
        return None if plain else Rewriting(self.keys, categories=self.classes)


def _place(name: str) -> str:
    return f"nonwindow/{name}.json"


def detector_of(path: Path, content: Any, stated: Mapping[str, str] | None, named: Sequence[str]) -> Detector:
    """stated: ours -> theirs, as a person says it; None where nobody can. named: the classes. Raises InputError."""
    rows = _rows(content)
    keys = _keys(path, rows, stated)
    values: list[Any] = [row.get(keys["category_id"]) for row in rows]
    names = [each for each in values if isinstance(each, str)]
    by_name = len(names) == len(values) and not {*names}.isdisjoint(named)
    return Detector(path, rows, keys, list(dict.fromkeys([*named, *names])) if by_name else [])


def _is_truth(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and all(isinstance(content.get(name), list) for name in TRUTH)
        and not any(isinstance(each, dict) and SCORES & {*each} for each in content["annotations"][:20])
    )


def _rows(content: Any) -> list[dict[str, Any]]:
    rows = content.get("annotations", []) if isinstance(content, dict) else content
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _keys(path: Path, rows: Sequence[Mapping[str, Any]], stated: Mapping[str, str] | None) -> dict[str, str]:
    """Ours -> theirs, of those that rows have. Raises InputError for what every row needs."""
    there = list(dict.fromkeys(key for row in rows[:LOOKED_AT] for key in row))
    plain = {re.sub(r"[^a-z0-9]+", "", key.lower()): key for key in reversed(there)}
    found = {name: name for name in KEYS if name in there}
    found |= {
        name: plain[word]
        for name, words in KEYS.items()
        for word in reversed(words)
        if word in plain and name not in found
    }
    found |= {name: key for name, key in (stated or {}).items() if key in there}
    missing = [
        name for name in NEEDED if name not in found and not (name == "bbox" and "segmentation" in there)
    ]
    if missing and rows:
        raise InputError(
            path, f"which key is the {missing[0]}? rows have {listed(there)}: "
            + (f"rename it to {missing[0]}" if stated is None else f"say it with --map {missing[0]}=<key>")
            + ("; a box is a list of four numbers under one key" if missing[0] == "bbox" else ""),
        )  # fmt: skip
    return found or {name: name for name in NEEDED}


def _boxes(detector: Detector, truth: Mapping[str, Any]) -> str:
    """The convention by which most boxes lie in their images."""
    box, image = detector.keys.get("bbox", "bbox"), detector.keys["image_id"]
    sizes = {
        _written(name): (each.get("width"), each.get("height"))
        for each in truth["images"]
        if isinstance(each, dict)
        for name in (each.get("id"), each.get("file_name"), Path(str(each.get("file_name"))).stem)
    }
    pairs = [
        (row[box], sizes[_written(row.get(image))])
        for row in detector.rows
        if isinstance(row.get(box), list) and len(row[box]) == 4 and _written(row.get(image)) in sizes
    ]
    try:
        boxes = np.array([box for box, _ in pairs], np.float64).reshape(-1, 4)
        return best_convention(boxes, np.array([size for _, size in pairs], np.float64).reshape(-1, 2))
    except (ValueError, TypeError):
        raise InputError(
            detector.path, "expected four numbers, and width and height of each image", field=box
        ) from None


def _written(name: object) -> str:
    """An id as either file may have it: 1, 1.0 or "1"."""
    return str(int(name)) if isinstance(name, float) and name.is_integer() else str(name)


def _source(path: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", path.stem)
    return name if name[:1].isalnum() else f"source_{name}"


def facts(artifacts: Path) -> dict[str, str]:
    """What the first stage counted."""
    told = {}
    for path in sorted(artifacts.glob("*/prepared.json")):
        for part, counts in read_json(path).get("counts", {}).items():
            told[part] = (
                f"{counts['images']:,} images, {counts['objects']:,} objects, {counts['candidates']:,} candidates"
            )
    return told
