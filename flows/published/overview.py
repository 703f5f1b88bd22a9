"""The page over everything there is: each decision under its study's name and the data that it was made from."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.published.provenance import provenance
from flows.published.report_names import report_name
from flows.studies.folder import STUDIES, StudyError, experiment_of, study_names
from flows.studies.freshness import data_names, is_of_other_data
from flows.walk.experiments import left_out
from flows.watching.watch import recorded_state
from params.block import ParamsError
from tasks.report.templates import Reason, render_html, sentences
from tasks.report.verdict import Verdict, verdict
from tasks.watch.lines import headline

PAGE = Path("results") / "index.html"
SAID = {"action", "chosen", "control", "grade", "reasons", "better_than_chosen", "would_change"}
WORDS = "flows/published/words.j2"


@dataclass(frozen=True)
class OverviewEntry:
    """decision: None where there is none of this data; absence: why. place: of the results, as the page links them; page:
    the study's own, where it is here. watch: what became of the decision since, "" where nobody watches."""

    name: str
    experiment: str
    data: str
    decision: dict[str, Any] | None
    absence: str
    place: str
    report: str
    page: str = ""
    watch: str = ""

    @property
    def verdict(self) -> Verdict | None:
        return verdict(self.decision) if self.decision else None


def write_overview(repository: Path) -> Path:
    """Of the repository's own experiments and of all studies."""
    path = repository / PAGE
    path.parent.mkdir(exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    text = render_html(
        "flows/published/overview.html.j2",
        entries=list(entries(repository)),
        provenance=provenance(repository),
    )
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
    return path


def entries(repository: Path) -> Iterator[OverviewEntry]:
    absent = left_out(repository)
    for folder in sorted((repository / "results").glob("*/")):
        if folder.name not in absent:
            yield _entry(repository, folder.name, folder.name, ".")
    for name in study_names(repository):
        folder = repository / STUDIES / name
        try:
            yield _entry(folder, name, experiment_of(folder), f"../{STUDIES}/{name}/results")
        except (StudyError, ParamsError, ValueError, KeyError, OSError) as error:
            yield OverviewEntry(
                name, "", "", None, _said("broken", error=" ".join(str(error).split())), "", ""
            )


def _entry(root: Path, name: str, experiment: str, place: str) -> OverviewEntry:
    path = root / "results" / experiment / "decision.json"
    data = data_names(root / "data" / experiment)
    decision, absence = None, ""
    if not path.exists():
        absence = _said("no_decision")
    elif is_of_other_data(root, experiment):
        absence = _said("other_data")
    elif not (read := json.loads(path.read_text(encoding="utf-8"))).keys() >= SAID:
        absence = _said("older_decision")
    else:
        decision = read
    page = root / "artifacts" / experiment / "page.html"
    return OverviewEntry(
        name, experiment, _said("data", names=data), decision, absence, f"{place}/{experiment}",
        report_name(root, experiment), f"{place}/../artifacts/{experiment}/page.html" if page.exists() else "",
        _watch(root, experiment),
    )  # fmt: skip


def _watch(root: Path, experiment: str) -> str:
    state = recorded_state(root, experiment)
    return headline(state) if state else ""


def _said(kind: str, **figures: Any) -> str:
    return sentences(WORDS, [Reason(kind, figures)])[0]
