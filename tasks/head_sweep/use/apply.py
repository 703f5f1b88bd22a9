"""The pinned head: what it has to know, and the scores it gives to new embeddings."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from methods.heads.metrics import probabilities
from methods.heads.specs import HeadSpec
from methods.heads.sweep import at_inference, state_logits
from storage.files.documents import read_json, write_json
from storage.files.inputs import InputError
from storage.files.tensors import read_tensors, write_tensors
from storage.heads.embeddings import STATUS, Card

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HeadClassifier:
    """tensors: the weights with `mean` and `spread` of the unit train rows. temperature: of inner validation, whether the
    recipe has one or not. prior_offsets: log prior of the stream that trained its last layer; the head answers with
    its logits less adjust_infer times these, over temperature."""

    spec: HeadSpec
    profile: str
    classes: list[str]
    foreground: int
    inputs: int
    temperature: float
    temperature_status: str
    prior_offsets: list[float]
    card: Card
    tensors: dict[str, NDArray[Any]]

    def logits(self, embeddings: ArrayLike, adjust: float | None = None) -> Floats:
        """(n, classes) of embeddings as the encoder gives them; `adjust`: tau in place of the head's own, 0 for none."""
        rows = np.asarray(embeddings)
        if rows.ndim != 2 or rows.shape[1] != self.inputs:
            raise ValueError(
                f"expected embeddings (n, {self.inputs}) of {self.spec.encoder}, got {rows.shape}"
            )
        if not np.isfinite(rows).all() or not np.linalg.norm(rows, axis=1).all():
            raise ValueError("expected finite embeddings, none of norm 0")
        weights = {name: value for name, value in self.tensors.items() if name not in ("mean", "spread")}
        raw = state_logits(
            self.spec, weights, self.tensors["mean"], self.tensors["spread"], len(self.classes), rows
        )
        tau = self.spec.adjust_infer if adjust is None else adjust
        return at_inference(raw, tau, np.array(self.prior_offsets), self.temperature)

    def probabilities(self, embeddings: ArrayLike, adjust: float | None = None) -> Floats:
        return probabilities(self.logits(embeddings, adjust))


def write_head(path: Path, head: HeadClassifier) -> None:
    """`path` with the suffixes .safetensors and .json."""
    spec = head.spec
    write_tensors(path.with_suffix(".safetensors"), head.tensors)
    write_json(
        path.with_suffix(".json"),
        {
            "id": spec.id,
            "profile": head.profile,
            "encoder": {"name": spec.encoder, **asdict(head.card)},
            "classes": head.classes,
            "foreground": head.foreground,
            "inputs": head.inputs,
            "hidden": spec.hidden,
            "normalise": "L2" + (", then less mean, over spread" if spec.standardise else ""),
            "activation": "GELU (erf)" if spec.gelu else "ReLU",
            "layer_norm": spec.layer_norm,
            "cosine_scale": spec.arcface.scale if spec.arcface else None,
            "temperature": head.temperature,
            "temperature_status": head.temperature_status,
            "adjust_infer": spec.adjust_infer,
            "prior_offsets": head.prior_offsets,
        },
    )


def read_head(path: Path) -> HeadClassifier:
    """What `write_head` wrote; InputError where the two files are no pair."""
    side = path.with_suffix(".json")
    head = read_json(side)
    if head == STATUS:
        raise InputError(side, "holds no head: the runs came finished, and nothing was trained here")
    encoder = head["encoder"]
    tensors = read_tensors(path.with_suffix(".safetensors"))
    if tensors["w2"].shape[1] != len(head["classes"]) or len(tensors["mean"]) != head["inputs"]:
        raise InputError(side, "does not fit the tensors beside it; run the compare stage again")
    return HeadClassifier(
        HeadSpec.parse(head["id"]), head["profile"], head["classes"], head["foreground"], head["inputs"],
        head["temperature"], head["temperature_status"], head["prior_offsets"],
        Card(encoder["model"], encoder["pooling"], encoder["transform"], encoder["normalisation"]), tensors,
    )  # fmt: skip
