"""Describe each candidate: what its crop shows (dense) and what the boxes say (structured)."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.detection import features as of
from methods.experts.projection import random_projection
from params.hybrid_calibrator import Features, Projection
from storage.detections.crops import read_crops
from storage.detections.features import DenseBlock, write_features
from storage.detections.records import CORNERS
from storage.files.documents import read_json
from storage.files.finished import Finished
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError
from storage.files.tables import read_parquet
from tasks.hybrid_calibrator.model.columns import EMBEDDING, PROBABILITY
from tasks.hybrid_calibrator.model.status import is_available, write_status


def main(
    params: Features, option: str, data: Path, candidates: Path, raw: Path, ground_truth: Path, prepared: Path,
    features: Path,
) -> None:  # fmt: skip
    if not is_available(prepared):
        write_status(features)
        return
    table, boxes, facts = read_parquet(candidates), read_parquet(raw), read_json(prepared)
    classifiers = {
        source["name"]: data / option / source["classifier"]
        for source in facts["sources"]
        if source["classifier"] is not None
    }
    inputs = (candidates, raw, ground_truth, prepared, *filter(Path.exists, classifiers.values()))
    finished = Finished(f"hybrid_calibrator_features@{option}", inputs, params.model_dump())
    described = finished.unit(
        "structured", lambda: _matrix(_structured(params, table, boxes, read_parquet(ground_truth), facts))
    )
    blocks = (
        _dense(params.projection, finished, boxes, source, path, facts)
        for source, path in classifiers.items()
    )
    write_features(features, blocks, described["names"].tolist(), described["matrix"])
    finished.forget()


def _structured(
    params: Features, table: pd.DataFrame, boxes: pd.DataFrame, truth: pd.DataFrame, facts: dict[str, Any]
) -> of.Columns:
    images = pd.DataFrame(facts["images"])
    size = images[["width", "height"]].to_numpy(np.float64)
    sources = [source["name"] for source in facts["sources"]]
    candidates = of.Candidates(
        image=table["image"].to_numpy(), label=table["label"].to_numpy(), box=table[CORNERS].to_numpy(),
        score=table["score"].to_numpy(), size=size[table["image"]],
    )  # fmt: skip
    raw = of.RawBoxes(
        image=boxes["image"].to_numpy(), label=boxes["label"].to_numpy(), box=boxes[CORNERS].to_numpy(),
        score=boxes["score"].to_numpy(), source=pd.Index(sources).get_indexer(boxes["source"]).astype(np.int64),
        cluster=boxes["candidate"].to_numpy(), tile=boxes["tile"].to_numpy(),
        touches_edge=boxes["touches_edge"].to_numpy(), size=size[boxes["image"]],
    )  # fmt: skip
    # What is judged on tune and report images may know nothing of their ground truth.
    known = truth[(truth["split"] == "train") & ~truth["crowd"]]
    priors = of.shape_priors(
        known[CORNERS].to_numpy(), size[known["image"]], known["label"].to_numpy(), len(facts["classes"])
    )
    return {
        **of.scores(candidates, raw, sources),
        **of.support(candidates, raw, sources),
        **of.geometry(candidates, priors, params.tail),
        **of.classes(candidates, facts["classes"]),
        **of.agreement(candidates, raw, sources),
        **of.neighbourhood(candidates, raw, sources, params.radius),
        **of.image_level(candidates, raw, sources, len(images)),
        **of.tiling(raw, len(table)),
        **of.prompt_terms(boxes["prompt"].tolist(), raw.cluster, len(table), params.prompt_buckets),
    }


def _matrix(columns: of.Columns) -> dict[str, NDArray[Any]]:
    matrix = np.stack(list(columns.values()), axis=1, dtype=np.float32)
    return {"names": np.array(list(columns)), "matrix": matrix}


def _dense(
    params: Projection, finished: Finished, boxes: pd.DataFrame, source: str, path: Path, facts: dict[str, Any]
) -> DenseBlock:  # fmt: skip
    """What one source's classifier says: each candidate's crop is that of its first box, which leads the cluster."""

    def compute() -> dict[str, NDArray[Any]]:
        leading = boxes.drop_duplicates("candidate")
        own = leading[leading["source"] == source]
        report = ImportReport()
        crops = read_crops(path, own["id"].tolist(), facts["classes"], report)
        sys.stdout.write("".join(f"{line}\n" for line in report.lines() if report.noted))
        shown = random_projection(crops.embeddings, params.size, params.seed)
        names = [f"{EMBEDDING}{column:04d}" for column in range(shown.shape[1])]
        names += [f"{PROBABILITY}{name}" for name in crops.classes]
        with np.errstate(over="ignore"):
            values = np.hstack([shown, crops.probabilities]).astype(np.float16)
        if not np.isfinite(values).all():
            raise InputError(
                path, "embeddings beyond 65504 do not fit float16; rescale them", field="embeddings"
            )
        return {"names": np.array(names, str), "rows": own["candidate"].to_numpy(np.int64), "values": values}

    found = finished.unit(f"dense_{source}", compute)
    return DenseBlock(path, found["names"].tolist(), found["rows"], found["values"])
