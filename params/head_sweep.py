"""The knobs of head_sweep: which head on cached embeddings, and which differences are more than noise."""

from pathlib import PurePath
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from params.block import Block
from params.ground_truth import CocoTruth, VocTruth, YoloTruth

Share = Annotated[float, Field(gt=0, lt=1)]
Portion = Annotated[float, Field(ge=0, lt=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Classes = Literal["all"] | Annotated[list[str], Field(min_length=2)]
Range = Annotated[list[Share], Field(min_length=2, max_length=2)]


# --- simulate ---------------------------------------------------------------------------------------------------


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


# --- prepare ----------------------------------------------------------------------------------------------------


class BackgroundCrops(Block):
    """Squares off the boxes, `per_image` where they fit.

    side: of the image's shorter side. max_iou: with boxes grown by `padding` of their sides on every side.
    max_inside: the largest share of a square inside a grown box, or of a grown box inside a square: the
    intersection over the union alone lets a small square lie within a large object. max_share: of all rows.
    """

    per_image: NonNegativeInt
    side: Range
    max_iou: Portion
    max_inside: Annotated[float, Field(ge=0, le=1)]
    padding: NonNegativeFloat
    max_share: Portion
    seed: NonNegativeInt

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.side[0] > self.side[1]:
            raise ValueError(f"side is [smallest, largest], got {self.side}")
        return self


class BoxCrops(Block):
    """Images with class boxes; a group is an image. classes: those to keep, or all.

    unknown: what becomes of rows that name an image or class that is not there; drop counts them.
    """

    kind: Literal["crops"]
    truth: Annotated[CocoTruth | YoloTruth | VocTruth, Field(discriminator="format")]
    images: str
    classes: Classes
    unknown: Literal["refuse", "drop"]
    background: BackgroundCrops


class ReadyEmbeddings(Block):
    """Embeddings made elsewhere: one safetensors file per encoder, each with its JSON sidecar.

    A row of background has the label __bg. classes: those that labels may name, or all that they do.
    """

    kind: Literal["embeddings"]
    files: Annotated[list[str], Field(min_length=1)]
    classes: Classes

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.files)) < len(self.files):
            raise ValueError(f"files names an encoder twice: {self.files}")
        return self


class GroupShares(Block):
    """Whole groups at random: `test` of all, then `validation` of what is left."""

    test: Share
    validation: Share
    seed: NonNegativeInt


class Prepare(Block):
    """Rows of each dataset, and which of them train, validate and test. few_rows: a class of which validation or test
    has fewer is warned of."""

    datasets: Annotated[
        dict[Name, Annotated[BoxCrops | ReadyEmbeddings, Field(discriminator="kind")]], Field(min_length=1)
    ]
    split: GroupShares
    few_rows: PositiveInt


# --- embed ------------------------------------------------------------------------------------------------------


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


class BackgroundClasses(Block):
    """Background rows become __bg_0, __bg_1, ...: k-means on those of train, for each encoder anew."""

    classes: PositiveInt
    restarts: PositiveInt
    seed: NonNegativeInt


class Embed(Block):
    """Encoders by name: the names stand in dvc.yaml as well. batch: crops that an encoder sees at once; shard:
    crops after which what is done is kept."""

    encoders: Annotated[
        dict[Name, Annotated[ReadyEncoder | PixelEncoder, Field(discriminator="kind")]],
        Field(min_length=1),
    ]
    background: BackgroundClasses
    shard: PositiveInt
    batch: PositiveInt

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        named: dict[str, str] = {}
        for name, encoder in self.encoders.items():
            if (first := named.setdefault(encoder.model_dump_json(), name)) != name:
                raise ValueError(f"encoders {first} and {name} are the same; each encoder counts once")
        return self


# --- sweep ------------------------------------------------------------------------------------------------------


Recipe = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Level = Annotated[float, Field(gt=0, lt=1)]


class Size(Block):
    """hidden: width of the hidden layer, 0 for logistic regression. batch: rows of a step, a multiple of 16."""

    hidden: NonNegativeInt
    batch: Annotated[int, Field(ge=16, multiple_of=16)]


class Cells(Block):
    """Every encoder x size x smoothing x seed x profile named here is one run."""

    encoders: Annotated[list[Name], Field(min_length=1)]
    sizes: Annotated[list[Name], Field(min_length=1)]
    smoothing: Annotated[list[Portion], Field(min_length=1)]
    seeds: Annotated[list[NonNegativeInt], Field(min_length=1)]
    profiles: Annotated[list[Name], Field(min_length=1)]


class Plan(Block):
    """The sweep: `preset` names one of `presets`, a list of grids.

    profiles: name -> recipe in the tokens of a run's id, label smoothing aside (methods/heads/specs.py). The first
    profile of a preset is its control.
    """

    preset: Name
    profiles: Annotated[dict[Name, Recipe], Field(min_length=1)]
    sizes: Annotated[dict[Name, Size], Field(min_length=1)]
    presets: Annotated[dict[Name, Annotated[list[Cells], Field(min_length=1)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.preset not in self.presets:
            raise ValueError(f"no preset {self.preset!r}; there are {sorted(self.presets)}")
        for preset, grids in self.presets.items():
            for grid in grids:
                for kind, known in (("sizes", self.sizes), ("profiles", self.profiles)):
                    if unknown := sorted(set(getattr(grid, kind)) - set(known)):
                        raise ValueError(
                            f"preset {preset} names {unknown} among its {kind}; there are {sorted(known)}"
                        )
        return self


class Train(Block):
    """device: cpu, or cuda, where results agree within a tolerance and not to the bit."""

    device: Literal["cpu", "cuda"]


class Compare(Block):
    """Choose by inner validation, confirm on test.

    dataset: whose runs decide; others are reported. full: the profile that deltas are taken against beside the
    control. alpha: of Holm's correction over the comparisons with the control, and over the knobs. few_rows: a class
    of which validation or test has fewer is named beside the choice. families: of each encoder, those that the plan
    leaves out included.
    """

    dataset: Name
    full: Name
    families: Annotated[dict[Name, Name], Field(min_length=1)]
    few_rows: PositiveInt
    level: Level
    alpha: Level
    resamples: Annotated[int, Field(ge=100)]
    null_draws: Annotated[int, Field(ge=100)]
    top: PositiveInt
    seed: NonNegativeInt
