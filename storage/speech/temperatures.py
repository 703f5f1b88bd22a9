"""The pinned calibration of one seed: the temperature a service divides logits by, and what it rests on."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from storage.files.documents import read_json, write_json
from storage.messages.thresholds import Infinite

SCHEMA = Path("storage/speech/temperatures.schema.json")
Status = Literal["fitted", "separable", "anti-informative", "at_bound"]


class MethodFit(BaseModel, frozen=True, extra="forbid"):
    """One method fitted on dev; parameters by name."""

    method: str
    status: Status
    parameters: dict[str, list[Infinite]]


class SeedTemperature(BaseModel, frozen=True, extra="forbid"):
    """probability = softmax(logits / temperature); "Infinity" where the logits are anti-informative: nothing beats a
    coin, see status. rows and groups are those of dev, on which alone it was fitted."""

    seed: int
    method: Literal["temperature"]
    temperature: Infinite = Field(gt=0)
    status: Status
    rows: int = Field(ge=1)
    groups: int = Field(ge=1)
    nll_before: float
    nll_after: float
    labels: list[str]
    methods: list[MethodFit]


def write_temperature(path: Path, pinned: SeedTemperature) -> None:
    write_json(path, pinned.model_dump(mode="json"))


def read_temperature(path: Path) -> SeedTemperature:
    return SeedTemperature.model_validate(read_json(path))


def schema() -> dict[str, Any]:
    """JSON schema of the file, for those who read it elsewhere; the committed copy is SCHEMA."""
    return SeedTemperature.model_json_schema(mode="serialization")
