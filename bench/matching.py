"""Deduplication and matching of 2,000 images x 200 candidates: this project against pycocotools, faster-coco-eval,
torchvision, and hotcoco where it is installed."""

import contextlib
import importlib
import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from faster_coco_eval import COCO as FastCOCO
from faster_coco_eval import COCOeval_faster
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchvision.ops import batched_nms, box_iou

from methods.detection.matching import dedupe, match
from run_stage import keep_freed_memory

IMAGES, CANDIDATES, OBJECTS, CLASSES = 2000, 200, 12, 5
DEDUPE_IOU, MATCH_IOU = 0.75, 0.5

Boxes = NDArray[np.float64]
Index = NDArray[np.int64]


class Scene:
    """Half of the candidates lie on objects, several on each, the others anywhere."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.gt_image = np.repeat(np.arange(IMAGES), OBJECTS)
        self.gt_label = random.integers(0, CLASSES, len(self.gt_image))
        corner = random.uniform(0, 1000, (len(self.gt_image), 2))
        self.gt_boxes = np.hstack([corner, corner + random.uniform(30, 250, (len(self.gt_image), 2))])
        self.image = np.repeat(np.arange(IMAGES), CANDIDATES)
        near = self.image * OBJECTS + random.integers(0, OBJECTS, len(self.image))
        on_object = random.random(len(self.image)) < 0.5
        self.label = np.where(on_object, self.gt_label[near], random.integers(0, CLASSES, len(self.image)))
        corner = random.uniform(0, 1000, (len(self.image), 2))
        anywhere = np.hstack([corner, corner + random.uniform(30, 250, (len(self.image), 2))])
        sides = self.gt_boxes[near][:, 2:] - self.gt_boxes[near][:, :2]
        close = self.gt_boxes[near] + random.normal(0, 0.04, (len(self.image), 4)) * np.tile(sides, 2)
        self.boxes = np.where(on_object[:, None], close, anywhere)
        self.scores = random.permutation(len(self.image)) / len(self.image)
        self.group = self.image * CLASSES + self.label
        self.gt_group = self.gt_image * CLASSES + self.gt_label

    def annotations(self) -> list[dict[str, Any]]:
        return [
            {
                "id": row + 1, "image_id": int(self.gt_image[row]) + 1, "category_id": int(self.gt_label[row]) + 1,
                "bbox": xywh(self.gt_boxes[row]), "area": 1.0, "iscrowd": 0,
            }
            for row in range(len(self.gt_image))
        ]  # fmt: skip

    def results(self) -> list[dict[str, Any]]:
        return [
            {
                "image_id": int(self.image[row]) + 1, "category_id": int(self.label[row]) + 1,
                "bbox": xywh(self.boxes[row]), "score": float(self.scores[row]),
            }
            for row in range(len(self.image))
        ]  # fmt: skip


def xywh(box: Boxes) -> list[float]:
    return [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])]


def ours(scene: Scene) -> Index:
    dedupe(scene.boxes, scene.scores, scene.group, DEDUPE_IOU)
    return matched_objects(scene)


def matched_objects(scene: Scene) -> Index:
    none = np.zeros(len(scene.gt_group), bool)
    return match(scene.boxes, scene.scores, scene.group, scene.gt_boxes, scene.gt_group, none, MATCH_IOU)


def nms_by_torchvision(scene: Scene) -> int:
    boxes, scores = torch.from_numpy(scene.boxes), torch.from_numpy(scene.scores)
    return len(batched_nms(boxes, scores, torch.from_numpy(scene.group), DEDUPE_IOU))


def nms_per_group(scene: Scene) -> int:
    """The plain loop that most projects have, with a matrix of IoUs per image and class."""
    kept = 0
    order = np.lexsort((-scene.scores, scene.group))
    edges = np.flatnonzero(np.diff(scene.group[order])) + 1
    for rows in np.split(order, edges):
        boxes = torch.from_numpy(scene.boxes[rows])
        overlap = (box_iou(boxes, boxes) >= DEDUPE_IOU).numpy()
        open_ = np.ones(len(rows), bool)
        for row in range(len(rows)):
            if open_[row]:
                kept += 1
                open_ &= ~overlap[row]
    return kept


def evaluator(api: Any, evaluation: Any, scene: Scene, one_iou: bool) -> Any:
    categories = [{"id": number, "name": str(number)} for number in range(1, CLASSES + 1)]
    images = [{"id": number, "width": 1250, "height": 1250} for number in range(1, IMAGES + 1)]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = api({"images": images, "categories": categories, "annotations": scene.annotations()})
        made = evaluation(coco, coco.loadRes(scene.results()), "bbox")
    if one_iou:
        made.params.iouThrs, made.params.maxDets = np.array([MATCH_IOU]), [CANDIDATES]
        made.params.areaRng, made.params.areaRngLbl = [[0, 1e10]], ["all"]
    return made


def indexed(api: Any) -> Callable[[dict[str, Any]], Any]:
    """What reads content that no file holds, of evaluators whose constructor takes a path."""

    def read(content: dict[str, Any]) -> Any:
        coco = api()
        coco.dataset = content
        coco.createIndex()
        return coco

    return read


def by_hotcoco(scene: Scene) -> dict[str, tuple[float, str]]:
    try:
        hotcoco = importlib.import_module("hotcoco")
    except ImportError:
        print("hotcoco: not installed")
        return {}
    one = evaluator(hotcoco.COCO, hotcoco.COCOeval, scene, one_iou=True)
    took = seconds(one.evaluate, 3)
    if matched_by(one) != int((matched_objects(scene) >= 0).sum()):
        raise SystemExit("the results differ from hotcoco's")
    all_ = evaluator(hotcoco.COCO, hotcoco.COCOeval, scene, one_iou=False)
    return {
        "hotcoco evaluate, IoU .5": (
            took,
            "one IoU, one size, in Rust, by as many threads as there are cores",
        ),
        "hotcoco evaluate, as it comes": (seconds(all_.evaluate, 3), "ten IoUs, four sizes, 100 boxes"),
    }


def matched_by(evaluation: Any) -> int:
    return sum(int((np.asarray(each["dtMatches"]) > 0).sum()) for each in evaluation.evalImgs if each)


def seconds(call: Callable[[], Any], repeats: int) -> float:
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            call()
        best = min(best, time.process_time() - start)
    return best


def main() -> None:
    torch.set_num_threads(1)
    keep_freed_memory()  # as stages run
    scene = Scene()
    one = evaluator(indexed(COCO), COCOeval, scene, one_iou=True)
    timed = {
        "dedupe + match, here": (seconds(lambda: ours(scene), 3), "the whole step"),
        "match, here": (seconds(lambda: matched_objects(scene), 3), "matching alone, one IoU"),
        **by_hotcoco(scene),
        "pycocotools evaluate, IoU .5": (seconds(one.evaluate, 1), "one IoU, one size: matching alone"),
        "pycocotools evaluate, as it comes": (
            seconds(evaluator(indexed(COCO), COCOeval, scene, one_iou=False).evaluate, 1), "ten IoUs, four sizes, 100 boxes",
        ),
        "faster-coco-eval evaluate, IoU .5": (
            seconds(evaluator(indexed(FastCOCO), COCOeval_faster, scene, one_iou=True).evaluate, 1), "the same in C++",
        ),
        "dedupe, here": (
            seconds(lambda: dedupe(scene.boxes, scene.scores, scene.group, DEDUPE_IOU), 3), "deduplication alone",
        ),
        "torchvision batched_nms": (seconds(lambda: nms_by_torchvision(scene), 1), "C++, without clusters"),
        "IoU matrix per image and class": (seconds(lambda: nms_per_group(scene), 1), "the usual loop"),
    }  # fmt: skip
    own = next(iter(timed.values()))[0]
    for name, (took, what) in timed.items():
        print(f"{name:36} {took:8.2f} s {took / own:8.1f} x   {what}")
    found = int((ours(scene) >= 0).sum())
    print(f"matches at IoU {MATCH_IOU}: {found} here, {matched_by(one)} by pycocotools")
    kept = len(dedupe(scene.boxes, scene.scores, scene.group, DEDUPE_IOU))
    print(
        f"boxes that stay: {kept} here, {nms_per_group(scene)} by the loop, {nms_by_torchvision(scene)} by torchvision"
    )
    if found != matched_by(one) or kept != nms_per_group(scene):
        raise SystemExit("the results differ")


if __name__ == "__main__":
    main()
