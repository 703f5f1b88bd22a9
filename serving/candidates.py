"""Which detection candidates to accept: the calibrator that was chosen, then suppression, then a threshold a class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import RecordError
from serving.fields import columns
from serving.folder import Export
from serving.onnx_model import OnnxModel
from serving.rules.suppression import staying

DENSE, STRUCTURED, HAS = "dense", "structured", "has"
VARIANT, LABEL, IMAGE, BOX = "variant", "label", "image", "box"
FINAL, ACCEPTED = "p_final", "accepted"
ROWS_AT_ONCE = 1 << 15


@dataclass(frozen=True)
class CandidateRule:
    """One variant's: thresholds (classes,) of what its model says; iou of suppression, None without; curves: of classes
    whose probabilities are calibrated once more, knots and what they become."""

    model: OnnxModel
    thresholds: NDArray[np.float64]
    iou: float | None
    curves: Mapping[int, tuple[Sequence[float], Sequence[float]]]


class CandidateAcceptance:
    """rules by variant; classes by their numbers there."""

    def __init__(self, export: Export) -> None:
        self.export = export
        self.classes: tuple[str, ...] = tuple(export.decision["classes"])
        self.rules = {name: self._rule(stated) for name, stated in export.decision["variants"].items()}

    def decide(self, inputs: Any, /) -> dict[str, NDArray[Any]]:
        """`p_final` and `accepted` of all candidates of some images: give those of an image together, since better ones
        suppress others. `variant` says whose model scores a row, where there are several."""
        found = columns(self.export.inputs, inputs)
        backwards = (found[BOX][:, :2] > found[BOX][:, 2:]).any(axis=1)
        if backwards.any():
            raise RecordError(
                "expected corners x1, y1, x2, y2 with x1 <= x2 and y1 <= y2, not x, y, width, height",
                field=BOX,
                row=int(backwards.argmax()),
            )
        label = _places(self.classes, found[LABEL])
        scores, accepted = np.empty(len(label)), np.empty(len(label), np.bool_)
        for name, rule in self.rules.items():
            own = found[VARIANT] == name if VARIANT in found else np.ones(len(label), np.bool_)
            part = {key: values[own] for key, values in found.items()}
            scores[own] = _scores(rule, part, label[own])
            accepted[own] = self._accepts(rule, part, label[own], scores[own])
        return {FINAL: scores, ACCEPTED: accepted}

    def _accepts(
        self, rule: CandidateRule, found: Mapping[str, NDArray[Any]], label: NDArray[np.int64],
        scores: NDArray[np.float64],
    ) -> NDArray[np.bool_]:  # fmt: skip
        _, image = np.unique(found[IMAGE], return_inverse=True)
        stays = staying(image * len(self.classes) + label, found[BOX], scores, rule.iou)
        return stays & (scores >= rule.thresholds[label])

    def _rule(self, stated: Mapping[str, Any]) -> CandidateRule:
        thresholds = [float(stated["thresholds"][name]["threshold"]) for name in self.classes]
        curves = {
            self.classes.index(name): (knots["given"], knots["calibrated"])
            for name, knots in stated["curves"].items()
        }
        model = OnnxModel(self.export.file(stated["model"]), ROWS_AT_ONCE)
        return CandidateRule(model, np.array(thresholds, np.float64), stated["nms_iou"], curves)


def _scores(
    rule: CandidateRule, found: Mapping[str, NDArray[Any]], label: NDArray[np.int64]
) -> NDArray[np.float64]:
    scores: NDArray[np.float64] = rule.model.run(found)["probability"][:, 0]
    for place, (given, calibrated) in rule.curves.items():
        rows = label == place
        scores[rows] = np.interp(scores[rows], given, calibrated)
    return scores


def _places(classes: Sequence[str], names: NDArray[np.str_]) -> NDArray[np.int64]:
    order = np.argsort(np.array(classes))
    return np.asarray(order[np.searchsorted(np.array(classes)[order], names)])
