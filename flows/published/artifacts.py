"""Results as Prefect artifacts under stable keys, with what they were made from and what changed since last time."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from prefect.artifacts import (
    Artifact,
    create_image_artifact,
    create_markdown_artifact,
    create_table_artifact,
)
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run

from flows.published.cells import CellChange, changed_cells, read_rows
from flows.published.provenance import provenance
from flows.published.report_names import report_name
from flows.published.verdicts import FileVerdict
from flows.studies.folder import study_name
from tasks.report.templates import Reason, render, sentences

ROUNDING = 1e-9
STUDY = "study-"
NAMED = 10
LISTED = 200
IMAGE = re.compile(
    r"!\[(?P<alt>[^\]\\]*)\]\((?P<path>[^):]+)\)"
)  # of a file: an address has a colon; a slash: of a name
COMMIT = re.compile(r"^commit `(\w+)`(, \*\*dirty)?")


def record_version(commit: str) -> None:
    """Inside a flow run: its version is the commit. One that a deployment started has none until it says so."""
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(flow_run.id), flow_version=commit)


def experiment_artifacts(root: Path, name: str) -> dict[str, Any]:
    """Publish the plots, the report, the decision and the table of results/<name>; return the decision.

    The table comes last: where it names these results, all of them were published.
    """
    folder, slug = root / "results" / name, slug_of(root, name)
    made_from = f"{provenance(root)}; {results_name(folder)}"

    def plot_key(stem: str) -> str:
        return f"{slug}-{key_of(stem)}"

    for plot in sorted(folder.glob("**/*.png")):
        title = f"**{study_name(root) or name}: {plot.stem.replace('_', ' ')}**"
        publish_image(plot, plot_key(plot.stem), f"{title}\n\n{made_from}")
    report = folder / report_name(root, name)
    if report.exists():
        publish_markdown(report_page(report, plot_key), f"{slug}-report", made_from)
    decision: dict[str, Any] = json.loads((folder / "decision.json").read_text())
    publish_markdown(decision_markdown(study_name(root) or name, decision), f"{slug}-decision", made_from)
    publish_table(folder / "table.csv", f"{slug}-table", made_from)
    return decision


def is_published(root: Path, name: str) -> bool:
    """Whether the last artifacts of the experiment are of the results as they are now."""
    last = cast(Artifact | None, Artifact.get(f"{slug_of(root, name)}-table"))
    return last is not None and results_name(root / "results" / name) in (last.description or "")


def results_name(folder: Path) -> str:
    """A digest of all files of the folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return f"results `{digest.hexdigest()[:12]}`"


def slug_of(root: Path, name: str) -> str:
    """What the keys of an experiment's artifacts begin with: its name, or that of the study it is in."""
    study = study_name(root)
    return key_of(name) if study is None else f"{STUDY}{study}-"


def key_of(name: str) -> str:
    """Keys may hold lower case letters, digits and dashes."""
    return "-".join("".join(char if char.isalnum() else " " for char in name.lower()).split())


def publish_table(path: Path, key: str, description: str) -> None:
    rows = read_rows(path)
    last = cast(Artifact | None, Artifact.get(key))
    if last is None:
        news = _said("first_table")
    else:
        changes = changed_cells(json.loads(str(last.data)), rows, ROUNDING)
        news = change_text(changes, earlier_table(last.description or ""))
    create_table_artifact(table=[dict(row) for row in rows], key=key, description=f"{description}\n\n{news}")


def publish_markdown(text: str, key: str, description: str) -> None:
    create_markdown_artifact(markdown=text, key=key, description=description)


def publish_image(path: Path, key: str, description: str) -> None:
    create_image_artifact(image_url=_data_uri(path), key=key, description=description)


def _data_uri(image: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(image.read_bytes()).decode()}"


def earlier_table(description: str) -> dict[str, Any]:
    """The table that an artifact's description is of: the commit that it names, "" where it names none, and whether
    the working copy was dirty."""
    found = COMMIT.match(description)
    return {"commit": found[1] if found else "", "dirty": bool(found and found[2])}


def change_text(changes: Sequence[CellChange], before: Mapping[str, Any]) -> str:
    """before: as of `earlier_table`."""
    return render("flows/published/changes.md.j2", changes=changes, before=before, most=NAMED)


def _said(kind: str, **figures: Any) -> str:
    return sentences("flows/published/words.j2", [Reason(kind, figures)])[0]


def decision_markdown(name: str, decision: Mapping[str, Any]) -> str:
    evidence = list(_leaves(decision["evidence"]))
    return render("flows/published/decision.md.j2", name=name, decision=decision, evidence=evidence)


def verification_artifacts(checked: Sequence[FileVerdict], verdict: str, commit: str, key: str) -> None:
    """A page that says which cells came out otherwise and by how much, and a table with a row for each file."""
    description = f"{verdict}\n\n{_commit(commit)}"
    publish_markdown(verification_markdown(checked, verdict), key, description)
    rows = [{"what": each.name, "verdict": each.verdict, "detail": each.detail} for each in checked]
    create_table_artifact(table=rows, key=f"{key}-files", description=description)


def verification_markdown(checked: Sequence[FileVerdict], verdict: str) -> str:
    others = sorted((each for each in checked if each.verdict != "identical"), key=lambda each: each.holds)
    identical = [each.name for each in checked if each.verdict == "identical"]
    return render(
        "flows/published/verification.md.j2",
        verdict=verdict,
        holds=all(each.holds for each in checked),
        others=others,
        identical=identical,
        most=LISTED,
    )


def _commit(commit: str) -> str:
    return f"commit `{commit[:12]}`"


def _leaves(value: Any, name: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        for position, inner in enumerate(value):
            yield from _leaves(inner, f"{name}[{position}]")
    else:
        yield name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def report_page(report: Path, key: Callable[[str], str]) -> str:
    """Its text with a link to the image's artifact in place of each image: a page of Prefect has no folder to look in.

    (With the images in the text itself, half a megabyte, one of Prefect's two interfaces shows an empty page.)
    key: file stem of an image -> key of its artifact.
    """

    def linked(image: re.Match[str]) -> str:
        path = report.parent / image["path"]
        if not path.is_file():
            return _said("missing_image", name=image["alt"])
        name = key(path.stem)
        return _said("image_artifact", name=image["alt"], key=name)  # artifacts have pages beside each other

    return IMAGE.sub(linked, report.read_text(encoding="utf-8"))
