"""What sees the crops of head_sweep: the knobs of each kind of encoder."""

from pathlib import PurePath
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from params.block import Block

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ReadyEncoder(Block):
    """An encoder of a dataset whose embeddings came ready: one of its files."""

    kind: Literal["given"]
    dataset: Name
    file: str


class RandomNetworkEncoder(Block):
    """A small convolutional network whose weights the seed draws: no training, no file."""

    kind: Literal["random_network"]
    dataset: Name
    size: Annotated[int, Field(ge=16)]
    context: NonNegativeFloat
    channels: PositiveInt
    seed: NonNegativeInt


class HogColourEncoder(Block):
    """Histograms of oriented gradients, and colour on a grid of the crop: no weights.

    size: the crop is squashed to it, a multiple of cell. colour_bins: of each channel's histogram in each quarter.
    """

    kind: Literal["hog_colour"]
    dataset: Name
    size: Annotated[int, Field(ge=16)]
    context: NonNegativeFloat
    cell: Annotated[int, Field(ge=4)]
    orientations: Annotated[int, Field(ge=2)]
    colour_bins: Annotated[int, Field(ge=2)]

    @model_validator(mode="after")
    def _whole_cells(self) -> Self:
        if self.size % self.cell or self.size < 2 * self.cell:
            raise ValueError(f"size {self.size} has to hold at least two whole cells of {self.cell}")
        return self


class TimmEncoder(Block):
    """A pretrained vision transformer (extra `encoders`).

    weights: a safetensors file; sha256: its hash, since the file itself is not pinned. pooling: cls (class token),
    patch_mean (patches without class and register tokens) or pooled (what the model itself returns). fit: squash
    the crop to the model's square, or resize its shorter side and take the centre. context: see the crop's
    surroundings, as a share of its sides on every side. device: cpu or cuda.
    """

    kind: Literal["timm"]
    dataset: Name
    model: str
    weights: str
    sha256: Digest
    pooling: Literal["cls", "patch_mean", "pooled"]
    fit: Literal["squash", "centre"]
    context: NonNegativeFloat
    device: Literal["cpu", "cuda"]

    @model_validator(mode="after")
    def _safetensors(self) -> Self:
        if PurePath(self.weights).suffix != ".safetensors":
            raise ValueError(f"weights are read from a safetensors file alone, got {self.weights}")
        return self


PixelEncoder = RandomNetworkEncoder | HogColourEncoder | TimmEncoder
