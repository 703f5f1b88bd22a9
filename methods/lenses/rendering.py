"""Stamps without noise: Sersic hosts and lensed Sersic sources in g, r, z under each stamp's point spread functions.

Hosts are rendered on a field wider than the stamp by a kernel's radius, so that light scatters in over the edges as
it does on the sky. Both classes take this one path: a negative is a host whose arc has no flux.
"""

import torch
from torch import Tensor

from methods.lenses.geometry import PIXEL_SCALE, SIZE
from methods.lenses.light_profiles import Lens, Sersic, lensed_brightness, part_of, sersic_brightness
from methods.lenses.pixel_integrals import NEGLIGIBLE, pixel_means
from methods.lenses.point_spread import RADIUS, convolve, moffat_spectra

FIELD = SIZE + 2 * RADIUS
TORUS = 96  # the next length with a fast transform
FEW = 8  # stamps at a time on a CPU, so that what is computed stays in its cache


def spectra(fwhm: Tensor) -> Tensor:
    """Full widths at half maximum (b, 3) in arcsec -> transformed kernels (b, 3, TORUS, TORUS // 2 + 1)."""
    return moffat_spectra(fwhm / PIXEL_SCALE, TORUS)


def host_images(
    host: Sersic, flux: Tensor, psf: Tensor, supersampling: int, core: Tensor | None = None
) -> Tensor:
    """(b, 3, 63, 63) in nanomaggies; flux (b, 3), psf from `spectra`, core: flux (b, 3) of a point in the centre pixel."""
    images = flux.new_empty(*flux.shape, SIZE, SIZE)
    for few in _few_at_a_time(flux):
        light = host_light(part_of(host, few), supersampling)
        images[few] = convolve(light, psf[few], SIZE).mul_(flux[few, :, None, None])
        if core is not None:
            point = torch.zeros_like(light)
            point[:, FIELD // 2, FIELD // 2] = 1
            images[few] += convolve(point, psf[few], SIZE).mul_(core[few, :, None, None])
    return images


def arc_images(lens: Lens, source: Sersic, flux: Tensor, psf: Tensor, supersampling: int) -> Tensor:
    """(b, 3, 63, 63) in nanomaggies; flux (b, 3) is the source's own, before it is magnified."""
    images = flux.new_empty(*flux.shape, SIZE, SIZE)
    for few in _few_at_a_time(flux):
        light = arc_light(part_of(lens, few), part_of(source, few), supersampling)
        images[few] = convolve(light, psf[few], SIZE).mul_(flux[few, :, None, None])
    return images


def _few_at_a_time(flux: Tensor) -> list[slice]:
    few = len(flux) if flux.is_cuda else FEW
    return [slice(start, start + few) for start in range(0, len(flux), few)]


def host_light(
    host: Sersic, supersampling: int, field: int = FIELD, negligible: float = NEGLIGIBLE
) -> Tensor:
    """(b, field, field): share of the host's light in each pixel, before the atmosphere."""
    means = pixel_means(
        sersic_brightness(host), host.x, host.y, field, PIXEL_SCALE, supersampling, negligible
    )
    return means * PIXEL_SCALE**2


def arc_light(
    lens: Lens, source: Sersic, supersampling: int, field: int = SIZE, negligible: float = NEGLIGIBLE
) -> Tensor:
    """(b, field, field): lensed light in each pixel of a source with a flux of 1; the source lies relative to the lens."""
    means = pixel_means(
        lensed_brightness(lens, source), lens.x, lens.y, field, PIXEL_SCALE, supersampling, negligible
    )
    return means * PIXEL_SCALE**2
