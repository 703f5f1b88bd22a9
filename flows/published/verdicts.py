"""What was committed against what was made again: identical, equal within a tolerance, or different, cell for cell."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from flows.published.cells import Cell, CellChange, changed_cells, rows_of
from tasks.report.templates import Reason, sentences

TOLERANCE = 1e-6  # relative; the tables keep six significant digits
NAMED = 5
Verdict = Literal["identical", "equal within tolerance", "different", "missing"]
Cells = list[dict[str, Cell]]


@dataclass(frozen=True)
class FileVerdict:
    """One committed file, one pinned output or one stage, and what became of it."""

    name: str
    verdict: Verdict
    detail: str = ""
    changes: tuple[CellChange, ...] = ()

    @property
    def holds(self) -> bool:
        return self.verdict in ("identical", "equal within tolerance")


def compare_file(name: str, before: bytes, path: Path) -> FileVerdict:
    """A committed file and what now lies at `path`; tables and JSON are compared by value."""
    if not path.exists():
        return FileVerdict(name, "missing", _said("made_by_none"))
    after = path.read_bytes()
    if after == before:
        return FileVerdict(name, "identical")
    read = READERS.get(path.suffix)
    if read is None:
        return FileVerdict(name, "different", _said("other_bytes"))
    try:
        old, new = read(before.decode()), read(after.decode())
    except ValueError as error:
        return FileVerdict(name, "different", _said("unreadable", error=error))
    if beyond := changed_cells(old, new, TOLERANCE):
        return FileVerdict(name, "different", named(beyond), tuple(beyond))
    within = changed_cells(old, new, 0.0)
    detail = named(within) if within else _said("same_values")
    return FileVerdict(name, "equal within tolerance", detail, tuple(within))


def compare_digests(pinned: Mapping[str, str], now: Mapping[str, str]) -> list[FileVerdict]:
    """Outputs that dvc.lock pins, by path; `now` has the digests of this run."""
    return [
        FileVerdict(path, "identical")
        if now.get(path) == digest
        else FileVerdict(path, "different", _said("other_digest", pinned=digest, now=now.get(path)))
        for path, digest in pinned.items()
    ]


def named(changes: Sequence[CellChange]) -> str:
    """The first changes, each with how far it goes, and the number of all."""
    return _said("changed_cells", changes=changes, most=NAMED)


def verdict_of(verdicts: Sequence[FileVerdict], commit: str, quick: bool) -> str:
    """One sentence over all of it."""
    holding = sum(each.holds for each in verdicts)
    exact = sum(each.verdict == "identical" for each in verdicts)
    return _said(
        "verification", holding=holding, within=holding - exact, count=len(verdicts), commit=commit[:12], quick=quick,
        tolerance=TOLERANCE,
    )  # fmt: skip


def _said(kind: str, **figures: Any) -> str:
    return sentences("flows/published/words.j2", [Reason(kind, figures)])[0]


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Cell]]:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _json_leaves(text: str) -> Cells:
    """A table of one column, a row for each value of the document."""
    return [{"value of": name, "is": value} for name, value in _leaves(json.loads(text))]


READERS: Mapping[str, Callable[[str], Cells]] = {".csv": rows_of, ".json": _json_leaves}
