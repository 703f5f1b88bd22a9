"""Stamps per CPU-second: this project, caustics used naively, and lenstronomy rebuilt for every band, in one run.

    python -m bench.rendering [stamps]

All render host and arc in g, r, z without noise, at the same supersampling, in float64, by CPU time. Ours pads the
field by a kernel's radius, so that light scatters in over the edges; the others render the stamp's own field.
"""

import math
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import fields
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from caustics.light.func import brightness_sersic, k_sersic
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv2d

from bench.one_thread import restart_on_one_thread
from methods.lenses.geometry import PIXEL_SCALE, SIZE
from methods.lenses.light_profiles import Lens, Sersic, part_of, source_plane
from methods.lenses.noise import counted, sky
from methods.lenses.point_spread import RADIUS, moffat_kernels
from methods.lenses.rendering import arc_images, host_images, spectra

SUPERSAMPLING = 4
CHUNK = 16
ROUNDS = 9

Scenes = tuple[Sersic, Lens, Sersic, Tensor]  # hosts, lenses, sources, widths (n, 3) in arcsec


def systems(count: int) -> Scenes:
    random = np.random.default_rng(1)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.tensor(random.uniform(low, high, (count, *shape)), dtype=torch.float64)

    zero = torch.zeros(count, dtype=torch.float64)
    host = Sersic(zero, zero, uniform(0.8, 2.5), uniform(2.5, 5.5), uniform(0.55, 0.98), uniform(0, 3.1))
    lens = Lens(
        zero, zero, uniform(0.5, 3), uniform(0.5, 0.98), uniform(0, 3.1), uniform(-0.07, 0.07), uniform(-0.07, 0.07)
    )  # fmt: skip
    source = Sersic(
        uniform(-0.5, 0.5), uniform(-0.5, 0.5), uniform(0.1, 0.4), uniform(0.5, 2), uniform(0.4, 0.98), uniform(0, 3.1)
    )  # fmt: skip
    return host, lens, source, uniform(1.1, 1.5, 3)


def ours(host: Sersic, lens: Lens, source: Sersic, fwhm: Tensor) -> NDArray[np.float64]:
    flux = torch.ones_like(fwhm)
    psf = spectra(fwhm)
    images = host_images(host, flux, psf, SUPERSAMPLING) + arc_images(lens, source, flux, psf, SUPERSAMPLING)
    return np.asarray(images.numpy())


def naive(host: Sersic, lens: Lens, source: Sersic, fwhm: Tensor) -> NDArray[np.float64]:
    """The functions of caustics on every sample of every pixel, one stamp and one band at a time."""
    kernels = moffat_kernels(fwhm / PIXEL_SCALE)
    side = (torch.arange(SIZE * SUPERSAMPLING, dtype=torch.float64) + 0.5) / SUPERSAMPLING - SIZE / 2
    y, x = torch.meshgrid(side * PIXEL_SCALE, side * PIXEL_SCALE, indexing="ij")
    out = torch.empty(len(fwhm), 3, SIZE, SIZE, dtype=torch.float64)
    for i in range(len(fwhm)):
        mass = Lens(*(getattr(lens, field.name)[i] for field in fields(lens)))
        for band in range(3):
            light = _brightness(host, i, x, y) + _brightness(source, i, *source_plane(mass, x, y))
            pixels = light.reshape(SIZE, SUPERSAMPLING, SIZE, SUPERSAMPLING).mean(dim=(1, 3)) * PIXEL_SCALE**2
            out[i, band] = conv2d(pixels[None, None], kernels[i, band][None, None], padding=RADIUS)[0, 0]
    return np.asarray(out.numpy())


def _brightness(profile: Sersic, i: int, x: Tensor, y: Tensor) -> Tensor:
    row = _row(profile, i)
    n, q, radius = (torch.tensor(row[name], dtype=torch.float64) for name in ("n", "q", "radius"))
    k = k_sersic(n)
    flux = 2 * math.pi * n * radius**2 * torch.exp(k + torch.lgamma(2 * n)) * k ** (-2 * n)
    along = radius / torch.sqrt(q)  # caustics has the radius of the long axis
    found: Tensor = brightness_sersic(
        row["x"], row["y"], q, torch.tensor(row["phi"]), n, along, 1 / flux, x, y, k
    )
    return found


def lenstronomy(host: Sersic, lens: Lens, source: Sersic, fwhm: Tensor) -> NDArray[np.float64]:
    oracle = import_module("bench.lenstronomy_stamps")
    kernels = moffat_kernels(fwhm / PIXEL_SCALE).numpy()
    rows = [[_row(record, i) for record in (host, lens, source)] for i in range(len(fwhm))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return np.array(
            [
                [oracle.image(*row, SIZE, SUPERSAMPLING, kernels[i, band]) for band in range(3)]
                for i, row in enumerate(rows)
            ]
        )


def _row(record: Any, i: int) -> dict[str, float]:
    return {field.name: float(getattr(record, field.name)[i]) for field in fields(record)}


def _part_of(scenes: Scenes, part: slice) -> Scenes:
    host, lens, source, fwhm = scenes
    return part_of(host, part), part_of(lens, part), part_of(source, part), fwhm[part]


def _milliseconds(render: Callable[..., Any], scenes: Scenes, chunk: int) -> float:
    """CPU milliseconds a stamp."""
    count = len(scenes[3])
    began = time.process_time()
    for start in range(0, count, chunk):
        render(*_part_of(scenes, slice(start, start + chunk)))
    return (time.process_time() - began) / count * 1000


def _noise(light: NDArray[np.float64], count: int) -> float:
    began = time.process_time()
    for seed in range(count):
        counted(light, 150.0, seed, "host") + sky(np.full(3, 0.01), SIZE, seed)
    return (time.process_time() - began) / count * 1000


def main() -> None:
    restart_on_one_thread("bench.rendering", kernels=False)
    torch.set_num_threads(1)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    many = systems(count)
    some = _part_of(many, slice(0, max(count // 8, 4)))
    peers: dict[str, tuple[Callable[..., Any], Scenes, int]] = {
        "this project": (ours, many, CHUNK),
        "caustics, naively": (naive, some, 1),
        "lenstronomy, rebuilt per band": (lenstronomy, some, 1),
    }
    if find_spec("lenstronomy") is None:
        del peers["lenstronomy, rebuilt per band"]
        print("lenstronomy is not installed (extra lens-oracle): not timed")
    # The least of some rounds, in which all take turns: other work on the machine only adds.
    rounds = [{name: _milliseconds(*how) for name, how in peers.items()} for _ in range(ROUNDS)]
    best = {name: min(each[name] for each in rounds) for name in peers}
    print(
        f"host and arc in g, r, z, {SIZE} x {SIZE}, {SUPERSAMPLING} x {SUPERSAMPLING} samples a pixel, one thread"
    )
    for name, each in best.items():
        print(f"{name:32} {each:8.2f} ms a stamp  {each / best['this project']:.1f}x this project's")
    one: Any = _part_of(many, slice(0, 1))
    print(f"{'noise, besides':32} {_noise(30 * ours(*one)[0], count):8.2f} ms a stamp")


if __name__ == "__main__":
    main()
