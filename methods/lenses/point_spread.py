"""Moffat point spread functions per stamp and band, integrated over pixels, and convolution with them."""

import math
from functools import cache

import torch
from torch import Tensor

BETA = 3.5
RADIUS = 16  # pixels: kernels are 33 x 33 and hold 99.7% of the light at 1.3 arcsec, then are scaled to 1
ALIGNED = 8  # numbers of a row: 64 bytes
# Gauss-Legendre nodes and weights of order 3 on a pixel of side 1.
NODES = (-math.sqrt(0.15), 0.0, math.sqrt(0.15))
WEIGHTS = (5 / 18, 8 / 18, 5 / 18)


def moffat_kernels(fwhm: Tensor, radius: int = RADIUS, beta: float = BETA) -> Tensor:
    """fwhm (...) in pixels -> kernels (..., 2 radius + 1, 2 radius + 1) float64 that sum to 1."""
    side = torch.arange(-radius, radius + 1).abs()
    return _moffat(fwhm, radius, beta)[..., _place(side)]


def moffat_spectra(fwhm: Tensor, torus: int, radius: int = RADIUS, beta: float = BETA) -> Tensor:
    """The kernels' transforms (..., torus, torus // 2 + 1) on a torus, centred on its pixel 0: real, and no shift.

    A kernel is even in both axes, so that its transform is two small products with cosines.
    """
    cosines = _cosines(torus, radius).to(fwhm.device)
    distance = torch.arange(cosines.shape[1]).clamp_(max=radius)
    quadrants = _moffat(fwhm, radius, beta)[..., _place(distance)].view(-1, len(distance), len(distance))
    each = cosines.expand(len(quadrants), -1, -1)
    half = torch.bmm(torch.bmm(each, quadrants), each.transpose(1, 2))
    row = torch.arange(torus)
    rows = half.index_select(1, torch.minimum(row, torus - row).to(fwhm.device))
    return rows[..., : torus // 2 + 1].view(*fwhm.shape, torus, torus // 2 + 1)


def _moffat(fwhm: Tensor, radius: int, beta: float) -> Tensor:
    """(..., octant): the light in each pixel of one octant of a kernel that sums to 1 over all its pixels."""
    squared, weight, times = (table.to(fwhm.device) for table in _octant(radius))
    alpha = fwhm.to(torch.float64) / (2 * math.sqrt(2 ** (1 / beta) - 1))
    values = (squared / alpha[..., None, None].square()).add_(1).log_().mul_(-beta).exp_()
    # Sums, not a product of matrices: that rounds by how many kernels there are, and every stamp has to be its own.
    values = values.mul_(weight).sum(dim=-1)
    return values / (values * times).sum(dim=-1, keepdim=True)


def _place(side: Tensor) -> Tensor:
    """Each pixel's place in the octant, for distances `side` along both axes."""
    far = torch.maximum(side[:, None], side[None, :])
    near = torch.minimum(side[:, None], side[None, :])
    return far * (far + 1) // 2 + near


@cache
def _cosines(torus: int, radius: int) -> Tensor:
    """(frequencies, distances): what a pixel and the one opposite to it add to each frequency.

    Both are rounded up to ALIGNED, the distances beyond the radius by zeros: matrices that begin at other places of
    their vectors are summed in another order, and every stamp has to be its own.
    """
    frequencies, distances = (-(-length // ALIGNED) * ALIGNED for length in (torus // 2 + 1, radius + 1))
    frequency = torch.arange(frequencies, dtype=torch.float64)
    distance = torch.arange(distances, dtype=torch.float64)
    times = torch.where(distance > 0, 2.0, 1.0) * (distance <= radius)
    return torch.cos(2 * math.pi / torus * frequency[:, None] * distance) * times


@cache
def _octant(radius: int) -> tuple[Tensor, Tensor, Tensor]:
    """Squared radii (octant, 9 nodes), the nodes' weights, and how many pixels of the kernel each octant pixel stands for."""
    pixels = [(i, j) for i in range(radius + 1) for j in range(i + 1)]
    squared = [[(i + u) ** 2 + (j + v) ** 2 for u in NODES for v in NODES] for i, j in pixels]
    weight = [u * v for u in WEIGHTS for v in WEIGHTS]
    times = [(2 if i else 1) * (2 if j else 1) * (2 if i != j else 1) for i, j in pixels]
    return tuple(torch.tensor(values, dtype=torch.float64) for values in (squared, weight, times))  # type: ignore[return-value]


def convolve(images: Tensor, spectra: Tensor, keep: int) -> Tensor:
    """images (b, s, s) by spectra (b, bands, ...) of `moffat_spectra` -> (b, bands, keep, keep), the middle of the field.

    Exact as long as what is kept lies a kernel's radius from the field's edge, or the torus is that much wider.
    """
    field, torus = images.shape[-1], spectra.shape[-2]
    transformed = torch.fft.rfft2(images, s=(torus, torus))
    middle = slice((field - keep) // 2, (field - keep) // 2 + keep)
    rows = torch.fft.ifft(transformed[:, None] * spectra, dim=-2)[..., middle, :]
    convolved: Tensor = torch.fft.irfft(rows, torus, dim=-1)[..., middle]
    return convolved
