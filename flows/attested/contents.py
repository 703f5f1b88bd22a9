"""What a bundle holds of a verification: its commit, data, parameters and locks, where it ran, and every cell's verdict."""

import csv
import io
import json
import math
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from flows.attested.bundle import (
    CELLS,
    COMMITTED,
    ENVIRONMENT,
    FILES,
    FORMAT,
    REPRODUCED_LOCK,
    STATEMENT,
    Files,
    sha256,
)
from flows.attested.leaves import table_cells, yaml_document
from flows.published.verdicts import TOLERANCE, FileVerdict, Verdict
from flows.worktrees.worktree import run

FILE_COLUMNS = ("file", "verdict", "sha256", "detail")
CELL_COLUMNS = ("file", "row", "column", "committed", "made again", "verdict")
LOCK, RESULTS = "dvc.lock", "results/"

Reader = Callable[[str], bytes | None]
Results = Mapping[str, bytes | None]


@dataclass(frozen=True)
class Subject:
    """What was made again. folder: of the study in the repository, empty for the repository itself."""

    commit: str
    date: str
    folder: str
    experiments: Sequence[str]

    def path(self, name: str) -> str:
        return f"{self.folder}/{name}" if self.folder else name


def subject(root: Path, commit: str, folder: str, experiments: Sequence[str]) -> Subject:
    seconds = int(run(root, "read the commit's date", "git", "show", "-s", "--format=%ct", commit))
    return Subject(commit, datetime.fromtimestamp(seconds, UTC).isoformat(), folder, sorted(experiments))


def contents(
    of: Subject, committed: Reader, again: Files, checked: Sequence[FileVerdict], signer: str | None
) -> dict[str, bytes]:
    """The files, by their paths in the bundle. committed: path in the folder -> what the commit has there; again: what the
    run left of its lock and its results."""
    found = {f"committed/{name}": content for name in COMMITTED if (content := committed(name)) is not None}
    names = [each.name for each in checked if each.name.startswith(RESULTS)]
    results = {name: committed(name) for name in names}
    statement = {
        "format": FORMAT,
        "commit": of.commit,
        "committed": of.date,
        "folder": of.folder,
        "experiments": list(of.experiments),
        "holds": all(each.holds for each in checked),
        "tolerance": TOLERANCE,
        "signed_by": signer,
    }
    return {
        **found,
        REPRODUCED_LOCK: again[LOCK],
        STATEMENT: _json(statement),
        FILES: _csv(FILE_COLUMNS, _file_rows(checked, results)),
        CELLS: _csv(CELL_COLUMNS, _cell_rows(names, results, again)),
        ENVIRONMENT: _json(environment(found["committed/params.yaml"])),
    }


def environment(params: bytes) -> dict[str, Any]:
    """Of this process, whose Python runs the stages; switches: those of runtime.cpu in params.yaml."""
    packages = {each.name: each.version for each in distributions() if each.name}
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "cpu": cpu_model(),
        "runtime.cpu": _switches(params),
        "packages": dict(sorted(packages.items(), key=lambda each: each[0].lower())),
    }


def cpu_model(described: Path = Path("/proc/cpuinfo")) -> str:
    """As the kernel has it; elsewhere what Python knows."""
    if described.exists():
        for line in described.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _switches(params: bytes) -> Any:
    stated: Any = yaml_document(params)
    for name in ("runtime", "cpu"):
        stated = stated.get(name) if isinstance(stated, Mapping) else None
    return stated


def _file_rows(checked: Sequence[FileVerdict], results: Results) -> Iterable[Sequence[str]]:
    for each in checked:
        content = results.get(each.name)
        yield each.name, each.verdict, "" if content is None else sha256(content), each.detail


def _cell_rows(names: Iterable[str], committed: Results, again: Results) -> Iterable[Sequence[str]]:
    for name in names:
        before = table_cells(name, committed.get(name) or b"")
        after = table_cells(name, again.get(name) or b"")
        for place in dict.fromkeys([*before, *after]):
            old, new = before.get(place), after.get(place)
            yield name, *place, old or "", new or "", cell_verdict(old, new)


def cell_verdict(old: str | None, new: str | None) -> Verdict:
    if old == new:
        return "identical"
    if old is None or new is None:
        return "missing" if new is None else "different"
    with suppress(ValueError):
        if math.isclose(float(old), float(new), rel_tol=TOLERANCE):
            return "equal within tolerance"
    return "different"


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()
