"""Residuals as defined, and what they commute with."""

import numpy as np
import pytest

from methods.lenses.geometry import PIXEL_SCALE, SIZE, core, radius, rings
from methods.lenses.preprocessing import CHANNELS, CHUNK, preprocess, residual

STAMPS = np.random.default_rng(1).normal(0.01, 0.02, (CHUNK + 3, 3, SIZE, SIZE)).astype(np.float16)
STAMPS[:, :, 28:35, 28:35] += np.float16(3)


def test_geometry() -> None:
    assert (
        radius()[31, 31] == 0 and radius()[31, 34] == 3 and radius()[0, 0] == pytest.approx(43.84, abs=0.01)
    )
    assert core(5).sum() == (radius() < 5).sum() and not core(5)[31, 36]
    assert rings()[31, 33] == 2 and rings().max() == 43 and PIXEL_SCALE == 0.262


def test_a_residual_is_what_its_definition_says() -> None:
    band = STAMPS[2, 1].astype(np.float32)
    annulus = (radius() >= 20) & (radius() < 32)
    middle = np.median(band[annulus])
    x = (band - middle) / (1.4826 * np.median(np.abs(band[annulus] - middle)))
    for ring in range(44):
        x[rings() == ring] -= np.median(x[rings() == ring])
    assert np.allclose(residual(STAMPS)[2, 1], np.clip(x, -50, 50), rtol=1e-5, atol=1e-5)


def test_residuals_commute_exactly_with_flips_and_quarter_turns() -> None:
    found = residual(STAMPS)
    for turn in range(4):
        for flip in (False, True):

            def moved(stamps: "np.ndarray", turn: int = turn, flip: bool = flip) -> "np.ndarray":
                return np.rot90(stamps[..., ::-1] if flip else stamps, turn, axes=(2, 3))

            assert np.array_equal(residual(moved(STAMPS)), moved(found))


def test_ring_medians_of_residuals_are_zero_and_values_are_clipped() -> None:
    found = residual(STAMPS)
    assert np.abs(found).max() == 50
    assert all(np.abs(np.median(found[0, 0][rings() == ring])) < 1e-5 for ring in range(8, 44))


def test_channels() -> None:
    assert {kind: preprocess(STAMPS[:2], kind).shape[1] for kind in CHANNELS} == CHANNELS
    both = preprocess(STAMPS[:2], "both")
    assert np.array_equal(both[:, :3], STAMPS[:2].astype(np.float32))
    assert np.array_equal(both[:, 3:], residual(STAMPS[:2]))


def test_a_stamp_without_noise_in_its_annulus_is_refused() -> None:
    flat = STAMPS[:2].copy()
    flat[1, 2] = 0
    with pytest.raises(ValueError, match="stamp 1, band 2: half of its annulus"):
        residual(flat)
