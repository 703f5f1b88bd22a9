"""What was committed against what was made again: identical, equal within a tolerance, or different, cell for cell."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from flows.published.cells import Cell, CellChange, changed_cells, rows_of

TOLERANCE = 1e-6  # relative; the tables keep six significant digits
NAMED = 5
Verdict = Literal["identical", "equal within tolerance", "different", "missing"]
Cells = list[dict[str, Cell]]


@dataclass(frozen=True)
class Checked:
    """One committed file, one pinned output or one stage, and what became of it."""

    name: str
    verdict: Verdict
    detail: str = ""
    changes: tuple[CellChange, ...] = ()

    @property
    def holds(self) -> bool:
        return self.verdict in ("identical", "equal within tolerance")


def compare_file(name: str, before: bytes, path: Path) -> Checked:
    """A committed file and what now lies at `path`; tables and JSON are compared by value."""
    if not path.exists():
        return Checked(name, "missing", "no stage makes it")
    after = path.read_bytes()
    if after == before:
        return Checked(name, "identical")
    read = READERS.get(path.suffix)
    if read is None:
        return Checked(name, "different", "other bytes")
    try:
        old, new = read(before.decode()), read(after.decode())
    except ValueError as error:
        return Checked(name, "different", f"other bytes, and one of the two cannot be read: {error}")
    if beyond := changed_cells(old, new, TOLERANCE):
        return Checked(name, "different", named(beyond), tuple(beyond))
    within = changed_cells(old, new, 0.0)
    detail = named(within) if within else "the same values, written otherwise"
    return Checked(name, "equal within tolerance", detail, tuple(within))


def compare_digests(pinned: Mapping[str, str], now: Mapping[str, str]) -> list[Checked]:
    """Outputs that dvc.lock pins, by path; `now` has the digests of this run."""
    return [
        Checked(path, "identical")
        if now.get(path) == digest
        else Checked(path, "different", f"dvc.lock has {digest}, this run made {now.get(path)}")
        for path, digest in pinned.items()
    ]


def named(changes: Sequence[CellChange]) -> str:
    """The first changes, each with how far it goes, and the number of all."""
    listed = "; ".join(f"{each} (by {each.by})" if each.by else str(each) for each in changes[:NAMED])
    count = "1 cell" if len(changes) == 1 else f"{len(changes)} cells"
    return f"{count}: {listed}" + ("; ..." if len(changes) > NAMED else "")


def verdict_of(checked: Sequence[Checked], commit: str, quick: bool) -> str:
    """One sentence over all of it."""
    holding = sum(each.holds for each in checked)
    what, how = ("stages", "agree in") if quick else ("files", "were made again from")
    exact = sum(each.verdict == "identical" for each in checked)
    within = f" ({holding - exact} of them within a tolerance of {TOLERANCE:g})" if holding > exact else ""
    return f"{holding} of {len(checked)} {what} {how} {commit[:12]}{within}"


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
