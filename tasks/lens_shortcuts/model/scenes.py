"""Rows of the manifest as light and as exposures: any rows, in any order and company, give the same stamps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from methods.lenses.exposure import Camera, host_exposure, with_arc
from methods.lenses.geometry import nanomaggies
from methods.lenses.light_profiles import Lens, Sersic
from methods.lenses.rendering import arc_images, host_images, spectra
from storage.lenses.host_images import middle, turned
from storage.lenses.manifests import sky_noise
from storage.lenses.stamps import BANDS, SHAPE
from tasks.lens_shortcuts.model.planted_leaks import LeakEffect

Pixels = NDArray[np.float64]
PROFILE = ("radius", "n", "q", "phi")
PSF = tuple(f"psf_fwhm_{band}" for band in BANDS)


@dataclass(frozen=True)
class Scenes:
    """images: the hosts where they are pictures, else None. gain: electrons of a nanomaggy."""

    images: NDArray[np.float32] | None
    gain: float
    supersampling: int
    device: str

    @property
    def camera(self) -> Camera:
        return Camera(self.gain, noisy_host=self.images is None)

    def hosts(self, rows: pd.DataFrame, leak: LeakEffect) -> Pixels:
        """(n, 3, 63, 63): exposures without arcs."""
        light = self._light(rows, leak) if self.images is None else self._pictures(rows, leak)
        noise = sky_noise(rows[[f"depth_{band}" for band in BANDS]].to_numpy(np.float64))
        exposures = [
            host_exposure(light[i], noise[i], seed, self.camera, bool(leak.shotless[i]))
            for i, seed in enumerate(_seeds(rows))
        ]
        return np.stack(exposures)

    def with_arcs(self, rows: pd.DataFrame, exposures: Pixels, leak: LeakEffect) -> Pixels:
        """The exposures, with the arcs of those rows that have a source."""
        lensed = np.flatnonzero(rows["source_radius"].notna())
        out = exposures.copy()
        if len(lensed):
            part = rows.iloc[lensed]
            arcs = self._arcs(part, leak.shift[:, lensed])
            for arc, place, seed in zip(arcs, lensed, _seeds(part), strict=True):
                out[place] = with_arc(out[place], arc, seed, self.camera)
        return out

    def _light(self, rows: pd.DataFrame, leak: LeakEffect) -> Pixels:
        flux = _flux(rows, "host")
        core = flux / flux[:, 1:2] * leak.core[:, None] if leak.core.any() else None
        out = np.empty((len(rows), *SHAPE))
        for supersampling in np.unique(leak.supersampling).tolist():
            at = np.flatnonzero(leak.supersampling == supersampling)
            part = rows.iloc[at]
            host = Sersic(*self._centre(part, leak.shift[:, at]), *self._columns(part, "host", PROFILE))
            images = host_images(
                host,
                self._tensor(flux[at] * leak.brighter[at, None]),
                self._psf(part),
                supersampling,
                None if core is None else self._tensor(core[at]),
            )
            out[at] = images.cpu().numpy()
        return out

    def _pictures(self, rows: pd.DataFrame, leak: LeakEffect) -> Pixels:
        assert self.images is not None
        numbers = rows[["host_image", "host_turn"]].to_numpy(np.int64).tolist()
        pictures = np.stack([turned(middle(self.images[image]), turn) for image, turn in numbers])
        return pictures.astype(np.float64) * leak.brighter[:, None, None, None]

    def _arcs(self, rows: pd.DataFrame, shift: NDArray[np.float64]) -> Pixels:
        lens = Lens(*self._centre(rows, shift), *self._columns(rows, "", LENS))
        source = Sersic(*self._columns(rows, "source", ("x", "y", *PROFILE)))
        flux = self._tensor(_flux(rows, "source"))
        arcs: Pixels = arc_images(lens, source, flux, self._psf(rows), self.supersampling).cpu().numpy()
        return arcs

    def _psf(self, rows: pd.DataFrame) -> Tensor:
        return spectra(self._tensor(rows[list(PSF)].to_numpy(np.float64)))

    def _centre(self, rows: pd.DataFrame, shift: NDArray[np.float64]) -> Tensor:
        """(2, n): where a host and its mass lie; pictures are centred on theirs."""
        if self.images is not None:
            return self._tensor(shift)
        return self._tensor(rows[["host_x", "host_y"]].to_numpy(np.float64).T + shift)

    def _columns(self, rows: pd.DataFrame, of: str, names: tuple[str, ...]) -> Tensor:
        """(names, n)."""
        columns = [f"{of}_{name}" if of else name for name in names]
        return self._tensor(rows[columns].to_numpy(np.float64).T)

    def _tensor(self, values: NDArray[Any]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64, device=self.device)


LENS = ("theta_E", "lens_q", "lens_phi", "gamma_1", "gamma_2")


def _flux(rows: pd.DataFrame, of: str) -> NDArray[np.float64]:
    """(n, 3) in nanomaggies."""
    return nanomaggies(rows[[f"{of}_mag_{band}" for band in BANDS]].to_numpy(np.float64))


def _seeds(rows: pd.DataFrame) -> list[int]:
    seeds: list[int] = rows["seed"].to_numpy(np.int64).tolist()
    return seeds
