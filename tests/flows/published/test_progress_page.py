from typing import Any

import pytest

from flows.pinned.stage import Stage
from flows.published import progress_page
from flows.walk.durations import TimeEstimate
from flows.walk.order import StageOutcome
from flows.walk.plan import WalkPlan
from tests.imports import ROOT


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, str]]:
    taken: list[tuple[float, str]] = []

    def create(share: float, key: str, description: str) -> None:
        taken.append((share, description))

    monkeypatch.setattr(progress_page, "create_progress_artifact", create)
    return taken


def walk_of(names: list[str]) -> tuple[WalkPlan, TimeEstimate]:
    stages: Any = dict.fromkeys(names, Stage)
    upstreams = {name: tuple(names[:position][-1:]) for position, name in enumerate(names)}
    estimate = TimeEstimate(upstreams, dict.fromkeys(names, 150.0), 1)
    return WalkPlan(ROOT, stages, {}, force=False, jobs=None), estimate


def test_the_page_says_what_was_decided_and_how_much_time_is_left(sent: list[tuple[float, str]]) -> None:
    page = progress_page.ProgressPage(*walk_of(["speech_temperature_compare", "fpr_thresholds_compare"]))
    page.settled(StageOutcome("speech_temperature_compare", "ran", "first run"))
    page.moved(["fpr_thresholds_compare"], {})
    page.close()
    page.send(lambda: None)
    ((share, text),) = sent
    assert share == 50
    first, *rest = text.splitlines()
    assert first == "1 of 2 stages done; when the last one ended: about 3 min left"
    assert rest[0].startswith("- **speech_temperature: ")
    assert rest[1] == "- **runs:** fpr_thresholds_compare"


def test_at_the_end_no_time_is_left_to_tell(sent: list[tuple[float, str]]) -> None:
    page = progress_page.ProgressPage(*walk_of(["a"]))
    page.settled(StageOutcome("a", "ran", "first run"))
    page.moved([], {})
    page.close()
    page.send(lambda: None)
    assert sent == [(100, "1 of 1 stages done")]
