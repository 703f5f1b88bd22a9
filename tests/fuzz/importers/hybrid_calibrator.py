"""The files that hybrid_calibrator reads: ground truth, results of a source, splits, what a classifier says of crops."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from params.hybrid_calibrator import Prepare
from storage.detections.coco import ResultsFormat, read_coco_results, read_coco_truth
from storage.detections.crops import read_crops
from storage.detections.records import CORNERS, GroundTruth, read_split
from storage.detections.voc import read_voc_truth
from storage.detections.yolo import read_yolo_truth
from storage.files.import_report import ImportReport
from tasks.hybrid_calibrator import prepare
from tests.fuzz.harness import Importer

IMAGES, OBJECTS, RESULTS = 6, 4, 9
CLASSES = ["bolt", "nut", "washer"]
SIZE = (200, 160)
NAMES = [f"photo_{number}.jpg" for number in range(IMAGES)]
Rows = Mapping[str, object]


@dataclass(frozen=True)
class Box:
    image: int
    label: int
    x: int
    y: int
    width: int
    height: int

    @property
    def bbox(self) -> list[int]:
        return [self.x, self.y, self.width, self.height]


def boxes(random: np.random.Generator, per_image: int) -> list[Box]:
    """Inside their images; no two are equally wide, so that the width names the row."""
    return [
        Box(
            row // per_image, row % 3, int(random.integers(100)), int(random.integers(80)), 10 + row,
            int(random.integers(10, 60)),
        )
        for row in range(IMAGES * per_image)
    ]  # fmt: skip


def by_image(random: np.random.Generator) -> list[tuple[Path, list[Box]]]:
    rows = boxes(random, OBJECTS)
    return [(Path(name), [row for row in rows if row.image == at]) for at, name in enumerate(NAMES)]


def truth_json(random: np.random.Generator) -> dict[str, Any]:
    return {
        "images": [
            {"id": 10 + at, "file_name": name, "width": SIZE[0], "height": SIZE[1]}
            for at, name in enumerate(NAMES)
        ],
        "categories": [{"id": 3 * at, "name": name} for at, name in enumerate(CLASSES, 1)],
        "annotations": [
            {
                "id": at, "image_id": 10 + row.image, "category_id": 3 * (row.label + 1), "iscrowd": int(at == 2),
                "bbox": row.bbox, "area": float(row.width * row.height),
            }
            for at, row in enumerate(boxes(random, OBJECTS), 1)
        ],
    }  # fmt: skip


def results_json(random: np.random.Generator, truth: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects themselves, and boxes beside them."""
    rows = [
        {"image_id": each["image_id"], "category_id": each["category_id"], "bbox": each["bbox"]}
        for each in truth["annotations"]
    ]
    rows += [
        {"image_id": 10 + row.image, "category_id": 3, "bbox": row.bbox} for row in boxes(random, RESULTS)
    ]
    rows[0]["segmentation"] = [[1.0, 2.0, 30.0, 2.0, 30.0, 40.0]]
    masks: list[Any] = [{"size": list(SIZE[::-1]), "counts": "15d15O000"}, [[5, 5, 60, 5, 60, 71]]]
    for row, segmentation in zip(rows[1:], masks, strict=False):
        del row["bbox"]
        row["segmentation"] = segmentation
    extras = [{"tile": 3, "touches_edge": True, "prompt": "a nut"}, {}]
    return [
        {"id": at, **row, "score": float(random.random().__round__(6)), **extras[at % 2]}
        for at, row in enumerate(rows)
    ]


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def write_coco(folder: Path, random: np.random.Generator) -> None:
    write_json(folder / "truth.json", truth_json(random))


def read_coco(folder: Path) -> Rows:
    return objects(read_coco_truth(folder / "truth.json", "drop", ImportReport()))


