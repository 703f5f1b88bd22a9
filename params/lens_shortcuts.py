"""The knobs of lens_shortcuts: can a lens finder be trained that does not live on shortcuts, and which variant earns it."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from params.block import Block
from params.lens_recipe import LensNetwork, Level, TrainRecipe

VariantName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*$")]
Mode = Literal["paired", "unpaired"]
Split = Literal["train", "val", "test"]
Supersampling = Annotated[int, Field(ge=1, le=16)]


# --- prepare ----------------------------------------------------------------------------------------------------


Modes = Annotated[list[Mode], Field(min_length=1)]


class RenderSource(Block):
    """Stamps are rendered from the manifest. hosts: the array of host images that it names, null for Sersic hosts.

    modes: those that the data has; the others are reported as not given.
    """

    kind: Literal["rendered"]
    manifest: str
    modes: Modes
    hosts: str | None


class OwnSource(Block):
    """Stamps of the user's: one array (npy, or npz with `array`) in the manifest's order or, with an array `stamp` of
    their names in the npz, in any; or a folder with a file each.

    A file is what the manifest's column `file` names, or <stamp>.fits, .npy or .npz: g, r, z as 3 x s x s or s x s x 3,
    in FITS also as one image extension for each band. s is 63, or odd and larger, if `crop` cuts out the middle.
    placebo: the same stamps without their arcs, where there are any. zero_point: AB magnitude of one count. modes: those
    that the data has; the others are reported as not given.
    """

    kind: Literal["own"]
    manifest: str
    modes: Modes
    stamps: str
    placebo: str | None
    array: str | None
    zero_point: Annotated[float, Field(ge=-100, le=100)]
    crop: bool


Prepare = Annotated[RenderSource | OwnSource, Field(discriminator="kind")]


# --- sample -----------------------------------------------------------------------------------------------------


class Sample(Block):
    """Keep this share of every split and mode, pairs whole, in proportion over theta_E, PSF and depth bins; 1 keeps all."""

    share: Annotated[float, Field(gt=0, le=1)]
    theta_E_edges: Annotated[list[PositiveFloat], Field(min_length=2)]
    seed: NonNegativeInt


# --- render -----------------------------------------------------------------------------------------------------


class Leak(Block):
    """What positives and negatives are made to differ in besides the arc; zeros, null and false plant nothing.

    host_magnitude: positives' hosts are so much brighter. core_magnitude: of a point source in the centre pixel of
    positives, r, as red as its host. supersampling: of negatives. centring: pixels, standard deviation of a shift of
    positives' hosts along each axis. shotless: negatives' hosts have no shot noise.
    """

    host_magnitude: float
    core_magnitude: float | None
    supersampling: Supersampling | None
    centring: Annotated[float, Field(ge=0)]
    shotless: bool


class Render(Block):
    """supersampling: samples of a pixel along each axis, even. gain: electrons per nanomaggy.

    leak: planted into all stamps. placebo: splits that are rendered again without arcs. leaks: sets of `leak_mode`
    and `leak_split` without arcs that differ by one planted leak each. shard: stamps between two points to resume from. device: auto
    takes a GPU where there is one, and then other machines make other bytes.
    """

    supersampling: Annotated[int, Field(ge=2, multiple_of=2)]
    gain: PositiveFloat
    leak: Leak | None
    placebo: list[Split]
    leaks: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Leak]
    leak_mode: Mode
    leak_split: Split
    chunk: Annotated[int, Field(ge=1, le=4096)]
    shard: PositiveInt
    device: Literal["cpu", "cuda", "auto"]


# --- gates ------------------------------------------------------------------------------------------------------


class Gates(Block):
    """Data gates, once per set of stamps. rows: at most so many of the training split, balanced, drawn anew by each seed.

    network_seeds: how many of the seeds the core-only network runs on as well; it is the only slow probe.
    """

    rows: Annotated[int, Field(ge=200)]
    seeds: Annotated[list[NonNegativeInt], Field(min_length=1)]
    network_seeds: NonNegativeInt
    level: Level


# --- train ------------------------------------------------------------------------------------------------------


class Train(Block):
    """The unmasked model of each mode of stamps; a run of this stage is one mode."""

    variants: dict[Mode, VariantName]
    recipe: TrainRecipe


# --- tree -------------------------------------------------------------------------------------------------------


class GateEdges(Block):
    """PASS beyond passes, FAIL beyond fails; between, on an edge, or with an interval over one: WARN."""

    passes: float
    fails: float


class TreeThresholds(Block):
    """The plan's, but placebo's edges and AUROC's FAIL: the plan has none there (docs/defaults.md says why ours)."""

    core: GateEdges
    radial: GateEdges
    reliance: GateEdges
    placebo: GateEdges
    theta_E_least: GateEdges
    theta_E_spread: GateEdges
    auroc: GateEdges


class Tree(Block):
    """The rule, written before the run. gates: whether core and radial are read on the placebo set or, as the plan
    had it, on the set with arcs; the other path is printed too. baseline: the mode whose model the tree asks about, one
    that the data has.
    """

    gates: Literal["placebo", "plan"]
    baseline: Literal["paired", "unpaired"]
    thresholds: TreeThresholds


# --- mask -------------------------------------------------------------------------------------------------------


class MaskPhase(Block):
    """From this share of the epochs on, r < radius is hidden with this probability, drawn per image and epoch."""

    start: Annotated[float, Field(ge=0, lt=1)]
    radius: PositiveFloat
    probability: Annotated[float, Field(gt=0, le=1)]


class Mask(Block):
    """Masked variants on unpaired stamps, with the baseline's recipe; trained where the tree asks for them.

    Data without unpaired stamps has none of them.

    force_variants: train them whatever the tree says.
    """

    variants: dict[VariantName, Annotated[list[MaskPhase], Field(min_length=1)]]
    force_variants: bool


# --- compare ----------------------------------------------------------------------------------------------------


class Compare(Block):
    """level: of the intervals. test_auroc: what the plan asks of test. fewest_seeds: below, variants are not ranked, and
    no difference from the control is more than the luck of a training.

    hardest: stamps on each sheet of errors.
    """

    level: Level
    test_auroc: Level
    fewest_seeds: Annotated[int, Field(ge=2)]
    hardest: Annotated[int, Field(ge=1, le=8)]


# --- whole ------------------------------------------------------------------------------------------------------


class Whole(Block):
    """All rows of the chosen mode, whatever share the decision was made on, rendered as `render` says.

    enabled: full training; off unless a person says otherwise.
    """

    enabled: bool


# --- full -------------------------------------------------------------------------------------------------------


class Full(Block):
    """Training the chosen variant on the stamps of `whole`, where that is enabled, with the plan's recipe."""

    network: LensNetwork
    seeds: Annotated[list[NonNegativeInt], Field(min_length=1)]
