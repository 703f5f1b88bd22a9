"""The files of an export: what the payload says, the decision beside it, a card, and the checksums of all."""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from serving.fields import Field
from serving.folder import DECISION, FORMAT, MANIFEST, SUMS
from storage.files.atomic import complete_folder
from tasks.report.export import Payload, schema
from tasks.report.templates import Reason, render, sentences

CARD = "card.md"
CARD_TEMPLATE, WORDS = "tasks/report/card.md.j2", "tasks/report/export.j2"
LIBRARY = "calibration-serving"
EXAMPLES: Mapping[str, Any] = {"number": 0.5, "integer": 1, "string": "", "boolean": True}


def headline(experiment: str, decision: Mapping[str, Any], payload: Payload) -> str:
    """What is exported, and whether it is shown to be better."""
    figures = {"experiment": experiment, "decision": decision, "identity": payload.identity}
    return sentences(WORDS, [Reason("headline", figures)])[0]


def contents(
    payload: Payload, decided: bytes, question: str, study: str | None, provenance: Mapping[str, Any],
    licence: str | None,
) -> dict[str, bytes]:  # fmt: skip
    """name -> bytes, the checksums last. decided: decision.json as it was committed."""
    decision = json.loads(decided)
    title = f"{study or decision['experiment']}: {payload.kind}"
    called = {field.name: field.called for field in (*payload.inputs, *payload.instead) if field.called}
    manifest = {
        "format": FORMAT,
        "experiment": decision["experiment"],
        "study": study,
        "kind": payload.kind,
        **{name: decision[name] for name in ("chosen", "control", "action", "grade")},
        "question": question,
        "provenance": provenance,
        "inputs": [field.stated() for field in payload.inputs],
        "outputs": [field.stated() for field in payload.outputs],
        **({"instead": [field.stated() for field in payload.instead]} if payload.instead else {}),
        **({"columns": called} if called else {}),
        "decision": payload.decision,
    }
    files = {
        MANIFEST: _json(manifest),
        "schema.json": _json(schema(title, payload)),
        DECISION: decided,
        CARD: _card(payload, decision, title, question, provenance, licence).encode(),
        **payload.files,
    }
    return {**files, SUMS: _checksums(files)}


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """All of them or none."""
    with complete_folder(folder) as partial:
        for name, content in files.items():
            (partial / name).write_bytes(content)


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _checksums(files: Mapping[str, bytes]) -> bytes:
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items())]
    return "".join(lines).encode()


def _card(
    payload: Payload, decision: Mapping[str, Any], title: str, question: str, provenance: Mapping[str, Any],
    licence: str | None,
) -> str:  # fmt: skip
    front = _front_matter(payload, decision["experiment"], title, provenance, licence)
    record = {field.name: _example(field) for field in payload.inputs}
    body = render(
        CARD_TEMPLATE,
        title=title, question=question, decision=decision, payload=payload, provenance=provenance,
        record=json.dumps(record, ensure_ascii=False), version=provenance["serving"],
    )  # fmt: skip
    return f"---\n{front}---\n\n{body}"


def _front_matter(
    payload: Payload, experiment: str, title: str, provenance: Mapping[str, Any], licence: str | None
) -> str:
    """What Hugging Face reads; no licence where nobody named one, no metrics where none are honest."""
    name = experiment.replace("_", "-")
    stated: dict[str, Any] = {"license": licence} if licence else {}
    stated |= {"library_name": LIBRARY, "tags": ["calibration", name, payload.kind]}
    if payload.metrics:
        result = {
            "task": {"type": payload.task},
            "dataset": {
                "type": name,
                "name": name,
                "split": "held out",
                "revision": provenance["data"][experiment],
            },
            "metrics": [
                {"type": each.type, "name": each.name, "value": each.value} for each in payload.metrics
            ],
        }
        stated["model-index"] = [{"name": title, "results": [result]}]
    text = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style, yaml.width = False, 10_000
    yaml.dump(stated, text)
    return text.getvalue()


def _example(field: Field) -> Any:
    if field.values:
        return field.values[0]
    return EXAMPLES[field.type] if not field.shape else "..."
