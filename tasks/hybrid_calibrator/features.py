"""Describe each candidate: what its crop shows (dense) and what the boxes say (structured)."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from params.hybrid_calibrator import Features, Projection
from storage.detections.features import DenseBlock, write_features
from storage.files.documents import read_json
from storage.files.finished import Finished
from storage.files.import_report import ImportReport
from storage.files.tables import read_parquet
from tasks.hybrid_calibrator.model import description
from tasks.hybrid_calibrator.model.status import is_available, write_status


def main(
    params: Features, option: str, data: Path, candidates: Path, raw: Path, ground_truth: Path, prepared: Path,
    features: Path,
) -> None:  # fmt: skip
    if not is_available(prepared):
        write_status(features)
        return
    table, facts = read_parquet(candidates, description.CANDIDATE_COLUMNS), read_json(prepared)
    boxes = read_parquet(raw, description.BOX_COLUMNS)
    classifiers = {
        source["name"]: data / option / source["classifier"]
        for source in facts["sources"]
        if source["classifier"] is not None
    }
    inputs = (candidates, raw, ground_truth, prepared, *filter(Path.exists, classifiers.values()))
    finished = Finished(f"hybrid_calibrator_features@{option}", inputs, params.model_dump())
    described = finished.unit(
        "structured", lambda: _structured(params, table, boxes, read_parquet(ground_truth), facts)
    )
    blocks = (
        _dense(params.projection, finished, boxes, source, path, facts)
        for source, path in classifiers.items()
    )
    write_features(features, blocks, described["names"].tolist(), described["matrix"])
    finished.forget()


def _structured(
    params: Features, table: pd.DataFrame, boxes: pd.DataFrame, truth: pd.DataFrame, facts: dict[str, Any]
) -> dict[str, NDArray[Any]]:
    sizes = pd.DataFrame(facts["images"])[["width", "height"]].to_numpy(np.float64)
    sources = [source["name"] for source in facts["sources"]]
    priors = description.shape_priors(truth, sizes, len(facts["classes"]))
    names, matrix = description.structured(params, table, boxes, priors, sizes, facts["classes"], sources)
    return {"names": np.array(names), "matrix": matrix}


def _dense(
    params: Projection, finished: Finished, boxes: pd.DataFrame, source: str, path: Path, facts: dict[str, Any]
) -> DenseBlock:  # fmt: skip
    def compute() -> dict[str, NDArray[Any]]:
        report = ImportReport()
        names, rows, values = description.dense(params, boxes, source, path, facts["classes"], report)
        sys.stdout.write("".join(f"{line}\n" for line in report.lines() if report.noted))
        return {"names": np.array(names, str), "rows": rows, "values": values}

    found = finished.unit(f"dense_{source}", compute)
    return DenseBlock(path, found["names"].tolist(), found["rows"], found["values"])
