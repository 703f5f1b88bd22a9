"""The pinned calibration of one seed: what a service does to logits, and what it rests on."""

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


class TemperatureEstimate(BaseModel, frozen=True, extra="forbid"):
    """The best temperature on dev, chosen or not; "Infinity" where the logits are anti-informative: nothing beats a
    coin, see status."""

    temperature: Infinite = Field(gt=0)
    status: Status
    nll_before: float
    nll_after: float


class SeedCalibration(BaseModel, frozen=True, extra="forbid"):
    """method: what dev chose, one of methods. Where it is none or temperature, probability = softmax(logits /
    temperature), with 1 for none; of any other method temperature is null, and what is applied are its parameters in
    methods. nll_after: of dev under it. rows and groups are those of dev, on which alone all was fitted."""

    seed: int
    method: str
    temperature: Infinite | None
    status: Status
    rows: int = Field(ge=1)
    groups: int = Field(ge=1)
    nll_before: float
    nll_after: float
    labels: list[str]
    estimate: TemperatureEstimate
    methods: list[MethodFit]


def write_calibration(path: Path, pinned: SeedCalibration) -> None:
    write_json(path, pinned.model_dump(mode="json"))


def read_calibration(path: Path) -> SeedCalibration:
    return SeedCalibration.model_validate(read_json(path))


def schema() -> dict[str, Any]:
    """JSON schema of the file, for those who read it elsewhere; the committed copy is SCHEMA."""
    return SeedCalibration.model_json_schema(mode="serialization")