def objects(truth: GroundTruth) -> Rows:
    """By the width, which no two boxes share."""
    names = truth.images["file_name"].tolist()
    return {
        f"{row['x2'] - row['x1']:.6f}": (
            truth.classes[row["label"]], Path(names[row["image"]]).stem, *(round(row[name], 6) for name in CORNERS),
            row["crowd"],
        )
        for row in truth.boxes.to_dict("records")
    }  # fmt: skip


def write_results(folder: Path, random: np.random.Generator) -> None:
    truth = truth_json(random)
    write_json(folder / "truth.json", truth)
    write_json(folder / "results.json", results_json(random, truth))


def read_results(folder: Path) -> Rows:
    report = ImportReport()
    truth = read_coco_truth(folder / "truth.json", "refuse", report)
    form = ResultsFormat("ground_truth", "xywh", True, True)
    table = read_coco_results(folder / "results.json", truth, form, "drop", report)
    return {row["id"]: tuple(row.values()) for row in table.to_dict("records")}


def write_split(folder: Path, random: np.random.Generator) -> None:
    write_json(folder / "truth.json", truth_json(random))
    write_json(
        folder / "splits.json", {"train": [10, "11", 12], "tune": NAMES[3:4], "report": ["photo_4", 15]}
    )


def read_splits(folder: Path) -> Rows:
    truth = read_coco_truth(folder / "truth.json", "refuse", ImportReport())
    return dict(zip(truth.images["file_name"], read_split(folder / "splits.json", truth.images), strict=True))


