"""Events in a carrier: one loudness, one length, the ratio asked for."""

import numpy as np
import pytest

from methods.audio.carrier import LOUDNESS, in_carrier, of_length

RATE = 16_000


@pytest.mark.parametrize("snr", [-5.0, 0.0, 20.0])
@pytest.mark.parametrize("event", [0.2, 1.0])
def test_every_clip_has_one_loudness_and_length(snr: float, event: float) -> None:
    sound = np.random.default_rng(0).normal(size=2 * RATE).astype(np.float32)
    clip = in_carrier(sound, RATE, 2.0, event, snr, 1)
    assert clip.dtype == np.float32
    assert clip.shape == (2 * RATE,)
    assert np.sqrt(np.mean(clip.astype(float) ** 2)) == pytest.approx(LOUDNESS, rel=1e-5)


def test_the_loudest_part_is_taken_at_the_ratio_asked_for() -> None:
    sound = 1e-3 * np.random.default_rng(0).normal(size=2 * RATE)
    sound[20_000:23_200] += np.sin(2 * np.pi * 1000 * np.arange(3200) / RATE)
    clip = in_carrier(sound.astype(np.float32), RATE, 2.0, 0.2, 20.0, 3)
    spectrum = np.abs(np.fft.rfft(clip)) ** 2
    near = np.abs(np.fft.rfftfreq(len(clip), 1 / RATE) - 1000) < 20
    # 20 dB in a tenth of the clip: ten to one over all of it.
    assert spectrum[near].sum() / spectrum[~near].sum() == pytest.approx(10, rel=0.5)


def test_a_recording_shorter_than_the_event_is_refused() -> None:
    with pytest.raises(ValueError, match=r"an event of 1.0 s does not fit 0.5 s"):
        in_carrier(np.ones(RATE // 2, np.float32), RATE, 2.0, 1.0, 0.0, 0)


def test_longer_recordings_lose_both_ends_and_shorter_ones_repeat() -> None:
    assert of_length(np.arange(6, dtype=np.float32), 4).tolist() == [1, 2, 3, 4]
    assert of_length(np.arange(3, dtype=np.float32), 7).tolist() == [0, 1, 2, 0, 1, 2, 0]
