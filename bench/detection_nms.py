"""What becomes of boxes that deduplication leaves side by side on one object: `python -m bench.detection_nms [seeds]`

Simulated worlds of the default's sizes under other seeds, their detectors alone, so nothing is fitted. Candidates are
deduplicated at .75 and matched at .5. *Left*: as it was; *NMS*: at the IoU and the thresholds that tune images give. F1 on
report images, and duplicates among what is accepted.
"""

import os
import sys
import tempfile
from contextlib import chdir, redirect_stdout
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from methods.detection.acceptance import AcceptanceRule
from methods.detection.evaluation import Detections, TruthBoxes, micro
from methods.detection.rows import (
    DetectionRow,
    DetectionScene,
    EvaluationRule,
    SceneDraws,
    baseline_rows,
    evaluate,
)
from methods.experts.blending import image_folds
from params.block import read_block
from params.hybrid_calibrator import Compare, Prepare
from params.simulated_detections import Simulate
from simulators import hybrid_calibrator as simulator
from storage.files.documents import read_json
from storage.files.markdown import markdown_table
from storage.files.tables import read_parquet
from tasks.hybrid_calibrator import prepare

FIRST, VARIANT, RESAMPLES = 801, "nonwindow", 100
BOX = ["x1", "y1", "x2", "y2"]
FILES = ("candidates.parquet", "raw.parquet", "ground_truth.parquet", "prepared.json")


def boxes_of(table: pd.DataFrame) -> Detections:
    image, label = (table[name].to_numpy(np.int64) for name in ("image", "label"))
    return Detections(image, label, table[BOX].to_numpy(np.float64), table["score"].to_numpy(np.float64))


def scene_of(files: dict[str, Path], compare: Compare) -> tuple[DetectionScene, list[DetectionRow]]:
    facts, raw, truth = (
        read_json(files["prepared"]), read_parquet(files["raw"]), read_parquet(files["ground_truth"])
    )  # fmt: skip
    split = np.array([image["split"] for image in facts["images"]])
    names = [source["name"] for source in facts["sources"]]
    objects = boxes_of(truth.assign(score=0.0))
    fold = np.full(len(split), -1)
    tune = np.flatnonzero(split == "tune")
    fold[tune] = image_folds(tune, compare.adoption.folds, compare.seed)
    scene = DetectionScene(
        TruthBoxes(
            len(split), len(facts["classes"]), objects.image, objects.label, objects.boxes,
            truth["crowd"].to_numpy(bool),
        ),
        boxes_of(raw), pd.Index(names).get_indexer(raw["source"]).astype(np.int64), len(names),
        np.isin(names, compare.detectors), np.array([source["scored"] for source in facts["sources"]]),
        fold, split == "report",
    )  # fmt: skip
    candidates = boxes_of(read_parquet(files["candidates"]))
    rows = baseline_rows(scene, names, candidates, compare.union_iou, compare.fusion_iou)
    return scene, [DetectionRow("candidates by their score", "deduped", candidates, True, True), *rows]


def world(seed: int, folder: Path) -> list[dict[str, float | str]]:
    params = Path("params.yaml")
    simulate = read_block(params, "hybrid_calibrator.simulate", Simulate)
    prepared = read_block(params, "hybrid_calibrator.prepare", Prepare)
    compare = read_block(params, "hybrid_calibrator.compare", Compare)
    files = {Path(name).stem: folder / name for name in FILES}
    with chdir(folder), Path(os.devnull).open("w") as sink, redirect_stdout(sink):
        simulator.main(simulate.model_copy(update={"seed": seed, "embedding": 8}), folder / "data")
        prepare.main(prepared, VARIANT, folder / "data", **files)
    scene, rows = scene_of(files, compare)
    limits = compare.thresholds
    rule = EvaluationRule(
        AcceptanceRule(limits.optimum, limits.max_fp_per_tp, limits.min_recall, compare.match_iou),
        sorted(compare.nms_ious, reverse=True), compare.support_iou,
    )  # fmt: skip
    draws = SceneDraws.of(scene, RESAMPLES, 1)
    found: list[dict[str, float | str]] = []
    for row in (row for row in rows if row.nms):
        left, suppressed = (evaluate(replace(row, nms=nms), scene, draws, rule) for nms in (False, True))
        found.append(
            {
                "row": "union" if row.name == "union_nms" else row.name,
                "F1, left": micro(left.report.counts).f1,
                "F1, NMS": micro(suppressed.report.counts).f1,
                "duplicates, left": left.errors.duplicate,
                "duplicates, NMS": suppressed.errors.duplicate,
                "IoU": suppressed.nms_iou or np.nan,
            }
        )
    return found


def main(seeds: int) -> None:
    rows = []
    for seed in range(FIRST, FIRST + seeds):
        with tempfile.TemporaryDirectory() as folder:
            rows += world(seed, Path(folder))
    table = pd.DataFrame(rows).groupby("row", sort=False).mean().reset_index()
    digits = {name: 3 if name.startswith("F1") else 2 if name == "IoU" else 0 for name in table.columns[1:]}
    shown = {name: table[name].map(f"{{:.{places}f}}".format) for name, places in digits.items()}
    print(f"Means over {seeds} worlds.\n")
    print(markdown_table(pd.DataFrame({"row": table["row"], **shown})))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
