"""Results as Prefect artifacts under stable keys, with what they were made from and what changed since last time."""

import base64
import csv
import json
import math
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from prefect.artifacts import (
    Artifact,
    create_image_artifact,
    create_markdown_artifact,
    create_table_artifact,
)

from flows import graph

Cell = str | int | float | None
Rows = Sequence[Mapping[str, Cell]]
ROW_NAMES = ("option", "label")
ROUNDING = 1e-9
NAMED = 10


@dataclass(frozen=True)
class Provenance:
    commit: str
    dirty: bool
    lock: str

    def __str__(self) -> str:
        dirty = ", **dirty: the working copy has changes that this commit lacks**" if self.dirty else ""
        return f"commit `{self.commit[:12]}`{dirty}; dvc.lock `{self.lock[:12]}`"


@dataclass(frozen=True)
class CellChange:
    row: str
    column: str
    old: Cell
    new: Cell

    def __str__(self) -> str:
        return f"{self.row} {self.column}: {self.old} -> {self.new}"


def provenance(root: Path) -> Provenance:
    commit = _git(root, "rev-parse", "HEAD") or "no commit"
    return Provenance(commit, bool(_git(root, "status", "--porcelain")), graph.lock_hash(root))


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def is_complete(folder: Path) -> bool:
    return (folder / "table.csv").exists() and (folder / "decision.json").exists()


def experiment_artifacts(root: Path, name: str) -> dict[str, Any]:
    """Publish the table, the decision and the plots of results/<name>; return the decision."""
    folder, slug, made_from = root / "results" / name, key_of(name), str(provenance(root))
    publish_table(folder / "table.csv", f"{slug}-table", made_from)
    decision: dict[str, Any] = json.loads((folder / "decision.json").read_text())
    publish_markdown(f"{decision_markdown(name, decision)}\n\n{made_from}\n", f"{slug}-decision", made_from)
    for plot in sorted(folder.glob("**/*.png")):
        publish_image(plot, f"{slug}-{key_of(plot.stem)}", made_from)
    return decision


def key_of(name: str) -> str:
    """Keys may hold lower case letters, digits and dashes."""
    return "-".join("".join(char if char.isalnum() else " " for char in name.lower()).split())


def publish_table(path: Path, key: str, description: str) -> None:
    rows = read_rows(path)
    last = cast(Artifact | None, Artifact.get(key))
    if last is None:
        news = "First table published under this key."
    else:
        news = change_text(changed_cells(json.loads(str(last.data)), rows, ROUNDING))
    create_table_artifact(table=[dict(row) for row in rows], key=key, description=f"{description}\n\n{news}")


def publish_markdown(text: str, key: str, description: str) -> None:
    create_markdown_artifact(markdown=text, key=key, description=description)


def publish_image(path: Path, key: str, description: str) -> None:
    data = base64.b64encode(path.read_bytes()).decode()
    create_image_artifact(image_url=f"data:image/png;base64,{data}", key=key, description=description)


def read_rows(path: Path) -> list[dict[str, Cell]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: _value(text) for name, text in row.items()} for row in csv.DictReader(file)]


def _value(text: str) -> Cell:
    """Numbers as numbers, so that the page sorts them; what JSON has no number for (inf, nan) stays text."""
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    return int(text) if text.lstrip("+-").isdigit() else number


def changed_cells(old: Rows, new: Rows, rel_tol: float) -> list[CellChange]:
    """Cells that differ beyond `rel_tol`; a row or column that only one of the tables has differs in all its cells."""
    before, after = _by_name(old), _by_name(new)
    changes = []
    for row in [*after, *(name for name in before if name not in after)]:
        was, now = before.get(row, {}), after.get(row, {})
        for column in [*now, *(name for name in was if name not in now)]:
            if not _same(was.get(column), now.get(column), rel_tol):
                changes.append(CellChange(row, column, was.get(column), now.get(column)))
    return changes


def _by_name(rows: Rows) -> dict[str, Mapping[str, Cell]]:
    """Rows by option and label; by position where these do not tell them apart."""
    named = {" ".join(str(row[name]) for name in ROW_NAMES if name in row): row for row in rows}
    return named if len(named) == len(rows) else {f"row {i + 1}": row for i, row in enumerate(rows)}


def _same(old: Cell, new: Cell, rel_tol: float) -> bool:
    if isinstance(old, int | float) and isinstance(new, int | float):
        return math.isclose(old, new, rel_tol=rel_tol)
    return old == new


def change_text(changes: Sequence[CellChange]) -> str:
    if not changes:
        return "No cell changed beyond rounding since the table published before."
    rest = f"\n- and {len(changes) - NAMED} more" if len(changes) > NAMED else ""
    listed = "\n".join(f"- {change}" for change in changes[:NAMED])
    return f"{len(changes)} cells changed since the table published before:\n\n{listed}{rest}"


def decision_markdown(name: str, decision: Mapping[str, Any]) -> str:
    lines = [
        f"# {name}: {decision['chosen']}",
        "",
        f"**Verdict:** {decision['verdict']}  ",
        f"**Control:** {decision['control']}",
        "",
        *(f"- {reason}" for reason in decision["reasons"]),
        "",
        "| evidence | value |",
        "|---|---|",
        *(f"| {key} | {value} |" for key, value in _leaves(decision["evidence"])),
    ]
    return "\n".join(lines)


def _leaves(value: Any, name: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        for position, inner in enumerate(value):
            yield from _leaves(inner, f"{name}[{position}]")
    else:
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        yield name, text.replace("|", "\\|")
