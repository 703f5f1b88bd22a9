"""The knobs of lens_shortcuts' simulated stamps: no stage reads them, only the simulator."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt

from params.block import Block
from params.lens_shortcuts import Split

Range = Annotated[list[float], Field(min_length=2, max_length=2)]
Triple = Annotated[list[float], Field(min_length=3, max_length=3)]
BinEdges = Annotated[list[float], Field(min_length=1)]
EvenCount = Annotated[int, Field(ge=4, multiple_of=2)]


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