def write_yolo(suffix: str) -> Callable[[Path, np.random.Generator], None]:
    def write(folder: Path, random: np.random.Generator) -> None:
        (folder / "labels").mkdir()
        (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n")
        sizes = pd.DataFrame({"file_name": NAMES, "width": SIZE[0], "height": SIZE[1]})
        sizes.to_parquet(folder / "images.parquet") if suffix == "parquet" else sizes.to_csv(
            folder / "images.csv", index=False
        )
        for name, rows in by_image(random):
            lines = [
                f"{row.label} {(row.x + row.width / 2) / SIZE[0]} {(row.y + row.height / 2) / SIZE[1]} "
                f"{row.width / SIZE[0]} {row.height / SIZE[1]}"
                for row in rows
            ]
            (folder / "labels" / name.with_suffix(".txt")).write_text("\n".join(lines))

    return write


def yolo_truth(folder: Path) -> GroundTruth:
    images = next(iter(sorted(folder.glob("images.*"))), folder / "images.csv")
    return read_yolo_truth(folder / "labels", folder / "classes.txt", images, "box", "drop", ImportReport())


def read_yolo(folder: Path) -> Rows:
    return objects(yolo_truth(folder))


def read_yolo_images(folder: Path) -> Rows:
    """By image, with its boxes, which are shares of it."""
    truth = yolo_truth(folder)
    rows = {
        str(image): boxes[["label", *CORNERS]].round(6).to_numpy().tolist()
        for image, boxes in truth.boxes.groupby("image")
    }
    return {
        image["file_name"]: (image["width"], image["height"], rows.get(str(at)))
        for at, image in enumerate(truth.images.to_dict("records"))
    }


def write_voc(folder: Path, random: np.random.Generator) -> None:
    (folder / "xml").mkdir()
    for name, rows in by_image(random):
        body = "".join(
            f"<object><name>{CLASSES[row.label]}</name><difficult>0</difficult><bndbox><xmin>{row.x}</xmin>"
            f"<ymin>{row.y}</ymin><xmax>{row.x + row.width}</xmax><ymax>{row.y + row.height}</ymax></bndbox></object>\n"
            for row in rows
        )
        size = f"<size><width>{SIZE[0]}</width><height>{SIZE[1]}</height><depth>3</depth></size>"
        text = f"<?xml version='1.0'?>\n<annotation><filename>{name}</filename>{size}\n{body}</annotation>"
        (folder / "xml" / name.with_suffix(".xml")).write_text(text)


def read_voc(folder: Path) -> Rows:
    return objects(read_voc_truth(folder / "xml", 0, ImportReport()))


def crop_arrays(random: np.random.Generator) -> dict[str, np.ndarray[Any, Any]]:
    return {
        "ids": random.permutation(20) + 5,
        "embeddings": random.normal(size=(20, 4)).astype(np.float32),
        "probabilities": random.random((20, 3)).astype(np.float32),
    }


def write_npz(folder: Path, random: np.random.Generator) -> None:
    np.savez(folder / "crops.npz", **crop_arrays(random), classes=np.array(CLASSES), remark=np.zeros(3))  # type: ignore[arg-type]


def write_safetensors(folder: Path, random: np.random.Generator) -> None:
    save_file(crop_arrays(random), folder / "crops.safetensors")


def read_crop_rows(suffix: str) -> Callable[[Path], Rows]:
    def read(folder: Path) -> Rows:
        ids = [str(number) for number in range(5, 25)]
        crops = read_crops(folder / f"crops.{suffix}", ids, CLASSES, ImportReport())
        rows = np.hstack([crops.embeddings, crops.probabilities]).tolist()
        return {name: (tuple(crops.classes), *row) for name, row in zip(ids, rows, strict=True)}

    return read


def write_all(folder: Path, random: np.random.Generator) -> None:
    truth = truth_json(random)
    write_json(folder / "truth.json", truth)
    write_json(folder / "splits.json", {"train": [10, 11, 12, 13], "tune": [14], "report": [15]})
    for name in ("first", "second"):
        write_json(folder / "nonwindow" / f"{name}.json", results_json(random, truth))


def read_all(folder: Path) -> Rows:
    """The whole step: from files to candidates."""
    source = {"boxes": "xywh", "scores": "optional", "categories": "ground_truth", "classifier": None}
    params = Prepare.model_validate({
        "variants": ["nonwindow"], "unknown": "drop", "dedupe_iou": 0.75, "match_iou": 0.5,
        "ground_truth": {"format": "coco", "file": "truth.json"}, "split": {"by": "file", "file": "splits.json"},
        "sources": {name: {**source, "file": f"{name}.json"} for name in ("first", "second")},
    })  # fmt: skip
    tables = ("candidates", "raw", "ground_truth")
    outs = {name: folder / "out" / f"{name}.parquet" for name in tables}
    prepare.main(params, "nonwindow", folder, **outs, prepared=folder / "out" / "prepared.json")
    facts = json.loads((folder / "out" / "prepared.json").read_text())
    raw = pd.read_parquet(outs["raw"])
    return {
        f"{row['source']} {row['id']}": (
            facts["classes"][row["label"]], facts["images"][row["image"]]["id"], row["split"], row["score"],
            *(row[name] for name in CORNERS),
        )
        for row in raw.to_dict("records")
    }  # fmt: skip


def importer(name: str, *what: Any, **more: Any) -> Importer:
    return Importer(f"hybrid_calibrator {name}", "hybrid_calibrator", *what, **more)


IMPORTERS = [
    importer("truth coco", write_coco, read_coco),
    importer("truth yolo", write_yolo("csv"), read_yolo, only=("labels/*.txt",)),
    importer(
        "truth yolo classes", write_yolo("csv"), read_yolo, only=("classes.txt",), formats={"*.txt": "bytes"}
    ),
    importer("truth yolo images csv", write_yolo("csv"), read_yolo_images, only=("*.csv",)),
    importer("truth yolo images parquet", write_yolo("parquet"), read_yolo_images, only=("*.parquet",)),
    importer("truth voc", write_voc, read_voc),
    importer("results", write_results, read_results, only=("results.json",)),
    importer("splits", write_split, read_splits, only=("splits.json",)),
    importer("crops npz", write_npz, read_crop_rows("npz")),
    importer("crops safetensors", write_safetensors, read_crop_rows("safetensors")),
    importer("prepare", write_all, read_all, only=("truth.json", "splits.json", "first.json", "second.json")),
]
