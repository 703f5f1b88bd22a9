"""The bundle as an RO-Crate (https://w3id.org/ro/crate), by the `rocrate` library: what each file is, and what made it."""

import json
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flows.attested.bundle import (
    CELLS,
    CRATE,
    ENVIRONMENT,
    FILES,
    REPRODUCED_LOCK,
    STATEMENT,
    BundleError,
    Files,
    sha256,
)
from flows.attested.contents import Subject

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
NAME = "Tables made again from their commit"
TOLD = {
    STATEMENT: "what was made again, and whether it came out the same",
    FILES: "the verdict of each committed file and of each pinned output",
    CELLS: "the verdict of each cell of each table: as committed, and as made again",
    ENVIRONMENT: "packages, Python, processor and its switches",
    REPRODUCED_LOCK: "dvc.lock as the run left it: the digest of everything that was made",
    "committed/dvc.lock": "dvc.lock as the commit has it",
    "committed/dvc.yaml": "the graph of stages",
    "committed/params.yaml": "the parameters",
    "committed/data.dvc": "the digests of the data",
}
KINDS = {".json": "application/json", ".csv": "text/csv", ".yaml": "application/yaml"}


def require_library() -> None:
    """Raises BundleError."""
    if find_spec("rocrate") is None:
        raise BundleError(
            "--attest needs the extra `attest`: "
            "`uv pip install --python .venv/bin/python -c requirements.lock rocrate`, then the same command"
        )


def with_metadata(files: Files, of: Subject) -> dict[str, bytes]:
    """The files and ro-crate-metadata.json. Dates are the commit's; nothing in it depends on when or where it was made."""
    from rocrate.model.contextentity import ContextEntity  # noqa: PLC0415 - an extra
    from rocrate.rocrate import ROCrate  # noqa: PLC0415 - an extra

    crate = ROCrate()
    crate.name = NAME
    crate.description = (
        f"Commit {of.commit}{f', {of.folder}' if of.folder else ''}: its stages run again, and what came out."
    )
    crate.datePublished = of.date
    crate.root_dataset["conformsTo"] = {"@id": PROFILE}
    crate.root_dataset["license"] = "see the repository"
    with tempfile.TemporaryDirectory() as folder:
        added = {name: crate.add_file(source, name, properties=_properties(name, content))
                 for name, content in sorted(files.items()) if (source := _written(Path(folder), name, content))}  # fmt: skip
        code = crate.add(ContextEntity(crate, f"#{of.commit}", properties=_code(of)))
        action = crate.add(
            ContextEntity(crate, "#made-again", properties={"@type": "CreateAction", "name": NAME})
        )
        action["instrument"] = code
        action["object"] = [entity for name, entity in added.items() if name.startswith("committed/")]
        action["result"] = [entity for name, entity in added.items() if not name.startswith("committed/")]
        crate.root_dataset["mentions"] = action
        metadata: Mapping[str, Any] = crate.metadata.generate()
    return {**files, CRATE: (json.dumps(metadata, indent=2, sort_keys=True) + "\n").encode()}


def _written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _properties(name: str, content: bytes) -> dict[str, str]:
    kind = KINDS.get(Path(name).suffix, "text/plain")
    return {
        "description": TOLD[name],
        "encodingFormat": kind,
        "contentSize": str(len(content)),
        "sha256": sha256(content),
    }


def _code(of: Subject) -> dict[str, str]:
    return {
        "@type": "SoftwareSourceCode",
        "name": "calibration-flows",
        "version": of.commit,
        "programmingLanguage": "Python",
    }
