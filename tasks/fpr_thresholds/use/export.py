"""What a filter needs of fpr_thresholds: the adopted threshold of each label, over scores that it brings."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from params.block import read_params
from serving.fields import Field
from serving.thresholds import FIRES, SCORE
from storage.files.documents import read_json
from storage.messages.thresholds import Adopted, AdoptedLabel
from tasks.fpr_thresholds.use.sql import boolean_columns
from tasks.report.export import Metric, Payload, plain
from tasks.report.roboflow import class_filter

EXPERIMENT = "fpr_thresholds"
ADOPTED = f"artifacts/{EXPERIMENT}/adopted.json"
NEEDS = (ADOPTED,)
LIMITS = [
    "It takes scores, not messages: the model that scores stays where it is.",
    "The scores have to come from the very model whose scores were calibrated: another model, or this one trained "
    "anew, has other scores, and its thresholds have to be found again.",
    "The budget is for rows like those that calibrated. Data that drift can break it without any sign in the scores: "
    "watch the rate on labelled rows.",
    "A false-positive rate says nothing of the share of fired rows that are right: where positives are rare, most of "
    "what fires may be wrong within the budget.",
]


def payload(root: Path) -> Payload:
    labels = Adopted.model_validate(read_json(root / ADOPTED)).labels
    clamp = _clamp(read_params(root / "params.yaml")[EXPERIMENT])
    thresholds = {name: each.threshold for name, each in labels.items()}
    never = [name for name, threshold in thresholds.items() if threshold == float("inf")]
    inputs = [
        Field(
            SCORE + name, "number", minimum=0 - clamp, maximum=1 + clamp, infinite=True,
            description=f"score of {name}, of the model whose scores were calibrated",
        )
        for name in labels
    ]  # fmt: skip
    outputs = [Field(FIRES + name, "boolean", description=_rule(name, each)) for name, each in labels.items()]
    return Payload(
        kind="thresholds",
        inputs=inputs,
        outputs=outputs,
        decision={"labels": {name: _stated(each) for name, each in labels.items()}, "clamp": clamp},
        limits=[*LIMITS, *(f"{name} never fires: {labels[name].certificate}." for name in never)],
        metrics=_metrics(root),
        example="scores.csv",
        files={
            "thresholds.sql": boolean_columns(thresholds).encode(),
            "roboflow.json": json.dumps(class_filter(thresholds), indent=2).encode() + b"\n",
        },
    )


def _metrics(root: Path) -> list[Metric]:
    """Of the holdout, which chose nothing; a rate with its bound, since few negatives say little."""
    labels = read_json(root / "results" / EXPERIMENT / "decision.json")["evidence"]["labels"]
    found = []
    for name, each in labels.items():
        held = each["holdout"]
        if held["recall"] is not None:
            found.append(
                Metric("recall", f"recall of {name} (of {held['positives']} positives)", held["recall"])
            )
        fired = f"{held['false_positives']} of {held['negatives']} negatives fired"
        bound = f"upper bound of the false-positive rate of {name} ({fired})"
        found.append(Metric("false_positive_rate_upper_bound", bound, held["upper_bound"]))
    return found


def _stated(label: AdoptedLabel) -> dict[str, Any]:
    return {
        "threshold": plain(label.threshold),
        "status": label.status,
        "option": label.option,
        "rule": label.rule,
        "target": label.alpha,
        "certificate": label.certificate,
    }


def _rule(name: str, label: AdoptedLabel) -> str:
    if label.threshold == float("inf"):
        return f"never: {label.certificate}"
    return f"whether {SCORE}{name} >= {label.threshold!r}"


def _clamp(block: Mapping[str, Any]) -> float:
    """By how much a score may lie beyond [0, 1] and is read as its end."""
    return float(block["prepare"].get("clamp") or block["score"]["model"].get("clamp") or 0.0)
