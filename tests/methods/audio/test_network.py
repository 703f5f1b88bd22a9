"""The acoustic model: loudness is not heard, the seed decides everything, and it learns what can be learnt."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import chirp

from methods.audio.log_mel import FFT, log_mel, mel_filters, time_statistics
from methods.audio.network import AcousticTraining, logistic_logits, network_logits, train_network
from methods.training_place import Place

RATE = 16_000
TRAINING = AcousticTraining(
    channels=4, epochs=12, batch=8, learning_rate=1e-2, weight_decay=1e-2, dropout=0.1, shift=0.2, mask=0.1
)


def sounds(n: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Rising and falling tones in noise, as features."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    time = np.arange(RATE // 2) / RATE
    waves = [
        chirp(time, *((400, 0.5, 3000) if label else (3000, 0.5, 400))) + rng.normal(size=len(time))
        for label in labels
    ]
    return np.stack([log_mel(wave.astype(np.float32), RATE, 20, 320) for wave in waves]), labels


def test_log_mel_peaks_where_the_tone_is_and_hears_no_loudness() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    frames = log_mel(tone, RATE, 40, 160)
    assert frames.shape == (40, 100)
    centre = np.fft.rfftfreq(FFT, 1 / RATE) @ mel_filters(40, RATE) / mel_filters(40, RATE).sum(axis=0)
    assert centre[frames.mean(axis=1).argmax()] == pytest.approx(1000, rel=0.08)
    noise = np.random.default_rng(0).normal(size=RATE).astype(np.float32)
    assert log_mel(8 * noise, RATE, 40, 160) == pytest.approx(log_mel(noise, RATE, 40, 160), abs=1e-4)


def test_every_frequency_but_the_ends_is_covered_by_two_filters() -> None:
    covered = mel_filters(40, RATE).sum(axis=1)[12:-20]
    assert covered == pytest.approx(np.ones(len(covered)))


def test_the_network_learns_what_only_the_order_of_frames_tells() -> None:
    features, labels = sounds(32, 0)
    fresh, wanted = sounds(32, 1)
    trained = train_network(features, labels, TRAINING, 42)
    assert trained.losses[-1] < 0.5 * trained.losses[0]
    assert (network_logits(trained.weights, fresh).argmax(axis=1) == wanted).mean() > 0.9


def test_the_same_seed_gives_the_same_bits_and_another_seed_others() -> None:
    features, labels = sounds(16, 2)
    one, again, other = (
        network_logits(train_network(features, labels, TRAINING, seed).weights, features)
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_run_that_was_killed_ends_in_the_same_bits() -> None:
    features, labels = sounds(16, 2)
    whole, kept = train_network(features, labels, TRAINING, 7), []

    def killed(state: dict[str, NDArray[Any]]) -> None:
        kept.append(state)
        if len(kept) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_network(features, labels, TRAINING, 7, Place(keep=killed))
    torch.manual_seed(99)
    again = train_network(features, labels, TRAINING, 7, Place(kept[-1]))
    assert len(Place(kept[-1]).progress["losses"]) == 10
    assert again.losses == whole.losses
    assert all(torch.equal(again.weights[name], value) for name, value in whole.weights.items())


def test_the_baseline_is_a_logistic_regression_on_means_and_spreads() -> None:
    rng = np.random.default_rng(3)
    labels = np.arange(60) % 2
    features = rng.normal(size=(60, 4, 10)).astype(np.float32) + labels[:, None, None]
    columns = time_statistics(features)
    assert columns.shape == (60, 12)
    logits = logistic_logits(columns, labels, columns, 1.0)
    assert (logits.argmax(axis=1) == labels).mean() > 0.95
    assert logits.sum(axis=1) == pytest.approx(np.zeros(60))
