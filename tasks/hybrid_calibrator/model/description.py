"""What is known of each candidate: what its boxes say (structured), and what its crop shows (dense)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.detection import features as of
from methods.detection.image_blocks import ROWS_AT_ONCE, image_blocks
from methods.experts.projection import random_projection
from params.hybrid_calibrator import Features, Projection
from storage.detections.crops import read_crops
from storage.detections.records import CORNERS
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError
from tasks.hybrid_calibrator.model.columns import EMBEDDING, PROBABILITY

Sizes = NDArray[np.float64]
CANDIDATE_COLUMNS = ["candidate", "image", "label", *CORNERS, "score"]  # what is read of the two tables
BOX_COLUMNS = [*CANDIDATE_COLUMNS, "source", "id", "tile", "touches_edge", "prompt"]


def shape_priors(truth: pd.DataFrame, sizes: Sizes, classes: int) -> of.ShapePriors:
    """Of the train images' objects: what is judged on other images may know nothing of their ground truth. sizes: width
    and height of every image."""
    known = truth[(truth["split"] == "train") & ~truth["crowd"]]
    return of.shape_priors(
        known[CORNERS].to_numpy(), sizes[known["image"]], known["label"].to_numpy(), classes
    )


def structured(
    params: Features, table: pd.DataFrame, boxes: pd.DataFrame, priors: of.ShapePriors, sizes: Sizes,
    classes: Sequence[str], sources: Sequence[str], rows: int = ROWS_AT_ONCE,
) -> tuple[list[str], NDArray[np.float32]]:  # fmt: skip
    """Names of the columns, and (candidates, columns). table: the candidates that `boxes` were merged into, both by image.
    sizes: width and height of every image. rows: about how many candidates are described at once, of whole images, as
    whatever says something of a candidate lies in its image."""
    names: list[str] = []
    matrix = np.empty((0, 0), np.float32)
    for some, own in image_blocks(table["image"].to_numpy(), boxes["image"].to_numpy(), rows):
        columns = _structured(params, table.iloc[some], boxes.iloc[own], priors, sizes, classes, sources)
        if not names:
            names, matrix = list(columns), np.empty((len(table), len(columns)), np.float32)
        for place, values in enumerate(columns.values()):
            matrix[some, place] = values
    return names, matrix


def _structured(
    params: Features, table: pd.DataFrame, boxes: pd.DataFrame, priors: of.ShapePriors, sizes: Sizes,
    classes: Sequence[str], sources: Sequence[str],
) -> of.Columns:  # fmt: skip
    """Of neighbouring images, which are numbered anew as their candidates are."""
    image, raw_image = table["image"].to_numpy(), boxes["image"].to_numpy()
    least, beyond, first = (
        (int(image[0]), int(image[-1]) + 1, int(table["candidate"].iloc[0])) if len(table) else (0, 0, 0)
    )
    candidates = of.Candidates(
        image=image - least, label=table["label"].to_numpy(), box=table[CORNERS].to_numpy(),
        score=table["score"].to_numpy(), size=sizes[image],
    )  # fmt: skip
    raw = of.RawBoxes(
        image=raw_image - least, label=boxes["label"].to_numpy(), box=boxes[CORNERS].to_numpy(),
        score=boxes["score"].to_numpy(), source=pd.Index(list(sources)).get_indexer(pd.Index(boxes["source"])).astype(np.int64),
        cluster=boxes["candidate"].to_numpy() - first, tile=boxes["tile"].to_numpy(),
        touches_edge=boxes["touches_edge"].to_numpy(), size=sizes[raw_image],
    )  # fmt: skip
    return {
        **of.scores(candidates, raw, sources),
        **of.support(candidates, raw, sources),
        **of.geometry(candidates, priors, params.tail),
        **of.classes(candidates, classes),
        **of.agreement(candidates, raw, sources),
        **of.neighbourhood(candidates, raw, sources, params.radius),
        **of.image_level(candidates, raw, sources, beyond - least),
        **of.tiling(raw, len(table)),
        **of.prompt_terms(boxes["prompt"].tolist(), raw.cluster, len(table), params.prompt_buckets),
    }


def dense(
    params: Projection, boxes: pd.DataFrame, source: str, path: Path, classes: Sequence[str], report: ImportReport
) -> tuple[list[str], NDArray[np.int64], NDArray[np.float16]]:  # fmt: skip
    """What one source's classifier says: names of the columns, rows that it has a say in, and values of these. Each
    candidate's crop is that of its first box, which leads the cluster."""
    leading = boxes.drop_duplicates("candidate")
    own = leading[leading["source"] == source]
    crops = read_crops(path, own["id"].tolist(), list(classes), report)
    shown = random_projection(crops.embeddings, params.size, params.seed)
    names = [f"{EMBEDDING}{column:04d}" for column in range(shown.shape[1])]
    names += [f"{PROBABILITY}{name}" for name in crops.classes]
    with np.errstate(over="ignore"):
        values = np.hstack([shown, crops.probabilities]).astype(np.float16)
    if not np.isfinite(values).all():
        raise InputError(path, "embeddings beyond 65504 do not fit float16; rescale them", field="embeddings")
    return names, own["candidate"].to_numpy(np.int64), values
