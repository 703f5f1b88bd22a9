"""What a service needs of head_sweep: the pinned head as one ONNX graph, from embeddings to probabilities."""

from pathlib import Path

from methods.graphs.head import head_graph
from serving.fields import Field
from serving.head import EMBEDDING, FOREGROUND, MODEL, PREDICTED, PROBABILITY
from tasks.head_sweep.use.apply import HeadClassifier, read_head
from tasks.report.export import Payload

HEAD = "artifacts/head_sweep/head"
NEEDS = (f"{HEAD}.json", f"{HEAD}.safetensors")
LIMITS = [
    "Embeddings have to come from the very encoder that is named in export.json under decision.encoder, pooled and "
    "preprocessed as it says there; others have other directions.",
    "It is one training of the recipe, that of the seed that inner validation likes best; the figures of the recipe are "
    "means over its seeds.",
    "What is of none of its classes gets one all the same, or a background class like those that it was trained on.",
]


def payload(root: Path) -> Payload:
    head = read_head(root / HEAD)
    prior = "" if not head.spec.adjust_infer else "; class frequencies of training are taken out of it"
    return Payload(
        kind="head",
        inputs=[
            Field(
                EMBEDDING, "number", (head.inputs,),
                description=f"as {head.card.model} ({head.spec.encoder}) gives it, of any length but 0",
            )
        ],
        outputs=[
            Field(PREDICTED, "string", values=tuple(head.classes)),
            Field(FOREGROUND, "boolean", description="whether it is a class, and not background"),
            *(
                Field(PROBABILITY + name, "number", minimum=0, maximum=1, description=f"of {name}{prior}")
                for name in head.classes
            ),
        ],
        decision={
            "run": head.spec.id,
            "profile": head.profile,
            "classes": head.classes,
            "foreground": head.foreground,
            "temperature": head.temperature,
            "temperature_status": head.temperature_status,
            "adjust_infer": head.spec.adjust_infer,
            "encoder": {"name": head.spec.encoder, **vars(head.card)},
        },
        limits=LIMITS,
        files={MODEL: _graph(head)},
        example="embeddings.npz",
    )  # fmt: skip


def _graph(head: HeadClassifier) -> bytes:
    tensors = head.tensors
    return head_graph(
        head.spec, tensors, tensors["mean"], tensors["spread"], head.prior_offsets, head.temperature
    )
