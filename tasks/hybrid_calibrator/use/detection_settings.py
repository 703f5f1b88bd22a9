"""What makes candidates and their features of detectors' results: settled by an export, read when it is applied."""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from methods.detection.features import ShapePriors
from params.block import Block, read_block
from params.hybrid_calibrator import DetectionSource, Features, Prepare
from storage.files.documents import read_json
from storage.files.tables import read_parquet
from tasks.hybrid_calibrator.model.description import shape_priors


class DetectionSettings(Block):
    """shape_mean, shape_deviation: of the train images' objects, class by class, as features take them."""

    sources: dict[str, DetectionSource]
    unknown: Literal["refuse", "drop"]
    dedupe_iou: float
    features: Features
    shape_mean: list[list[float]]
    shape_deviation: list[list[float]]

    @property
    def priors(self) -> ShapePriors:
        return ShapePriors(np.array(self.shape_mean), np.array(self.shape_deviation))


def settled(params: Path, variant: Path) -> DetectionSettings:
    """params: params.yaml; variant: the folder of one variant's artifacts. Objects are the same in all."""
    prepare: Prepare = read_block(params, "hybrid_calibrator.prepare", Prepare)
    facts = read_json(variant / "prepared.json")
    sizes = pd.DataFrame(facts["images"])[["width", "height"]].to_numpy(np.float64)
    priors = shape_priors(read_parquet(variant / "ground_truth.parquet"), sizes, len(facts["classes"]))
    return DetectionSettings(
        sources=prepare.sources,
        unknown=prepare.unknown,
        dedupe_iou=prepare.dedupe_iou,
        features=read_block(params, "hybrid_calibrator.features", Features),
        shape_mean=priors.mean.tolist(),
        shape_deviation=priors.deviation.tolist(),
    )
