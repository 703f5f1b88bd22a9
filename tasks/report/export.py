"""What an experiment hands to whoever uses its result: `tasks/<experiment>/use/export.py` makes it, flows write it.

Beside `payload(root) -> Payload` that module says `NEEDS`, the files below the study's folder that it reads (`*` stands for a
name). Where the experiment takes input files of its own kind, `use/input_files.py` has `FORMATS`: suffix -> function of
(decider, input, output) that gives the number of rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from serving.fields import INFINITIES, Field

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_NAMES = {value: name for name, value in INFINITIES.items()}


@dataclass(frozen=True)
class Metric:
    """One figure of what is exported, on rows that chose nothing, as a model card lists it."""

    type: str
    name: str
    value: float


@dataclass(frozen=True)
class Payload:
    """kind: one of serving.folder.KINDS. decision: the kind's parameters. limits: what it must not be used for, a
    sentence each. files: name -> bytes. identity: whether nothing is changed, since to do nothing was chosen. task: as
    Hugging Face calls it. example: what a file for `flows.apply` may be called. instead: fields that may come in place of
    the inputs, and are no outputs then. takes: what goes in, in a sentence, where that is not plain."""

    kind: str
    inputs: Sequence[Field]
    outputs: Sequence[Field]
    decision: Mapping[str, Any]
    limits: Sequence[str]
    files: Mapping[str, bytes] = field(default_factory=dict)
    given: str = "A file of rows"  # what `flows.apply` takes, as the card calls it
    identity: bool = False
    task: str = "tabular-classification"
    metrics: Sequence[Metric] = ()
    example: str = "rows.csv"
    instead: Sequence[Field] = ()
    takes: str = ""


class NotExportable(RuntimeError):
    """One line: why there is nothing to export, and what to do."""


def exporter(experiment: str) -> Any:
    """The experiment's `use/export.py`. Raises NotExportable."""
    name = f"tasks.{experiment}.use.export"
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name == "onnx":
            raise NotExportable(
                f"{experiment} exports a model, which needs onnx; install the extra `export`"
            ) from None
        if not name.startswith(str(error.name)):
            raise
        raise NotExportable(
            f"{experiment} has no export: there is no tasks/{experiment}/use/export.py"
        ) from None


def formats(experiment: str) -> Mapping[str, Any]:
    """`FORMATS` of the experiment, without what makes its export."""
    name = f"tasks.{experiment}.use.input_files"
    try:
        found: Mapping[str, Any] = import_module(name).FORMATS
    except ModuleNotFoundError as error:
        if not name.startswith(str(error.name)):
            raise
        return {}
    return found


def plain(value: float) -> float | str:
    """As JSON has it."""
    return _NAMES.get(value, value)


def schema(title: str, payload: Payload) -> dict[str, Any]:
    """JSON schema (2020-12) of a record: of the input under $defs/input, of the output under $defs/output."""
    either = [_record(fields) for fields in (payload.inputs, payload.instead) if fields]
    given = {field.name for field in payload.instead}
    always = [field for field in payload.outputs if field.name not in given]
    return {
        "$schema": DRAFT,
        "title": title,
        **({"description": payload.takes} if payload.takes else {}),
        "$defs": {
            "input": {"anyOf": either} if len(either) > 1 else either[0],
            "output": {**_record(payload.outputs), **_required(always)},
        },
        "$ref": "#/$defs/input",
    }


def _record(fields: Sequence[Field]) -> dict[str, Any]:
    values = {
        name: _described(each, _nested(each, list(each.shape or ())))
        for each in fields
        for name in each.names
    }
    return {"type": "object", "properties": values, **_required(fields)}


def _required(fields: Sequence[Field]) -> dict[str, Any]:
    """All of them, one that has two names under either."""
    either = [{"anyOf": [{"required": [name]} for name in each.names]} for each in fields if each.called]
    named = {"required": [each.name for each in fields if not each.called]}
    return {**named, "allOf": either} if either else named


def _nested(field: Field, sizes: list[int | str]) -> dict[str, Any]:
    if not sizes:
        return _value(field)
    size = sizes[0]
    bounds = {"minItems": size, "maxItems": size} if isinstance(size, int) else {}
    return {"type": "array", "items": _nested(field, sizes[1:]), **bounds}


def _value(field: Field) -> dict[str, Any]:
    stated: dict[str, Any] = {"type": field.type}
    stated |= {key: value for key in ("minimum", "maximum") if (value := getattr(field, key)) is not None}
    stated |= {"enum": list(field.values)} if field.values is not None else {}
    return {"anyOf": [stated, {"enum": list(INFINITIES)}]} if field.infinite else stated


def _described(field: Field, stated: dict[str, Any]) -> dict[str, Any]:
    words = [field.description or "", f"unit: {field.unit}" if field.unit else ""]
    return stated | ({"description": "; ".join(filter(None, words))} if any(words) else {})
