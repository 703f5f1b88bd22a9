"""The knobs of head_sweep's simulated embeddings and scenes: no stage reads them, only the simulator."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from params.block import Block
from params.encoders import Name

Portion = Annotated[float, Field(ge=0, lt=1)]


class SimulatedEncoder(Block):
    """One way to see the same crops.

    quality: how much of a crop's content is left, against noise of spread 1. offset: length of the mean that all
    embeddings share. spread: standard deviation of the log scale of its dimensions. Offset and spread are what
    standardising takes away; at 0 it has nothing to take.
    """

    dimension: Annotated[int, Field(ge=2)]
    quality: PositiveFloat
    offset: NonNegativeFloat
    spread: NonNegativeFloat


class Digits(Block):
    """Scenes of scikit-learn's digits: PNG files and their boxes."""

    images: Annotated[int, Field(ge=10)]
    per_image: Annotated[int, Field(ge=1, le=9)]


class Simulate(Block):
    """Embeddings of crops that were never drawn, and scenes of digits that were.

    tail: rows of the most frequent class for one of the rarest. label_noise: share of the foreground labels that
    say another class. nuisance: what crops of one image share, against the spread within a class. views: looks of
    each class, which no single hyperplane separates from the others' where there are several.
    """

    seed: NonNegativeInt
    images: Annotated[int, Field(ge=10)]
    foreground: PositiveInt
    background: NonNegativeInt
    classes: Annotated[int, Field(ge=2)]
    tail: Annotated[float, Field(ge=1)]
    views: PositiveInt
    label_noise: Portion
    nuisance: NonNegativeFloat
    encoders: Annotated[dict[Name, SimulatedEncoder], Field(min_length=1)]
    digits: Digits
