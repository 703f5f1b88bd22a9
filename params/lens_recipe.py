"""How a lens network is trained: the knobs that train, mask and full share."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from params.block import Block

Level = Annotated[float, Field(gt=0, lt=1)]


class LensNetwork(Block):
    """input: raw, residual (3 channels) or both (6). width: channels of ResNet18's first stage, 64 in the plan, and at
    least 8, below which torch's kernels are not safe.

    patience: epochs without a better select AUROC that end the training; null never ends it. amp: bfloat16 where the
    device has units for it. device: auto takes a GPU where there is one, and then other machines make other bytes.
    """

    input: Literal["raw", "residual", "both"]
    width: Annotated[int, Field(ge=8)]
    schedule: Literal["one_cycle", "cosine"]
    learning_rate: PositiveFloat
    weight_decay: Annotated[float, Field(ge=0)]
    epochs: PositiveInt
    batch: Annotated[int, Field(ge=2)]
    patience: PositiveInt | None
    amp: bool
    device: Literal["cpu", "cuda", "auto"]


class TrainRecipe(Block):
    """What every variant shares: only the mask and the stamps differ.

    half_seed deals the hosts of val into the half that selects and the half that reports. radii: core masks of the
    sensitivity curve, pixels; reliance_radius is one of them. theta_E_edges: arcsec, the last bin holds its upper
    edge. every: epochs between two records of the model gates.
    """

    network: LensNetwork
    seeds: Annotated[list[NonNegativeInt], Field(min_length=1)]
    half_seed: NonNegativeInt
    radii: Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=2)]
    reliance_radius: PositiveFloat
    reliance_theta_E: PositiveFloat
    reliance_floor: Level
    theta_E_edges: Annotated[list[PositiveFloat], Field(min_length=2)]
    least_in_bin: PositiveInt
    every: PositiveInt
    level: Level

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.radii[0] != 0 or self.radii != sorted(set(self.radii)):
            raise ValueError("radii begin with 0, the whole stamp, and rise")
        if self.reliance_radius not in self.radii:
            raise ValueError("reliance_radius has to be one of radii")
        if self.theta_E_edges != sorted(set(self.theta_E_edges)):
            raise ValueError("theta_E_edges have to rise")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError("seeds name each seed once")
        return self
