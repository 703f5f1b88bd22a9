"""The pinned threshold file of one option: what a service needs to decide, and what it rests on."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from storage.files.documents import read_json, write_json

Infinite = Annotated[
    float,
    BeforeValidator(lambda value: float(value) if value == "Infinity" else value),
    PlainSerializer(
        lambda value: "Infinity" if value == float("inf") else value, return_type=float | Literal["Infinity"]
    ),
]


SCHEMA = Path("storage/messages/thresholds.schema.json")
ADOPTED_SCHEMA = Path("storage/messages/adopted.schema.json")


class ThresholdRecord(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shift(ThresholdRecord):
    """The same rule at alpha / gamma, gamma the worst ratio of realised to target rate over the folds.

    A heuristic without a guarantee.
    """

    gamma: float = Field(ge=1)
    threshold: Infinite
    status: str


class Label(ThresholdRecord):
    """A row fires at score >= threshold; "Infinity" never fires (see status and certificate). texts: the different ones
    among the negatives that calibrated."""

    threshold: Infinite
    status: Literal["feasible", "infeasible", "undetermined", "at_mined_edge", "no positives", "no negatives"]
    certificate: str
    negatives: int = Field(ge=0)
    texts: int = Field(ge=0)
    fired_texts: int = Field(ge=0)
    positives: int = Field(ge=0)
    mined: int = Field(ge=0)
    pool_size: int = Field(ge=0)
    allowed: int = Field(ge=0)
    needed: int | None
    upper_bound: float | None
    low: Infinite | None
    high: Infinite | None
    selected_threshold: Infinite | None
    shift: Shift


class Thresholds(ThresholdRecord):
    """Per label: threshold, what was counted, and the certificate."""

    option: str
    rule: Literal["empirical", "guaranteed", "any_label"]
    alpha: float = Field(gt=0, lt=1)
    delta: float | None
    labels: dict[str, Label]


class AdoptedLabel(Label):
    option: str
    rule: Literal["empirical", "guaranteed", "any_label"]
    alpha: float = Field(gt=0, lt=1)
    delta: float | None


class Adopted(ThresholdRecord):
    """Per label the threshold to use, and the option that it is of."""

    labels: dict[str, AdoptedLabel]


def adopted(chosen: dict[str, Thresholds]) -> Adopted:
    """Of each label, the option that was chosen for it."""
    return Adopted(
        labels={
            label: AdoptedLabel(
                **dict(of.labels[label]), option=of.option, rule=of.rule, alpha=of.alpha, delta=of.delta
            )
            for label, of in chosen.items()
        }
    )


def write_adopted(path: Path, thresholds: Adopted) -> None:
    write_json(path, thresholds.model_dump(mode="json"))


def write_thresholds(path: Path, thresholds: Thresholds) -> None:
    write_json(path, thresholds.model_dump(mode="json"))


def read_thresholds(path: Path) -> Thresholds:
    return Thresholds.model_validate(read_json(path))


def schema() -> dict[str, Any]:
    """JSON schema of the file, for those who read it elsewhere; the committed copy is SCHEMA."""
    return Thresholds.model_json_schema(mode="serialization")


def adopted_schema() -> dict[str, Any]:
    """That of adopted.json; the committed copy is ADOPTED_SCHEMA."""
    return Adopted.model_json_schema(mode="serialization")
