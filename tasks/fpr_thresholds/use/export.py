"""What a filter needs of fpr_thresholds: the adopted threshold of each label, and the text model that was trained here."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from params.block import read_params
from serving.fields import Field
from serving.texts import MODEL, TEXT
from serving.thresholds import FIRES, SCORE
from storage.files.arrays import read_arrays
from storage.files.documents import read_json
from storage.messages.scored import ONLY
from storage.messages.thresholds import Adopted, AdoptedLabel
from tasks.fpr_thresholds.use.sql import boolean_columns
from tasks.report.export import Metric, Payload, plain
from tasks.report.roboflow import class_filter

EXPERIMENT = "fpr_thresholds"
ADOPTED = f"artifacts/{EXPERIMENT}/adopted.json"
TRAINED = f"artifacts/{EXPERIMENT}/model"
NEEDS = (ADOPTED, f"{TRAINED}/model.json")
TAKES = {  # by the kind of model
    "ngrams": f"It takes messages: the text model that was calibrated is in it, as numbers ({MODEL}).",
    "fasttext": "It takes scores, not messages: the fastText model stays where it is. fastText reads a score from a table "
    "of some 500 values, and the last digit of a sum, which differs from one build of it to the next, can be a whole step "
    "there: other code cannot promise the same answers. Score messages with fastText itself, cleaned as "
    "`serving.rules.clean_text` cleans them.",
    "fasttext_file": "It takes scores, not messages: the fastText file is yours and stays where it is. Score messages with "
    "fastText itself, cleaned as `serving.rules.clean_text` cleans them.",
    "given": "It takes scores: they came with the rows, and the model that scores stays where it is.",
}
SETTINGS = ("buckets", "word_ngrams", "char_ngrams")
YOUNGER_SIGNS = (
    "Messages are cleaned by Python's own Unicode tables: where one holds signs that are younger than the Python that "
    "scores it, its score may differ."
)
OWN_MODEL = (
    "The scores have to come from the very model whose scores were calibrated: another model, or this one trained "
    "anew, has other scores, and its thresholds have to be found again."
)
LIMITS = [
    "The budget is for rows like those that calibrated. Data that drift can break it without any sign in the scores: "
    "watch the rate on labelled rows.",
    "A false-positive rate says nothing of the share of fired rows that are right: where positives are rare, most of "
    "what fires may be wrong within the budget.",
]


def payload(root: Path) -> Payload:
    labels = Adopted.model_validate(read_json(root / ADOPTED)).labels
    block = read_params(root / "params.yaml")[EXPERIMENT]
    model, clamp = block["score"]["model"], _clamp(block)
    thresholds = {name: each.threshold for name, each in labels.items()}
    never = [name for name, threshold in thresholds.items() if threshold == float("inf")]
    scores = _scores(list(labels), clamp, block["prepare"])
    fires = [Field(FIRES + name, "boolean", description=_rule(name, each)) for name, each in labels.items()]
    common = Payload(
        kind="thresholds",
        inputs=scores,
        outputs=fires,
        decision={"labels": {name: _stated(each) for name, each in labels.items()}, "clamp": clamp},
        limits=[OWN_MODEL, *LIMITS, *(f"{name} never fires: {labels[name].certificate}." for name in never)],
        metrics=_metrics(root),
        example="scores.csv",
        files={
            "thresholds.sql": boolean_columns(thresholds).encode(),
            "roboflow.json": json.dumps(class_filter(thresholds), indent=2).encode() + b"\n",
        },
        takes=TAKES[model["kind"]],
    )
    return _with_model(root, common, block) if model["kind"] == "ngrams" else common


def _with_model(root: Path, common: Payload, block: Mapping[str, Any]) -> Payload:
    """Of messages, or of their scores as without a model."""
    called = (block["prepare"].get("columns") or {}).get("text")
    settings = {name: block["score"]["model"][name] for name in SETTINGS}
    return replace(
        common,
        kind="texts",
        task="text-classification",
        inputs=[Field(TEXT, "string", description="the message, as it came", called=called)],
        instead=common.inputs,
        outputs=[*common.inputs, *common.outputs],
        decision={**common.decision, "text_model": settings},
        limits=[*common.limits, YOUNGER_SIGNS],
        example="messages.csv",
        files={**common.files, MODEL: _text_model(root, list(common.decision["labels"]))},
    )


def _text_model(root: Path, labels: Sequence[str]) -> bytes:
    """As the score stage keeps it, rows in the order of the labels."""
    known: list[str] = read_json(root / TRAINED / "model.json")["labels"]
    rows = [known.index(label) for label in labels]
    stored, file = read_arrays(root / TRAINED / "ngrams.npz"), io.BytesIO()
    np.savez(file, coefficients=stored["coefficients"][rows], intercepts=stored["intercepts"][rows])
    return file.getvalue()


def _scores(labels: Sequence[str], clamp: float, prepare: Mapping[str, Any]) -> list[Field]:
    return [
        Field(
            SCORE + name, "number", minimum=0 - clamp, maximum=1 + clamp, infinite=True,
            description=f"score of {name}, of the model whose scores were calibrated",
            called=_score_column(name, labels, prepare),
        )
        for name in labels
    ]  # fmt: skip


def _score_column(label: str, labels: Sequence[str], prepare: Mapping[str, Any]) -> str | None:
    """What the study's own file calls the score of a label; the only one may be called `score` anywhere."""
    if prepare["kind"] != "scores":
        return None
    stated = (prepare.get("columns") or {}).get("scores")
    if isinstance(stated, Mapping):
        return stated.get(label)
    return (stated or ONLY) if len(labels) == 1 else None


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
