"""decision.json: one small vocabulary for all experiments, that a person can act on and a program can read."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tasks.report.templates import Reason, sentences

FORMAT: Literal[1] = 1


class Action(StrEnum):
    """What to do: put the chosen option into use; keep what is in use; collect more data and run again; change the
    data or the question, since more of the same would not help."""

    SHIP = "ship"
    KEEP = "keep"
    COLLECT = "collect"
    REDESIGN = "redesign"


class Grade(StrEnum):
    """What the report split says of the chosen option, which it did not choose: its claim holds there; cannot be told
    there; does not hold there; or nothing was claimed that a report split could confirm."""

    HOLDS = "holds"
    CANNOT_TELL = "cannot tell"
    FAILS = "does not hold"
    NOT_JUDGED = "not judged"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StatedReason(_Record):
    """kind: the name of the claim, for programs. text: the sentence, for people."""

    kind: str
    text: str


class BetterOption(_Record):
    """A row that could not be chosen and is shown to be better than what was: by how much, in which figure, with the
    ends of the interval."""

    name: str
    figure: str
    gain: float
    low: float
    high: float


class Requirement(_Record):
    """What would change the verdict with a chance of `power`: how many of what there are, and about how many it takes
    (None: no number of them would)."""

    claim: str
    unit: str
    present: int
    needed: int | None
    power: float = Field(gt=0, lt=1)


class Decision(_Record):
    """chosen: an option, or an option for each label. control: what it was measured against. better_than_chosen: rows
    that are no candidates. reasons: the strongest first. evidence: the experiment's own figures."""

    format: Literal[1]
    experiment: str
    action: Action
    grade: Grade
    chosen: str | dict[str, str]
    control: str
    better_than_chosen: list[BetterOption]
    would_change: list[Requirement]
    reasons: list[StatedReason]
    evidence: dict[str, Any]


def stated(template: str, reasons: Sequence[Reason]) -> list[StatedReason]:
    """Typed reasons with the sentence that the template has for each."""
    texts = sentences(template, reasons)
    return [StatedReason(kind=each.kind, text=text) for each, text in zip(reasons, texts, strict=True)]


def schema() -> Mapping[str, Any]:
    """JSON schema of decision.json; `tasks/report/decision.schema.json` is this, by test."""
    return Decision.model_json_schema()
