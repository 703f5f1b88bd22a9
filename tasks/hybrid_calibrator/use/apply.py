"""Score new candidates with what fit and compare pinned: models, feature order and per-class thresholds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.calibration.isotonic import Curves
from methods.detection.evaluation import Detections
from methods.detection.suppression import staying
from methods.experts.blending import Perceptron, meta_features, stacked_features
from methods.experts.boosting import boosting_probabilities
from methods.experts.logistic_regression import Logistic
from storage.detections.experts import read_booster
from storage.files.arrays import read_arrays
from storage.files.documents import read_json
from storage.files.inputs import InputError
from storage.files.tensors import read_tensors
from tasks.hybrid_calibrator.model.columns import columns

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NewCandidates:
    """Columns in the order of models.json: dense (n, d), structured (n, s), has (n, sources); label: class numbers; image:
    any numbers, boxes (n, 4): corners, of which better ones suppress others."""

    dense: NDArray[Any]
    structured: NDArray[Any]
    has: NDArray[np.bool_]
    label: NDArray[np.int64]
    image: NDArray[np.int64]
    boxes: Floats

    @property
    def rows(self) -> NDArray[np.int64]:
        return np.arange(len(self.label))


def probabilities(models: Path, option: str, candidates: NewCandidates) -> Floats:
    """p_final of one option; `models` is the folder that fit wrote for the variant."""
    contents = read_json(models / "models.json")
    if option not in contents["options"]:
        raise InputError(
            models / "models.json", f"has no option {option!r}; it has {list(contents['options'])}"
        )
    widths = {"dense": candidates.dense.shape[1], "structured": candidates.structured.shape[1]}
    for kind, width in widths.items():
        if width != len(contents[kind]):
            raise InputError(
                models / "models.json",
                f"names {len(contents[kind])} {kind} features, the candidates have {width}",
            )
    kind = contents["options"][option]
    if kind["kind"] == "blended":
        dense = _dense(models, kind["dense"], candidates)
        meta = meta_features(dense, _boosting(models, "structured", contents, candidates), candidates.has)
        return _logistic(models / f"{option}.npz").probabilities(meta, candidates.rows)
    if kind["kind"] == "boosted":
        return _boosting(models, kind["features"], contents, candidates)
    if kind["kind"] == "stacked":
        seen = (candidates.structured, stacked_features(_dense(models, kind["dense"], candidates)))
        return boosting_probabilities(read_booster(models / f"{option}.ubj"), seen, candidates.rows)
    control = next(iter(contents["options"].values()))
    stored = read_arrays(models / f"{option}.npz")
    return Curves(stored["label"], stored["given"], stored["calibrated"]).probabilities(
        _boosting(models, control["features"], contents, candidates), candidates.label
    )


def accepts(thresholds: Path, models: Path, variant: str, option: str, candidates: NewCandidates) -> Any:
    """Which candidates one option accepts, by the NMS and the thresholds that compare wrote."""
    classes: list[str] = read_json(models / "models.json")["classes"]
    pinned = read_json(thresholds)
    by_class = pinned["thresholds"][variant][option]
    least = np.array([float(by_class[name]["threshold"]) for name in classes])
    scores = probabilities(models, option, candidates)
    boxes = Detections(candidates.image, candidates.label, candidates.boxes, scores)
    stays = staying(boxes, len(classes), pinned["nms_ious"][variant][option])
    return stays & (scores >= least[candidates.label])


def _dense(models: Path, kind: str, candidates: NewCandidates) -> Floats:
    if kind == "logistic":
        return _logistic(models / "logistic.npz").probabilities(candidates.dense, candidates.rows)
    tensors = read_tensors(models / "perceptron.safetensors")
    bias = float(tensors.pop("output_bias"))
    return Perceptron(**tensors, output_bias=bias).probabilities(candidates.dense, candidates.rows)


def _boosting(models: Path, features: str, contents: dict[str, Any], candidates: NewCandidates) -> Floats:
    seen = columns(features, contents["dense"], candidates.dense, candidates.structured)
    return boosting_probabilities(read_booster(models / f"{features}.ubj"), seen, candidates.rows)


def _logistic(path: Path) -> Logistic:
    stored = read_arrays(path)
    return Logistic(stored["coefficients"], float(stored["intercept"]))
