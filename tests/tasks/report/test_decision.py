"""One vocabulary for all decisions: its schema, and that every committed decision keeps it."""

import json
from pathlib import Path

import pytest

from tasks.report.decision import Action, Decision, Grade, schema
from tasks.report.templates import render

ROOT = Path(__file__).parents[3]
COMMITTED = sorted((ROOT / "results").glob("*/decision.json"))
SCHEMA = ROOT / "tasks/report/decision.schema.json"


def test_the_schema_in_the_repository_is_the_models() -> None:
    assert json.loads(SCHEMA.read_text()) == schema(), "python -m tasks.report.decision writes it"


def test_five_decisions_are_committed() -> None:
    assert len(COMMITTED) == 5


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.parent.name)
def test_a_committed_decision_keeps_the_vocabulary(path: Path) -> None:
    decision = Decision.model_validate_json(path.read_text())
    assert decision.experiment == path.parent.name
    assert decision.reasons
    if decision.action is Action.SHIP:
        assert decision.grade is Grade.HOLDS and decision.chosen != decision.control
    if decision.action is Action.COLLECT:
        assert decision.would_change


def decision(action: Action, chosen: str | dict[str, str] = "B") -> dict[str, object]:
    return Decision(
        format=1, experiment="e", action=action, grade=Grade.HOLDS, chosen=chosen, control="A",
        better_than_chosen=[{"name": "C", "figure": "F1", "gain": 0.02, "low": 0.01, "high": 0.03}],
        would_change=[
            {"claim": "B > A", "unit": "images", "present": 900, "needed": 4000, "power": 0.8},
            {"claim": "D > A", "unit": "images", "present": 900, "needed": None, "power": 0.8},
        ],
        reasons=[{"kind": "gain", "text": "B has more."}], evidence={},
    ).model_dump(mode="json")  # fmt: skip


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (Action.SHIP, "# e: Ship B."),
        (Action.KEEP, "# e: Keep A."),
        (Action.COLLECT, "# e: Collect more, to confirm B."),
        (Action.REDESIGN, "# e: Redesign: more of the same would not help."),
    ],
)
def test_the_first_line_says_what_to_do(action: Action, said: str) -> None:
    page = render("flows/published/decision.md.j2", name="e", decision=decision(action), evidence=[])
    assert page.splitlines()[0] == said
    assert "B > A: about 4,000 images instead of 900 would decide it in 80% of repetitions" in page.replace(
        "\\", ""
    )
    assert "no number of images would decide it" in page
    assert "C, which could not be chosen, is better: F1 0.020" in page


def test_choices_by_label_are_named_each() -> None:
    page = render(
        "flows/published/decision.md.j2", name="e", evidence=[],
        decision=decision(Action.SHIP, {"scam": "B", "promo": "none"}),
    )  # fmt: skip
    assert page.splitlines()[0] == "# e: Ship B for scam, none for promo."
