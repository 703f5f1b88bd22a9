"""The knobs of lens_shortcuts: can a lens finder be trained that does not live on shortcuts, and which variant earns it."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from params.block import Block

Level = Annotated[float, Field(gt=0, lt=1)]
VariantName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*$")]

Mode = Literal["paired", "unpaired"]
Range = Annotated[list[float], Field(min_length=2, max_length=2)]
Triple = Annotated[list[float], Field(min_length=3, max_length=3)]
BinEdges = Annotated[list[float], Field(min_length=1)]
Split = Literal["train", "val", "test"]
Supersampling = Annotated[int, Field(ge=1, le=16)]
EvenCount = Annotated[int, Field(ge=4, multiple_of=2)]


# --- simulate ---------------------------------------------------------------------------------------------------


class Normal(Block):
    """A normal distribution cut off at least and most."""

    mean: float
    sd: Annotated[float, Field(ge=0)]
    least: float
    most: float


class SersicHosts(Block):
    """Red galaxies: magnitude in r, colours g - r and r - z, effective radius in arcsec, Sersic index, axis ratio.

    radius_slope: dex of radius per magnitude, for brighter galaxies are larger. offset: arcsec, the largest distance
    of a galaxy from the centre of its stamp along each axis.
    """

    kind: Literal["sersic"]
    magnitude: Normal
    g_r: Normal
    r_z: Normal
    radius: Normal
    radius_slope: float
    n: Normal
    q: Normal
    offset: Annotated[float, Field(ge=0)]


class ImageHosts(Block):
    """Real stamps of galaxies as hosts, n x 3 x s x s, with the noise they came with.

    file: npz or npy, taken into data/. zero_point: AB magnitude of one count. noise: of a pixel of the sky in g, r, z,
    nanomaggies. share: of the hosts in val and in test; every host is in one split, four of its eight turns for
    positives and four for negatives, for few hosts of one class would be known by their looks.
    """

    kind: Literal["images"]
    file: str
    array: str
    zero_point: float
    noise: Triple
    share: Annotated[float, Field(gt=0, lt=0.5)]


class Seeing(Block):
    """Full width at half maximum in r, arcsec, what g, r and z add to it, and the scatter of each band."""

    r: Normal
    bands: Triple
    scatter: Annotated[float, Field(ge=0)]


class Sky(Block):
    """Noise of a sky pixel in g, r, z in nanomaggies, and its scatter over stamps in magnitudes."""

    noise: Triple
    scatter: Annotated[float, Field(ge=0)]


class Lenses(Block):
    """Einstein radii (uniform, arcsec); how far mass departs from light in axis ratio and angle (radians); shear."""

    theta_E: Range
    q_scatter: Annotated[float, Field(ge=0)]
    phi_scatter: Annotated[float, Field(ge=0)]
    shear: Annotated[float, Field(ge=0, lt=0.5)]


class Sources(Block):
    """Blue galaxies behind: as for hosts; reach: largest distance from the lens's axis, in Einstein radii."""

    magnitude: Normal
    g_r: Normal
    r_z: Normal
    radius: Normal
    n: Normal
    q: Normal
    reach: Annotated[float, Field(gt=0, le=1)]


class Pool(Block):
    """What unpaired negatives are matched from: hosts drawn as the positives' are, under another sky.

    fwhm_shift in arcsec, depth_shift in magnitudes. Zeros: the same sky. Else bins of PSF and depth cannot match what
    differs within a bin, and the gates should say so.
    """

    fwhm_shift: float
    depth_shift: float


class Simulate(Block):
    """Stamps of each mode, half of them positives; both modes have the same positives.

    pair_noise: whether the two stamps of a pair have the same noise. psf_edges (arcsec, r) and depth_edges
    (magnitudes, r) bound the bins that unpaired negatives are matched on.
    """

    seed: NonNegativeInt
    stamps: dict[Split, EvenCount]
    pair_noise: Literal["same", "fresh"]
    hosts: Annotated[SersicHosts | ImageHosts, Field(discriminator="kind")]
    seeing: Seeing
    sky: Sky
    lenses: Lenses
    sources: Sources
    pool: Pool
    psf_edges: BinEdges
    depth_edges: BinEdges


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
    """Stamps of the user's: one array (npy, or npz with `array`) in the manifest's order, or a folder of FITS files.

    A FITS file is <stamp>.fits with a cube (3, 63, 63) or one image extension for each of g, r, z. placebo: the same
    stamps without their arcs, where there are any. zero_point: AB magnitude of one count. modes: those that the data
    has; the others are reported as not given.
    """

    kind: Literal["own"]
    manifest: str
    modes: Modes
    stamps: str
    placebo: str | None
    array: str | None
    zero_point: float


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
