"""The knobs of head_sweep: which head on cached embeddings, and which differences are more than noise."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from params.block import Block
from params.encoders import Name, PixelEncoder, ReadyEncoder
from params.ground_truth import CocoTruth, VocTruth, YoloTruth

Share = Annotated[float, Field(gt=0, lt=1)]
Portion = Annotated[float, Field(ge=0, lt=1)]
Classes = Literal["all"] | Annotated[list[str], Field(min_length=2)]
Range = Annotated[list[Share], Field(min_length=2, max_length=2)]


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
    """Embeddings made elsewhere, one file per encoder: safetensors with a JSON sidecar, npz, npy with a CSV, or a table.

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


class RunColumns(Block):
    """Their names of what a run is. cell: what a profile is compared within, such as encoder and size. luck: those of
    cell that say, with the seed, which first weights and batches a run has; []: the seed alone, as where it deals the
    split. seed: null where there is none. validation: the score that chooses, null where there is none; test: the one
    that is reported."""

    profile: str
    cell: list[str]
    luck: list[str]
    seed: str | None
    validation: str | None
    test: str

    @model_validator(mode="after")
    def _of_the_cell(self) -> Self:
        if unknown := sorted(set(self.luck) - set(self.cell)):
            raise ValueError(f"luck names {unknown}, which are not among cell: {self.cell}")
        return self

    @property
    def names(self) -> list[str]:
        named = [self.profile, *self.cell, self.seed, self.validation, self.test]
        return [name for name in named if name is not None]


class FinishedRuns(Block):
    """A table of runs that were trained and scored elsewhere, as a tracker exports it.

    scale: of scores, share (0 to 1), percent (0 to 100), or raw, where they have no bounds.
    """

    kind: Literal["finished_runs"]
    file: str
    columns: RunColumns
    better: Literal["higher", "lower"]
    scale: Literal["share", "percent", "raw"]


class GroupShares(Block):
    """Whole groups at random: `test` of all, then `validation` of what is left."""

    test: Share
    validation: Share
    seed: NonNegativeInt


Dataset = Annotated[BoxCrops | ReadyEmbeddings | FinishedRuns, Field(discriminator="kind")]


class Prepare(Block):
    """Rows of each dataset, and which of them train, validate and test. split: null where all runs are finished.
    few_rows: a class of which validation or test has fewer is warned of. unlearnable: what becomes of a class that has
    one group alone or no train row; drop counts its rows."""

    datasets: Annotated[dict[Name, Dataset], Field(min_length=1)]
    split: GroupShares | None
    few_rows: PositiveInt
    unlearnable: Literal["refuse", "drop"]

    @model_validator(mode="after")
    def _rows_are_split(self) -> Self:
        if self.split is None and any(not isinstance(each, FinishedRuns) for each in self.datasets.values()):
            raise ValueError("split is null, but there are rows to split; state its shares")
        return self


# --- embed ------------------------------------------------------------------------------------------------------


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
    control. level: of intervals, and of all comparisons of a table at once. few_rows: a class
    of which validation or test has fewer is named beside the choice. families: of each encoder, those that the plan
    leaves out included.
    """

    kind: Literal["sweep"]
    dataset: Name
    full: Name
    families: Annotated[dict[Name, Name], Field(min_length=1)]
    few_rows: PositiveInt
    level: Level
    resamples: Annotated[int, Field(ge=100)]
    null_draws: Annotated[int, Field(ge=100)]
    top: PositiveInt
    seed: NonNegativeInt


class CompareFinished(Block):
    """Which profiles of a table of finished runs differ from `control` by more than the luck of seeds. alpha: of Holm's
    correction over them. dataset: of kind finished_runs."""

    kind: Literal["finished_runs"]
    dataset: Name
    control: str
    level: Level
    alpha: Level


Comparison = Annotated[Compare | CompareFinished, Field(discriminator="kind")]
