"""An export without a commit around it: what a service is made of, from a payload alone."""

import json
from pathlib import Path

from serving.fields import field_of
from serving.folder import Export
from tasks.report.export import Payload


def opened(payload: Payload, folder: Path) -> Export:
    """As `serving.load` would make it of the folder, had it been written; all through JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in payload.files.items():
        (folder / name).write_bytes(content)
    inputs, outputs = (
        tuple(field_of(json.loads(json.dumps(each.stated()))) for each in fields)
        for fields in (payload.inputs, payload.outputs)
    )
    return Export(
        folder=folder, experiment="", study=None, kind=payload.kind, chosen="", control="", action="", grade="",
        question="", inputs=inputs, outputs=outputs, decision=json.loads(json.dumps(payload.decision, allow_nan=False)),
        provenance={},
    )  # fmt: skip
