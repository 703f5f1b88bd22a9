"""Results as Prefect artifacts under stable keys, with what they were made from and what changed since last time."""

import base64
import json
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
from flows.cells import CellChange, changed_cells, read_rows

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
