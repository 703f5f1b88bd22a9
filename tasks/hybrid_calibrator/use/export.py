"""What a service needs of hybrid_calibrator: per variant the chosen option as one ONNX graph, suppression and thresholds."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.graphs.candidates import (
    add_dense_columns,
    add_logistic,
    add_logit,
    add_perceptron,
    add_trees,
    candidate_graph,
)
from methods.graphs.model import GraphBuilder
from serving.candidates import ACCEPTED, BOX, DENSE, FINAL, HAS, IMAGE, LABEL, STRUCTURED, VARIANT
from serving.fields import Field, Type
from storage.detections.coco_images import IMAGES_FILE
from storage.detections.experts import read_booster
from storage.files.arrays import read_arrays
from storage.files.documents import read_json
from storage.files.inputs import InputError
from storage.files.tensors import read_tensors
from tasks.hybrid_calibrator.model.columns import columns
from tasks.hybrid_calibrator.use.detection_settings import DetectionSettings, settled
from tasks.hybrid_calibrator.use.new_images import DETECTIONS
from tasks.report.export import Payload
from tasks.report.roboflow import class_filter

FOLDER = "artifacts/hybrid_calibrator"
NEEDS = (
    f"{FOLDER}/thresholds.json", f"{FOLDER}/*/models", f"{FOLDER}/*/prepared.json", f"{FOLDER}/*/ground_truth.parquet",
)  # fmt: skip
LIMITS = [
    "Boxes have to be those of the very detectors and embeddings those of the very classifier that it was fitted with: "
    "another detector, or a new version of one, has other scores. Who makes features without `flows.apply` makes them as "
    "the features stage does, in the order of columns that export.json names.",
    "All candidates of an image have to be decided together: better ones suppress others.",
    "Thresholds were tuned on images like those of the data; elsewhere objects may be rarer, and precision lower.",
]


def payload(root: Path) -> Payload:
    path = root / FOLDER / "thresholds.json"
    pinned = read_json(path)
    variants = {
        name: VariantModel(root / FOLDER / name / "models", option)
        for name, option in pinned["chosen"].items()
    }
    first, *others = (each.contents for each in variants.values())
    for name in ("classes", "sources"):
        if any(each[name] != first[name] for each in others):
            raise InputError(path, f"variants differ in their {name}; make one study of each", field="chosen")
    stated = {name: each.stated | _acceptance(pinned, name) for name, each in variants.items()}
    single = len(variants) == 1
    detections = settled(root / "params.yaml", root / FOLDER / next(iter(variants)))
    return Payload(
        kind="candidates",
        inputs=_inputs(list(variants.values()), first["classes"], [] if single else list(variants)),
        outputs=[
            Field(FINAL, "number", minimum=0, maximum=1, description="that the candidate is an object of its label"),
            Field(
                ACCEPTED, "boolean",
                description="whether no better one suppresses it and p_final reaches the threshold of its label",
            ),
        ],
        decision={
            "classes": first["classes"],
            "sources": first["sources"],
            "variants": stated,
            DETECTIONS: detections.model_dump(),
        },
        limits=LIMITS,
        files={
            **{each.stated["model"]: each.graph() for each in variants.values()},
            **{
                "roboflow.json" if single else f"roboflow_{name}.json": _roboflow(each["thresholds"])
                for name, each in stated.items()
            },
        },
        task="object-detection",
        given=_given(detections, any(DENSE in each for each in stated.values())),
        example="new_images" if single else f"new_images/{next(iter(variants))}",
    )  # fmt: skip


def _given(detections: DetectionSettings, sees_crops: bool) -> str:
    files = [each.file for each in detections.sources.values()]
    crops = [each.classifier for each in detections.sources.values() if each.classifier and sees_crops]
    seen = f", and what the classifier says of each crop ({', '.join(crops)})" if crops else ""
    return (
        f"New images, in a folder of {IMAGES_FILE} (COCO's images and categories) and each detector's results ({', '.join(files)})"
        f"{seen}; all candidates as a table, or in accepted.json the accepted ones as COCO results"
    )


class VariantModel:
    """The chosen option of one variant, from the folder that fit wrote."""

    def __init__(self, folder: Path, option: str) -> None:
        self.folder, self.option = folder, option
        self.contents: dict[str, Any] = read_json(folder / "models.json")
        if option not in self.contents["options"]:
            raise InputError(
                folder / "models.json",
                f"has no model of {option!r}; it has {list(self.contents['options'])}: run the fit stage again",
            )
        self.kind: dict[str, Any] = self.contents["options"][option]
        control = next(iter(self.contents["options"].values()))
        self.features: str = {**control, **self.kind}.get("features", "structured")

    @property
    def stated(self) -> dict[str, Any]:
        """`curves` by class, where probabilities are calibrated once more."""
        return {
            "option": self.option,
            "model": f"candidates_{self.folder.parent.name}.onnx",
            **({"dense": self.contents["dense"]} if DENSE in self.inputs else {}),
            "structured": self.contents["structured"],
            "curves": self._curves() if self.kind["kind"] == "isotonic" else {},
        }

    @property
    def inputs(self) -> dict[str, int]:
        """What the option sees: the width of each matrix."""
        widths = {DENSE: len(self.contents["dense"]), STRUCTURED: len(self.contents["structured"])}
        if self.kind["kind"] == "blended":
            widths[HAS] = len(self.contents["sources"])
        elif (
            self.kind["kind"] != "stacked" and _first(self.features, self.contents["dense"]) == widths[DENSE]
        ):
            del widths[DENSE]
        return {name: width for name, width in widths.items() if width}

    def graph(self) -> bytes:
        graph = GraphBuilder()
        return candidate_graph(graph, self._probabilities(graph), self.inputs)

    def _probabilities(self, graph: GraphBuilder) -> str:
        match self.kind["kind"]:
            case "blended":
                dense, trees = self._dense(graph), self._trees(graph, "structured", "structured")
                logits = [add_logit(graph, each) for each in (dense, trees)]
                meta = graph.add("Concat", *logits, graph.cast(HAS, "double"), axis=1)
                return add_logistic(graph, meta, *_coefficients(self.folder / f"{self.option}.npz"))
            case "stacked":
                seen = graph.cast(add_logit(graph, self._dense(graph)), "float")
                return add_trees(graph, [STRUCTURED, seen], self._booster(self.option))
            case _:  # boosted, or the control's before its curves
                return self._trees(graph, self.features, self.features)

    def _trees(self, graph: GraphBuilder, name: str, features: str) -> str:
        start = _first(features, self.contents["dense"])
        dense = [add_dense_columns(graph, DENSE, start)] if start < len(self.contents["dense"]) else []
        return add_trees(graph, [*dense, STRUCTURED], self._booster(name))

    def _dense(self, graph: GraphBuilder) -> str:
        if self.kind["dense"] == "logistic":
            return add_logistic(graph, DENSE, *_coefficients(self.folder / "logistic.npz"))
        return add_perceptron(graph, DENSE, read_tensors(self.folder / "perceptron.safetensors"))

    def _booster(self, name: str) -> dict[str, Any]:
        booster: dict[str, Any] = json.loads(
            bytes(read_booster(self.folder / f"{name}.ubj").save_raw("json"))
        )
        return booster

    def _curves(self) -> dict[str, dict[str, list[float]]]:
        knots = read_arrays(self.folder / f"{self.option}.npz")
        return {
            self.contents["classes"][label]: {
                name: knots[name][knots["label"] == label].tolist() for name in ("given", "calibrated")
            }
            for label in np.unique(knots["label"]).tolist()
        }


def _first(features: str, dense_names: list[str]) -> int:
    """The first dense column that trees on these features see; behind the last one where they see none."""
    seen = columns(features, dense_names, np.arange(len(dense_names))[None], np.empty((1, 0)))
    return int(seen[0][0, 0]) if len(seen) == 2 else len(dense_names)


def _coefficients(path: Path) -> tuple[NDArray[np.float64], float]:
    stored = read_arrays(path)
    return stored["coefficients"], float(stored["intercept"])


def _acceptance(pinned: Mapping[str, Any], variant: str) -> dict[str, Any]:
    option = pinned["chosen"][variant]
    thresholds = pinned["thresholds"][variant][option]
    return {
        "nms_iou": pinned["nms_ious"][variant][option],
        "thresholds": {
            name: {**each, "threshold": _plain(each["threshold"])} for name, each in thresholds.items()
        },
    }


def _plain(threshold: float | str) -> float | str:
    return {"inf": "Infinity", "-inf": "-Infinity"}.get(str(threshold), threshold)


def _roboflow(thresholds: Mapping[str, Mapping[str, Any]]) -> bytes:
    """For whoever puts p_final in the place of a detection's confidence."""
    by_class = {name: float(each["threshold"]) for name, each in thresholds.items()}
    return json.dumps(class_filter(by_class), indent=2).encode() + b"\n"


def _inputs(variants: list[VariantModel], classes: list[str], names: list[str]) -> list[Field]:
    """names: of the variants, where there are several. A matrix of which variants have different widths may be of any."""
    matrices: tuple[tuple[str, Type, str], ...] = (
        (DENSE, "number", "what its crop shows: columns in the order of decision.variants"),
        (STRUCTURED, "number", "what its boxes say: columns in the order of decision.variants"),
        (HAS, "boolean", "whether each source has it, in the order of decision.sources"),
    )
    widths = {
        name: {each.inputs[name] for each in variants if name in each.inputs} for name, _, _ in matrices
    }
    return [
        *([Field(VARIANT, "string", values=tuple(names), description="whose model scores it")] if names else []),
        *(
            Field(name, kind, (_one(widths[name], f"{name} columns"),), description=words)
            for name, kind, words in matrices
            if widths[name]
        ),
        Field(LABEL, "string", values=tuple(classes)),
        Field(IMAGE, "integer", description="any number, the same for all candidates of an image"),
        Field(BOX, "number", (4,), unit="pixels", description="corners x1, y1, x2, y2"),
    ]  # fmt: skip


def _one(widths: set[int], name: str) -> int | str:
    return next(iter(widths)) if len(widths) == 1 else name
