"""Rendering against lenstronomy (skipped where that is absent), against itself sampled finely, and its invariants."""

from dataclasses import fields
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch
from caustics.light.func import brightness_sersic, k_sersic
from numpy.typing import NDArray
from torch import Tensor

from methods.lenses.geometry import PIXEL_SCALE, SIZE
from methods.lenses.light_profiles import Lens, Sersic, sersic_brightness, source_plane
from methods.lenses.pixel_integrals import pixel_means
from methods.lenses.point_spread import RADIUS, convolve, moffat_kernels, moffat_spectra
from methods.lenses.rendering import (
    FIELD,
    TORUS,
    arc_images,
    arc_light,
    host_images,
    host_light,
    spectra,
)

COUNT = 6


def tensor(values: Any) -> Tensor:
    return torch.tensor(np.asarray(values), dtype=torch.float64)


def systems(seed: int = 1, count: int = COUNT) -> tuple[Sersic, Lens, Sersic]:
    """Hosts, lenses and sources as the simulator's, a few at the ends of what it draws."""
    random = np.random.default_rng(seed)

    def uniform(low: float, high: float) -> Tensor:
        return tensor(random.uniform(low, high, count))

    host = Sersic(
        uniform(-0.1, 0.1),
        uniform(-0.1, 0.1),
        uniform(0.6, 3),
        uniform(2, 6),
        uniform(0.5, 0.98),
        uniform(0, 3.1),
    )
    lens = Lens(
        host.x, host.y, uniform(0.5, 3), uniform(0.4, 0.98), uniform(0, 3.1), uniform(-0.07, 0.07), uniform(-0.07, 0.07)
    )  # fmt: skip
    source = Sersic(
        uniform(-0.6, 0.6), uniform(-0.6, 0.6), uniform(0.1, 0.4), uniform(0.5, 2), uniform(0.35, 0.98), uniform(0, 3.1)
    )  # fmt: skip
    return host, lens, source


def row(record: Any, i: int) -> dict[str, float]:
    return {field.name: float(getattr(record, field.name)[i]) for field in fields(record)}


def largest_difference(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """Over the brightest pixel of each stamp."""
    return float((np.abs(ours - theirs).max(axis=(-2, -1)) / theirs.max(axis=(-2, -1))).max())


# --- lenstronomy ------------------------------------------------------------------------------------------------


def lenstronomy() -> Any:
    pytest.importorskip("lenstronomy", reason="lenstronomy is not installed (extra lens-oracle)")
    return import_module("bench.lenstronomy_stamps")


def test_deflections_are_lenstronomys() -> None:
    oracle = lenstronomy()
    _, lens, _ = systems()
    x, y = np.random.default_rng(2).uniform(-8, 8, (2, 4000))
    for i in range(COUNT):
        one = Lens(*(getattr(lens, field.name)[i] for field in fields(lens)))
        ours = torch.stack(source_plane(one, tensor(x), tensor(y))).numpy()
        assert np.abs(ours - oracle.source_plane(row(lens, i), x, y)).max() < 1e-7  # arcsec


@pytest.mark.parametrize("supersampling", [2, 4])
def test_unconvolved_images_are_lenstronomys(supersampling: int) -> None:
    oracle = lenstronomy()
    host, lens, source = systems()
    hosts = host_light(host, supersampling, SIZE).numpy()
    arcs = arc_light(lens, source, supersampling).numpy()
    for i in range(COUNT):
        systems_row = row(host, i), row(lens, i), row(source, i)
        both = oracle.image(*systems_row, SIZE, supersampling, None)
        away = oracle.image(*systems_row[:2], {**systems_row[2], "x": 500.0}, SIZE, supersampling, None)
        assert largest_difference(hosts[i] + arcs[i], both) < 1e-6
        assert largest_difference(arcs[i], both - away) < 1e-6


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # in lenstronomy's convolution
def test_images_convolved_with_the_same_kernel_are_lenstronomys() -> None:
    oracle = lenstronomy()
    host, lens, source = systems()
    fwhm = tensor(np.random.default_rng(3).uniform(1.0, 1.7, (COUNT, 3)))
    psf, kernels = spectra(fwhm), moffat_kernels(fwhm / PIXEL_SCALE).numpy()
    flux = torch.ones(COUNT, 3, dtype=torch.float64)
    ours = host_images(host, flux, psf, 4).numpy()
    arcs = convolve(arc_light(lens, source, 4, FIELD), psf, SIZE).numpy()
    middle = slice(RADIUS, RADIUS + SIZE)
    for i in range(COUNT):
        for band in range(3):
            theirs = oracle.image(row(host, i), row(lens, i), row(source, i), FIELD, 4, kernels[i, band])
            assert largest_difference(ours[i, band] + arcs[i, band], theirs[middle, middle]) < 1e-6


# --- by itself --------------------------------------------------------------------------------------------------


def test_sampling_finely_only_where_it_matters_changes_less_than_a_millionth_of_the_peak() -> None:
    host, lens, source = systems(5, 60)
    for supersampling in (2, 4, 6):
        pairs = [
            (host_light(host, supersampling), host_light(host, supersampling, negligible=0)),
            (arc_light(lens, source, supersampling), arc_light(lens, source, supersampling, negligible=0)),
        ]
        for adaptive, everywhere in pairs:
            assert largest_difference(adaptive.numpy(), everywhere.numpy()) < 1e-6


def test_profiles_are_those_of_caustics_scaled_to_a_flux_of_one() -> None:
    host, _, _ = systems()
    x, y = tensor(np.random.default_rng(1).uniform(-4, 4, (2, COUNT, 50)))
    ours = sersic_brightness(host)(torch.arange(COUNT)[:, None], x, y)
    x0, y0, q, phi, n = (getattr(host, name)[:, None] for name in ("x", "y", "q", "phi", "n"))
    along = host.radius[:, None] / torch.sqrt(q)  # its radius is that of the long axis
    theirs = brightness_sersic(x0, y0, q, phi, n, along, 1.0, x, y, k_sersic(n))
    ratio = ours / theirs
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio), rtol=1e-10)

    small = Sersic(*(tensor([value]) for value in (0.0, 0.0, 0.3, 1.0, 0.8, 0.4)))
    total = pixel_means(sersic_brightness(small), small.x, small.y, 401, 0.02, 2).sum() * 0.02**2
    assert float(total) == pytest.approx(1, abs=1e-4)


