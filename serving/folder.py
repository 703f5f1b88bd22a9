"""The folder of an export: what export.json says, every file as it was written, and the class that decides."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from serving.errors import ExportError, listed
from serving.fields import Field, field_of

FORMAT = 1
MANIFEST, DECISION, SUMS = "export.json", "decision.json", "SHA256SUMS"
KINDS = {
    "thresholds": "serving.thresholds:ScoreThresholds",
    "texts": "serving.texts:TextThresholds",
    "recalibration": "serving.recalibration:LogitRecalibration",
    "candidates": "serving.candidates:CandidateAcceptance",
    "head": "serving.head:EmbeddingHead",
    "stamps": "serving.stamps:StampScorer",
}
AGAIN = "export it again, or copy the whole folder anew"


@dataclass(frozen=True)
class Export:
    """decision: the parameters of the kind. provenance: commit, data, params and versions that it is of. instead: the
    fields that may come in place of the inputs."""

    folder: Path
    experiment: str
    study: str | None
    kind: str
    chosen: Any
    control: str
    action: str
    grade: str
    question: str
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    decision: Mapping[str, Any]
    provenance: Mapping[str, Any]
    instead: tuple[Field, ...] = ()

    def file(self, name: str) -> Path:
        return self.folder / name


class Decider(Protocol):
    """What a kind's class is: made of an Export, it decides rows."""

    @property
    def export(self) -> Export: ...

    def decide(self, inputs: Any, /) -> dict[str, NDArray[Any]]:
        """A column for each output, rows in the order of the inputs. inputs: a mapping of names to columns, or a list
        of records. Raises RecordError."""


def load(folder: str | Path, experiment: str | None = None) -> Any:
    """The decider of an export (see Decider), once format, files and checksums were checked; experiment: the one it has
    to be of. Raises ExportError."""
    export = read_export(Path(folder), experiment)
    module, _, name = KINDS[export.kind].partition(":")
    return getattr(import_module(module), name)(export)


def read_export(folder: Path, experiment: str | None = None) -> Export:
    stated = _manifest(folder)
    _check_files(folder)
    if (kind := stated["kind"]) not in KINDS:
        raise ExportError(
            folder / MANIFEST,
            f"kind {kind!r} is not known here; there are {listed(KINDS)}; use a newer serving",
        )
    if experiment is not None and stated["experiment"] != experiment:
        raise ExportError(
            folder / MANIFEST, f"is of {stated['experiment']}; expected an export of {experiment}"
        )
    decided = _json(folder / DECISION).get("experiment")
    if decided != stated["experiment"]:
        raise ExportError(
            folder / DECISION,
            f"is of {decided}, {MANIFEST} is of {stated['experiment']}: files of two exports; {AGAIN}",
        )
    plain = {field.name: stated[field.name] for field in dataclass_fields(Export) if field.name in stated}
    called = stated.get("columns", {})
    read = {
        name: tuple(
            replace(field, called=called.get(field.name)) for field in map(field_of, stated.get(name, ()))
        )
        for name in ("inputs", "outputs", "instead")
    }
    return Export(**{**plain, **read, "folder": folder})


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.exists():
        raise ExportError(folder, f"has no {MANIFEST}; expected a folder that `python -m flows.export` wrote")
    stated = _json(path)
    version = stated.get("format")
    if not isinstance(version, int) or version < 1:
        raise ExportError(path, f"format {version!r} is none of ours; {AGAIN}")
    if version > FORMAT:
        raise ExportError(
            path, f"is of format {version}, this serving reads up to {FORMAT}; use a newer serving"
        )
    return stated


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExportError(path, f"is missing; {AGAIN}") from None
    except ValueError as error:
        raise ExportError(path, f"not JSON: {error}; {AGAIN}") from None
    if not isinstance(value, dict):
        raise ExportError(path, f"expected an object; {AGAIN}")
    return value


def _check_files(folder: Path) -> None:
    path = folder / SUMS
    if not path.exists():
        raise ExportError(path, f"is missing; {AGAIN}")
    lines = [line.partition("  ") for line in path.read_text(encoding="utf-8").splitlines() if line]
    listing = {name: digest for digest, _, name in lines}
    if missing := [name for name in (MANIFEST, DECISION) if name not in listing]:
        raise ExportError(path, f"does not list {listed(missing)}; {AGAIN}")
    for name, digest in listing.items():
        file = folder / name
        if not file.is_file():
            raise ExportError(file, f"is missing; {AGAIN}")
        if sha256(file) != digest:
            raise ExportError(
                file, f"is not the file that was exported: it was edited, or is of another one; {AGAIN}"
            )


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
