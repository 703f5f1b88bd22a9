"""From the boxes of several sources to candidates: read as each source writes them, in one order, merged."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from methods.detection.clusters import source_counts, source_maxima
from methods.detection.matching import representatives
from params.hybrid_calibrator import DetectionSource
from storage.detections.coco import ResultsFormat, read_coco_results
from storage.detections.records import CORNERS, GroundTruth, Unknown
from storage.files.import_report import ImportReport


def source_boxes(
    path: Path, source: DetectionSource, truth: GroundTruth, unknown: Unknown, report: ImportReport, content: Any = None
) -> pd.DataFrame:  # fmt: skip
    """What one source found. content: of a file whose names are not ours, as an export settles it. Raises InputError."""
    form = ResultsFormat(
        source.categories, source.boxes, source.scores == "required", source.classifier is not None,
        settled=content is not None,
    )  # fmt: skip
    return read_coco_results(path, truth, form, unknown, report, content)


def in_order(tables: Sequence[pd.DataFrame], sources: Sequence[str]) -> pd.DataFrame:
    """All boxes, in an order that does not depend on the files' own; tables: of each source."""
    numbered = [
        table.assign(source=name, number=number, rank=-table["score"])
        for number, (name, table) in enumerate(zip(sources, tables, strict=True))
    ]
    boxes = pd.concat(numbered, ignore_index=True)
    boxes = boxes.sort_values(
        ["image", "label", "rank", "number", *CORNERS, "tile", "prompt", "id"], kind="stable"
    )
    boxes = boxes.astype({"touches_edge": bool})  # of a source that found nothing it is a column of no kind
    return boxes.drop(columns="rank").reset_index(drop=True)


def merged(boxes: pd.DataFrame, sources: Sequence[str], classes: int, iou: float) -> pd.DataFrame:
    """One row per candidate; adds to `boxes`, which are in order, the candidate that each went into."""
    score = boxes["score"].to_numpy()
    number = boxes.pop("number").to_numpy()
    group = (boxes["image"] * classes + boxes["label"]).to_numpy()
    kept, cluster = np.unique(
        representatives(boxes[CORNERS].to_numpy(), score, group, iou), return_inverse=True
    )
    boxes["candidate"] = cluster
    counts = source_counts(cluster, number, len(kept), len(sources))
    best = source_maxima(score, cluster, number, len(kept), len(sources))
    table = boxes.iloc[kept][["image", "label", *CORNERS, "score"]].reset_index(drop=True)
    table.insert(0, "candidate", np.arange(len(kept)))
    for place, name in enumerate(sources):
        table[f"score:{name}"] = best[:, place]
        table[f"has:{name}"] = counts[:, place] > 0
        table[f"count:{name}"] = counts[:, place]
    return table