def test_a_ring_of_a_source_behind_a_round_lens_lies_at_the_einstein_radius() -> None:
    lens = Lens(*(tensor([value]) for value in (0.0, 0.0, 1.7, 1.0, 0.0, 0.0, 0.0)))
    source = Sersic(*(tensor([value]) for value in (0.0, 0.0, 0.05, 1.0, 1.0, 0.0)))
    light = arc_light(lens, source, 4)[0].numpy()
    offset = (np.arange(SIZE) - 31) * PIXEL_SCALE
    r = np.hypot(offset[None, :], offset[:, None])
    assert (light * r).sum() / light.sum() == pytest.approx(1.7, abs=0.02)


def test_a_lens_exactly_on_a_pixel_centre_gives_numbers() -> None:
    zero = (0.0, 0.0)
    lens = Lens(*(tensor([value]) for value in (*zero, 1.0, 0.7, 0.0, 0.0, 0.0)))
    source = Sersic(*(tensor([value]) for value in (*zero, 0.2, 1.0, 0.8, 0.0)))
    for supersampling in (1, 2, 3, 4):
        assert torch.isfinite(arc_light(lens, source, supersampling)).all()
        assert torch.isfinite(host_light(source, supersampling)).all()


def test_kernels_hold_the_moffats_width_and_all_of_their_light() -> None:
    kernels = moffat_kernels(tensor([[5.0, 4.0, 6.0]]))[0].numpy()
    assert np.allclose(kernels.sum(axis=(1, 2)), 1, rtol=1e-12)
    for kernel, fwhm in zip(kernels, (5.0, 4.0, 6.0), strict=True):
        profile = kernel[RADIUS, RADIUS:]
        half = np.interp(-profile[0] / 2, -profile, np.arange(RADIUS + 1.0))
        assert 2 * half == pytest.approx(fwhm, rel=0.03)  # the pixel widens it a little
        assert np.allclose(kernel, kernel.T) and np.allclose(kernel, kernel[::-1])


def test_transformed_kernels_are_the_transforms_of_the_kernels() -> None:
    fwhm = tensor([4.3, 5.9])
    kernels = moffat_kernels(fwhm)
    padded = torch.zeros(2, TORUS, TORUS, dtype=torch.float64)
    padded[:, : kernels.shape[1], : kernels.shape[2]] = kernels
    wanted = torch.fft.rfft2(torch.roll(padded, (-RADIUS, -RADIUS), (1, 2)))
    found = moffat_spectra(fwhm, TORUS)
    assert torch.allclose(wanted.real, found, atol=1e-14) and float(wanted.imag.abs().max()) < 1e-14


def test_light_beyond_the_stamp_scatters_in() -> None:
    """A host is convolved on a wider field: its outskirts do not fade towards the edges."""
    host = Sersic(*(tensor([value]) for value in (0.0, 0.0, 3.0, 4.0, 1.0, 0.0)))
    psf, flux = spectra(tensor([[1.4, 1.3, 1.2]])), torch.ones(1, 3, dtype=torch.float64)
    image = host_images(host, flux, psf, 4)[0, 1].numpy()
    wide = host_light(host, 4)[0, RADIUS : RADIUS + SIZE, RADIUS : RADIUS + SIZE].numpy()
    assert np.allclose(image[0, 20:40], wide[0, 20:40], rtol=0.03)


def test_a_batch_gives_what_each_stamp_gives_alone() -> None:
    host, lens, source = systems()
    fwhm = tensor(np.full((COUNT, 3), 1.3))
    flux = torch.ones(COUNT, 3, dtype=torch.float64)
    hosts = host_images(host, flux, spectra(fwhm), 4)
    arcs = arc_images(lens, source, flux, spectra(fwhm), 4)
    for i in (0, 4):
        one = slice(i, i + 1)
        host_i = Sersic(*(getattr(host, field.name)[one] for field in fields(host)))
        source_i = Sersic(*(getattr(source, field.name)[one] for field in fields(source)))
        lens_i = Lens(*(getattr(lens, field.name)[one] for field in fields(lens)))
        psf = spectra(fwhm[one])
        assert torch.equal(host_images(host_i, flux[one], psf, 4)[0], hosts[i])
        assert torch.equal(arc_images(lens_i, source_i, flux[one], psf, 4)[0], arcs[i])
