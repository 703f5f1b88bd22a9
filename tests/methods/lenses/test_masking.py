"""Masks hide what they say, and belong to an image and an epoch, not to a batch."""

import numpy as np
import pytest

from methods.lenses.masking import Phase, core_mask, mask_radii, mean_hidden, phase_of
from methods.statistics.streams import epoch_stream, uniforms

B3 = (Phase(0, 7, 0.7), Phase(0.2, 5, 0.5), Phase(0.6, 3, 0.3))
INDEX = np.arange(4000)


def test_the_mask_is_the_open_disc_around_the_central_pixel() -> None:
    hidden = core_mask(5, 63)
    assert hidden[31, 31]
    assert hidden[31, 35]
    assert not hidden[31, 36]  # r = 5 exactly
    assert hidden.sum() == 69
    assert not core_mask(0, 63).any()
    for turned in (np.rot90(hidden), hidden[::-1], hidden.T):
        assert (turned == hidden).all()


@pytest.mark.parametrize(("radius", "size"), [(-1, 63), (3, 64), (3, 0)])
def test_no_mask_for_sizes_without_a_centre_or_negative_radii(radius: float, size: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        core_mask(radius, size)


@pytest.mark.parametrize(("epoch", "radius"), [(0, 7), (9, 7), (10, 5), (29, 5), (30, 3), (49, 3)])
def test_the_schedule_of_b3_over_50_epochs(epoch: int, radius: float) -> None:
    phase = phase_of(B3, epoch, 50)
    assert phase is not None
    assert phase.radius == radius


def test_masks_are_drawn_with_their_probability_anew_in_every_epoch() -> None:
    first, second = (mask_radii((Phase(0, 5, 0.5),), 1, INDEX, epoch, 20) for epoch in (0, 1))
    for drawn in (first, second):
        assert set(drawn) == {0.0, 5.0}
        assert abs((drawn > 0).mean() - 0.5) < 0.03
    assert 0.45 < (first == second).mean() < 0.55


def test_a_draw_depends_on_seed_epoch_and_index_alone() -> None:
    whole = mask_radii(B3, 1, INDEX, 3, 20)
    some = np.array([17, 3, 999])
    assert (mask_radii(B3, 1, some, 3, 20) == whole[some]).all()
    assert (mask_radii(B3, 2, INDEX, 3, 20) != whole).any()


def test_variants_share_their_luck() -> None:
    mild, strong = (mask_radii((Phase(0, 5, p),), 1, INDEX, 0, 20) > 0 for p in (0.3, 0.7))
    assert (strong | ~mild).all()


def test_no_phase_hides_nothing() -> None:
    assert not mask_radii((), 1, INDEX, 0, 20).any()
    assert phase_of((Phase(0.5, 5, 0.5),), 4, 10) is None


def test_purposes_and_epochs_have_streams_of_their_own() -> None:
    made = {
        name: uniforms(1, purpose, epoch, np.arange(5), 2).tobytes()
        for name, (purpose, epoch) in {"a": ("mask", 0), "b": ("mask", 1), "c": ("augment", 0)}.items()
    }
    assert len(set(made.values())) == 3
    with pytest.raises(ValueError, match="at least 0"):
        epoch_stream(-1, "mask")
    assert uniforms(1, "mask", 0, np.array([], np.int64), 3).shape == (0, 3)


def test_what_is_hidden_in_the_mean_is_what_is_drawn() -> None:
    drawn = np.mean([np.pi * mask_radii(B3, 1, INDEX, epoch, 20) ** 2 for epoch in range(20)])
    assert mean_hidden(B3) == pytest.approx(float(drawn), rel=0.02)
    assert mean_hidden((Phase(0.5, 3, 0.3),)) == pytest.approx(0.5 * 0.3 * np.pi * 9)
    assert mean_hidden(()) == 0
