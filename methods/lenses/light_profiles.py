"""Sersic profiles of unit flux and singular isothermal ellipsoids with external shear, for batches of galaxies.

Angles in radians from the x axis, lengths in arcsec. Elliptical radius is sqrt(q x^2 + y^2 / q) along the axes of the
galaxy, so that effective and Einstein radii are those of the circle of equal area (Keeton 2002, astro-ph/0102341).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TypeVar

import torch
from caustics.lenses.func import reduced_deflection_angle_sie
from caustics.light.func import k_sersic
from torch import Tensor

Brightness = Callable[[Tensor, Tensor, Tensor], Tensor]

CORE = 1e-10  # arcsec: keeps the deflection at the very centre of a lens a number

Profiles = TypeVar("Profiles", "Sersic", "Lens")


@dataclass(frozen=True)
class Sersic:
    """Profiles (b,) float64: centre x, y, effective radius, index n, axis ratio q, angle phi of the long axis."""

    x: Tensor
    y: Tensor
    radius: Tensor
    n: Tensor
    q: Tensor
    phi: Tensor


@dataclass(frozen=True)
class Lens:
    """Lenses (b,) float64: centre x, y, Einstein radius, axis ratio q, angle phi, external shear gamma_1, gamma_2."""

    x: Tensor
    y: Tensor
    einstein_radius: Tensor
    q: Tensor
    phi: Tensor
    gamma_1: Tensor
    gamma_2: Tensor


def part_of(profiles: Profiles, rows: slice) -> Profiles:
    return type(profiles)(*(getattr(profiles, field.name)[rows] for field in fields(profiles)))


def sersic_brightness(profile: Sersic) -> Brightness:
    """(row, x, y) -> surface brightness per square arcsec of the row's profile, whose flux is 1.

    exp(-k (e / R)^(1/n)) by one logarithm and one exponential: a power of tensors costs five times as much.
    """
    k = k_sersic(profile.n)
    # Flux within all radii, per unit of brightness at the centre (Graham & Driver 2005, equation 4).
    log_flux = (
        math.log(2 * math.pi) + torch.log(profile.n) + 2 * torch.log(profile.radius)
        + torch.lgamma(2 * profile.n) - 2 * profile.n * torch.log(k)
    )  # fmt: skip
    long, short = torch.sqrt(profile.q) / profile.radius, 1 / (torch.sqrt(profile.q) * profile.radius)
    cos, sin = torch.cos(profile.phi), torch.sin(profile.phi)
    table = torch.stack(
        [
            profile.x,
            profile.y,
            cos * long,
            sin * long,
            cos * short,
            sin * short,
            0.5 / profile.n,
            -k,
            log_flux,
        ]
    )

    def brightness(row: Tensor, x: Tensor, y: Tensor) -> Tensor:
        x0, y0, along_x, along_y, across_y, across_x, power, fall, log_of_flux = table[:, row]
        dx, dy = x - x0, y - y0
        along = torch.addcmul(dx * along_x, dy, along_y)
        across = torch.addcmul(dy * across_y, dx, across_x, value=-1)
        squared = along.square_().addcmul_(across, across)
        return squared.log_().mul_(power).exp_().mul_(fall).sub_(log_of_flux).exp_()

    return brightness


def lensed_brightness(lens: Lens, source: Sersic) -> Brightness:
    """(row, x, y) -> surface brightness there of the row's source, which lies relative to its lens, behind it."""
    of_source = sersic_brightness(source)
    table = torch.stack([getattr(lens, field.name) for field in fields(lens)])

    def brightness(row: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return of_source(row, *source_plane(Lens(*table[:, row]), x, y))

    return brightness


def source_plane(lens: Lens, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Where rays through (x, y) meet the source plane, relative to the lens's centre."""
    sie_x, sie_y = reduced_deflection_angle_sie(
        lens.x, lens.y, lens.q, lens.phi, lens.einstein_radius, x, y, CORE
    )
    # Shear is linear: in place with the rest it costs half of what a deflection of its own would.
    dx, dy = x - lens.x, y - lens.y
    behind_x = torch.addcmul(dx * (1 - lens.gamma_1), dy, lens.gamma_2, value=-1).sub_(sie_x)
    behind_y = torch.addcmul(dy * (1 + lens.gamma_1), dx, lens.gamma_2, value=-1).sub_(sie_y)
    return behind_x, behind_y
