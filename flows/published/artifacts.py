"""Results as Prefect artifacts under stable keys, with what they were made from and what changed since last time."""

import base64
import hashlib
import json
import re
import subprocess
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from prefect.artifacts import (
    Artifact,
    create_image_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flows.pinned import lock_file
from flows.published import reports
from flows.published.cells import Cell, CellChange, changed_cells, read_rows
from flows.published.verdicts import Checked
from flows.walk.order import StageOutcome

ROUNDING = 1e-9
NAMED = 10
LISTED = 200
COMMIT = re.compile(r"^commit `\w+`(, \*\*dirty)?")


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
    return Provenance(commit, bool(_git(root, "status", "--porcelain")), lock_file.lock_hash(root))


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def experiment_artifacts(root: Path, name: str) -> dict[str, Any]:
    """Publish the plots, the report, the decision and the table of results/<name>; return the decision.

    The table comes last: where it names these results, all of them were published.
    """
    folder, slug = root / "results" / name, key_of(name)
    made_from = f"{provenance(root)}; {results_name(folder)}"

    def plot_key(stem: str) -> str:
        return f"{slug}-{key_of(stem)}"

    for plot in sorted(folder.glob("**/*.png")):
        title = f"**{name}: {plot.stem.replace('_', ' ')}**"
        publish_image(plot, plot_key(plot.stem), f"{title}\n\n{made_from}")
    report = folder / reports.name_of(root, name)
    if report.exists():
        publish_markdown(reports.page(report, plot_key), f"{slug}-report", made_from)
    decision: dict[str, Any] = json.loads((folder / "decision.json").read_text())
    publish_markdown(decision_markdown(name, decision), f"{slug}-decision", made_from)
    publish_table(folder / "table.csv", f"{slug}-table", made_from)
    return decision


def is_published(root: Path, name: str) -> bool:
    """Whether the last artifacts of the experiment are of the results as they are now."""
    last = cast(Artifact | None, Artifact.get(f"{key_of(name)}-table"))
    return last is not None and results_name(root / "results" / name) in (last.description or "")


def results_name(folder: Path) -> str:
    """A digest of all files of the folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return f"results `{digest.hexdigest()[:12]}`"


def verification_artifacts(checked: Sequence[Checked], verdict: str, commit: str, key: str) -> None:
    """A page that says which cells came out otherwise and by how much, and a table with a row for each file."""
    publish_markdown(verification_markdown(checked, verdict), key, f"{verdict}\n\ncommit `{commit[:12]}`")
    rows = [{"what": each.name, "verdict": each.verdict, "detail": each.detail} for each in checked]
    create_table_artifact(table=rows, key=f"{key}-files", description=f"{verdict}\n\ncommit `{commit[:12]}`")


def verification_markdown(checked: Sequence[Checked], verdict: str) -> str:
    holds = all(each.holds for each in checked)
    lines = [f"# {'The commit holds' if holds else 'The commit does not hold'}", "", verdict, ""]
    for each in sorted(
        (each for each in checked if each.verdict != "identical"), key=lambda each: each.holds
    ):
        lines += [f"## {each.name}: {each.verdict}", ""]
        if each.changes:
            lines += [
                "| row | column | committed | made again | relative difference |",
                "|---|---|---|---|---|",
            ]
            lines += [
                "| "
                + " | ".join(map(_cell, (change.row, change.column, change.old, change.new, change.by)))
                + " |"
                for change in each.changes[:LISTED]
            ]
            if len(each.changes) > LISTED:
                lines += ["", f"and {len(each.changes) - LISTED} more cells"]
        else:
            lines += [each.detail]
        lines += [""]
    identical = [each.name for each in checked if each.verdict == "identical"]
    if identical:
        lines += [f"## {len(identical)} identical", "", *(f"- {name}" for name in identical)]
    return "\n".join(lines)


def _cell(value: Cell) -> str:
    return ("absent" if value is None else str(value)).replace("|", "\\|")


class ProgressPage:
    """How much of a walk is done, what runs, and what waits for what: an artifact that follows the walk.

    A thread of its own sends it, so that the walk never waits for the API.
    """

    KEY = "stages-progress"
    PAUSE = 1.0  # seconds between updates at least: each costs a request
    PATIENCE = 5.0  # seconds before an API that did not answer is asked again

    def __init__(self, stages: int) -> None:
        self._stages, self._done = stages, 0
        self._failed: list[str] = []
        self._latest = (0.0, "")
        self._news, self._closed = threading.Event(), threading.Event()

    def settled(self, outcome: StageOutcome) -> None:
        self._done += 1
        if not outcome.succeeded:
            self._failed.append(outcome.stage)

    def moved(self, running: Collection[str], waiting: Mapping[str, str]) -> None:
        lines = [f"{self._done} of {self._stages} stages done"]
        lines += [f"- **failed or not run:** {', '.join(self._failed)}"] if self._failed else []
        lines += [f"- **runs:** {', '.join(running)}"] if running else []
        lines += [f"- {stage} waits for {what}" for stage, what in list(waiting.items())[:LISTED]]
        self._latest = (100 * self._done / self._stages, "\n".join(lines))
        self._news.set()

    def send(self, unanswered: Callable[[], None]) -> None:
        """Until `close`. Where the API does not answer, `unanswered` is told once, and it is asked again later."""
        artifact: UUID | None = None
        while not (self._closed.is_set() and not self._news.is_set()):
            self._news.wait()
            self._news.clear()
            share, text = self._latest
            try:
                with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
                    if artifact is None:
                        artifact = cast(UUID, create_progress_artifact(share, key=self.KEY, description=text))
                    else:
                        update_progress_artifact(artifact, share, description=text)
            except Exception:  # whatever an API can answer or not: it costs the page, never the walk
                unanswered()
                unanswered = _nothing_more
                self._news.set()
                if self._closed.wait(self.PATIENCE):
                    return
            self._closed.wait(self.PAUSE)

    def close(self) -> None:
        self._closed.set()


def _nothing_more() -> None:
    pass


@contextmanager
def progress_page(stages: int, unanswered: Callable[[], None]) -> Iterator[ProgressPage]:
    """Inside a flow run. An API that goes away costs the page, not the walk."""
    page = ProgressPage(stages)
    sender = threading.Thread(
        target=copy_context().run, args=(page.send, unanswered), name="progress page", daemon=True
    )
    sender.start()
    try:
        yield page
    finally:
        page.close()
        sender.join(timeout=10)


def key_of(name: str) -> str:
    """Keys may hold lower case letters, digits and dashes."""
    return "-".join("".join(char if char.isalnum() else " " for char in name.lower()).split())


def publish_table(path: Path, key: str, description: str) -> None:
    rows = read_rows(path)
    last = cast(Artifact | None, Artifact.get(key))
    if last is None:
        news = "First table published under this key."
    else:
        changes = changed_cells(json.loads(str(last.data)), rows, ROUNDING)
        news = change_text(changes, made_at(last.description or ""))
    create_table_artifact(table=[dict(row) for row in rows], key=key, description=f"{description}\n\n{news}")


def publish_markdown(text: str, key: str, description: str) -> None:
    create_markdown_artifact(markdown=text, key=key, description=description)


def publish_image(path: Path, key: str, description: str) -> None:
    create_image_artifact(image_url=_data_uri(path), key=key, description=description)


def _data_uri(image: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(image.read_bytes()).decode()}"


def made_at(description: str) -> str:
    """In words, the commit that an artifact's description names."""
    found = COMMIT.match(description)
    if not found:
        return "the table published before"
    commit = found[0].partition(",")[0]
    return f"the table published before, of {commit}{' with uncommitted changes' if found[1] else ''}"


def change_text(changes: Sequence[CellChange], before: str) -> str:
    if not changes:
        return f"No cell changed beyond rounding since {before}."
    rest = f"\n- and {len(changes) - NAMED} more" if len(changes) > NAMED else ""
    listed = "\n".join(f"- {change}" for change in changes[:NAMED])
    count = "1 cell" if len(changes) == 1 else f"{len(changes)} cells"
    return f"{count} changed since {before}:\n\n{listed}{rest}"


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
