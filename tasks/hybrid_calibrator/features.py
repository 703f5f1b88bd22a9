"""Describe each candidate: what its crop shows (dense) and what the boxes say (structured)."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods import detection_features as of
from methods.projection import random_projection
from params.hybrid_calibrator import Features, Projection
from storage.crops import read_crops
from storage.detections import CORNERS
from storage.documents import read_json
from storage.features import write_features
from storage.inputs import InputError
from storage.tables import read_parquet


def main(
    params: Features,
    option: str,
    data: Path,
    candidates: Path,
    raw: Path,
    ground_truth: Path,
    prepared: Path,
    features: Path,
) -> None:
    table, boxes, facts = read_parquet(candidates), read_parquet(raw), read_json(prepared)
    structured = _structured(params, table, boxes, read_parquet(ground_truth), facts)
    names, dense = _dense(params.projection, data / option, boxes, len(table), facts)
    write_features(features, names, dense, structured)


def _structured(
    params: Features, table: pd.DataFrame, boxes: pd.DataFrame, truth: pd.DataFrame, facts: dict[str, Any]
) -> of.Columns:
    images = pd.DataFrame(facts["images"])
    size = images[["width", "height"]].to_numpy(np.float64)
    sources = [source["name"] for source in facts["sources"]]
    candidates = of.Candidates(
        image=table["image"].to_numpy(),
        label=table["label"].to_numpy(),
        box=table[CORNERS].to_numpy(),
        score=table["score"].to_numpy(),
        size=size[table["image"]],
    )
    raw = of.RawBoxes(
        image=boxes["image"].to_numpy(),
        label=boxes["label"].to_numpy(),
        box=boxes[CORNERS].to_numpy(),
        score=boxes["score"].to_numpy(),
        source=pd.Index(sources).get_indexer(boxes["source"]).astype(np.int64),
        cluster=boxes["candidate"].to_numpy(),
        tile=boxes["tile"].to_numpy(),
        touches_edge=boxes["touches_edge"].to_numpy(),
        size=size[boxes["image"]],
    )
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


def _dense(
    params: Projection, folder: Path, boxes: pd.DataFrame, rows: int, facts: dict[str, Any]
) -> tuple[list[str], NDArray[np.float16]]:
    """Each candidate's crop is that of its first box, which leads the cluster; no classifier, no columns."""
    leading = boxes.drop_duplicates("candidate")
    names: list[str] = []
    dense = np.empty((rows, 0), np.float16)
    for source in facts["sources"]:
        if source["classifier"] is None:
            continue
        path, own = folder / source["classifier"], leading[leading["source"] == source["name"]]
        crops = read_crops(path, own["id"].tolist(), facts["classes"])
        shown = random_projection(crops.embeddings, params.size, params.seed)
        columns = [f"clf_emb_rp::{column:04d}" for column in range(shown.shape[1])]
        columns += [f"clf_prob::{name}" for name in crops.classes]
        if not names:
            names, dense = columns, np.zeros((rows, len(columns)), np.float16)
        if columns != names:
            raise InputError(
                path,
                f"gives {len(columns)} columns unlike the {len(names)} of the sources before; use one classifier",
            )
        with np.errstate(over="ignore"):
            dense[own["candidate"]] = np.hstack([shown, crops.probabilities])
        if not np.isfinite(dense[own["candidate"]]).all():
            raise InputError(
                path, "embeddings beyond 65504 do not fit float16; rescale them", field="embeddings"
            )
    return names, dense
