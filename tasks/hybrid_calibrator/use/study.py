"""What a study of hybrid_calibrator makes of somebody's files: ground truth as COCO, and results of detectors."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from storage.detections.guessed_convention import best_convention
from storage.files.documents import read_foreign_json, read_json
from storage.files.formats import listed
from storage.files.inputs import InputError
from tasks.intake.proposal import Proposal

EXPERIMENT = "hybrid_calibrator"
TRUTH = ("images", "annotations", "categories")
PROMPTED = re.compile(r"sam|prompt", re.IGNORECASE)


def options(block: Mapping[str, Any]) -> dict[str, list[str]]:
    """One run for each variant that the data has."""
    return {"variant": list(block["prepare"]["variants"])}


def proposal(files: Sequence[Path], stated: Mapping[str, str]) -> Proposal:
    """One file of ground truth, and one for each detector. Raises InputError."""
    if stated:
        raise InputError(files[0], "detections take no --map: their keys are those of COCO")
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
    sources = {
        name: {
            "file": f"{name}.json", "boxes": _boxes(path, contents[path], truth), "scores": _scores(contents[path]),
            "categories": "ground_truth", "classifier": None,
        }
        for name, path in results.items()
    }  # fmt: skip
    detectors = [name for name in sources if not PROMPTED.search(name)] or list(sources)
    named = [str(each.get("name")) for each in truth["categories"] if isinstance(each, dict)]
    return Proposal(
        "own_detections",
        {"ground_truth.json": truths[0], **{f"nonwindow/{name}.json": path for name, path in results.items()}},
        {"prepare.sources": sources, "compare.detectors": detectors},
        {
            "ground truth": f"{truths[0].name}: {len(truth['images']):,} images, {len(truth['annotations']):,} objects",
            "classes": listed(named, 12),
            **{name: f"{len(_rows(contents[path])):,} boxes, {sources[name]['boxes']}" for name, path in results.items()},
            "split": "images at random: 30% tune, 30% report, the rest trains",
            "groups": "an image; it is never split",
        },
        [path.name for path in files if path not in contents],
    )  # fmt: skip


def _is_truth(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and all(isinstance(content.get(name), list) for name in TRUTH)
        and not any(isinstance(each, dict) and "score" in each for each in content["annotations"][:20])
    )


def _rows(content: Any) -> list[dict[str, Any]]:
    rows = content.get("annotations", []) if isinstance(content, dict) else content
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _scores(content: Any) -> str:
    return "required" if all("score" in row for row in _rows(content)) else "optional"


def _boxes(path: Path, content: Any, truth: Mapping[str, Any]) -> str:
    """The convention by which most boxes lie in their images."""
    sizes = {
        str(each.get("id")): (each.get("width"), each.get("height"))
        for each in truth["images"]
        if isinstance(each, dict)
    }
    pairs = [
        (row["bbox"], sizes[str(row.get("image_id"))])
        for row in _rows(content)
        if isinstance(row.get("bbox"), list) and len(row["bbox"]) == 4 and str(row.get("image_id")) in sizes
    ]
    try:
        boxes = np.array([box for box, _ in pairs], np.float64).reshape(-1, 4)
        return best_convention(boxes, np.array([size for _, size in pairs], np.float64).reshape(-1, 2))
    except (ValueError, TypeError):
        raise InputError(
            path, "expected four numbers, and width and height of each image", field="bbox"
        ) from None


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
