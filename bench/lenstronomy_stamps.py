"""The project's lenses and galaxies in lenstronomy: the oracle of the tests, and a peer to time. Needs the extra lens-oracle."""

import math
from typing import Any

import numpy as np
import torch
from caustics.light.func import k_sersic
from lenstronomy.Data.imaging_data import ImageData
from lenstronomy.Data.psf import PSF
from lenstronomy.ImSim.image_model import ImageModel
from lenstronomy.LensModel.lens_model import LensModel
from lenstronomy.LightModel.light_model import LightModel
from lenstronomy.Util.param_util import phi_q2_ellipticity
from numpy.typing import NDArray

from methods.lenses.geometry import PIXEL_SCALE

Floats = NDArray[np.float64]
Named = dict[str, float]  # a row of methods.lenses.light_profiles.Sersic or Lens


def image(
    host: Named, lens: Named, source: Named, size: int, supersampling: int, kernel: Floats | None
) -> Floats:
    """(size, size): host and arc with a flux of 1 each; light outside the field is not there."""
    corner = -(size // 2) * PIXEL_SCALE
    data = ImageData(
        np.zeros((size, size)), ra_at_xy_0=corner, dec_at_xy_0=corner, transform_pix2angle=np.eye(2) * PIXEL_SCALE
    )  # fmt: skip
    model = ImageModel(
        data,
        PSF("NONE") if kernel is None else PSF("PIXEL", kernel_point_source=kernel),
        LensModel(["SIE", "SHEAR"]),
        LightModel(["SERSIC_ELLIPSE"]),
        LightModel(["SERSIC_ELLIPSE"]),
        kwargs_numerics={"supersampling_factor": supersampling, "supersampling_convolution": False},
    )
    behind = {**source, "x": source["x"] + lens["x"], "y": source["y"] + lens["y"]}
    return np.asarray(model.image(mass(lens), [light(behind)], [light(host)]), np.float64)


def source_plane(lens: Named, x: Floats, y: Floats) -> Floats:
    """(2, n), relative to the lens's centre."""
    found = LensModel(["SIE", "SHEAR"]).ray_shooting(x, y, mass(lens))
    return np.asarray(np.stack(found) - np.array([[lens["x"]], [lens["y"]]]))


def mass(lens: Named) -> list[dict[str, Any]]:
    e1, e2 = phi_q2_ellipticity(lens["phi"], lens["q"])
    sie = {
        "theta_E": lens["einstein_radius"], "e1": e1, "e2": e2, "center_x": lens["x"], "center_y": lens["y"]
    }  # fmt: skip
    shear = {"gamma1": lens["gamma_1"], "gamma2": lens["gamma_2"], "ra_0": lens["x"], "dec_0": lens["y"]}
    return [sie, shear]


def light(profile: Named) -> dict[str, Any]:
    """Its k is an approximation; radius and amplitude are such that the profile is the same, with a flux of 1."""
    n, k = profile["n"], float(k_sersic(torch.tensor(profile["n"], dtype=torch.float64)))
    theirs = 1.9992 * n - 0.3271
    flux = 2 * math.pi * n * profile["radius"] ** 2 * math.gamma(2 * n) * k ** (-2 * n)
    e1, e2 = phi_q2_ellipticity(profile["phi"], profile["q"])
    return {
        "amp": math.exp(-theirs) / flux, "R_sersic": profile["radius"] * (theirs / k) ** n, "n_sersic": n,
        "e1": e1, "e2": e2, "center_x": profile["x"], "center_y": profile["y"],
    }  # fmt: skip
