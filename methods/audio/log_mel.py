"""Log-mel frames of a sound (O'Shaughnessy's mel scale), and their mean and spread over time."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FFT = 512
LOWEST, FLOOR = 50.0, 1e-8


def log_mel(samples: NDArray[np.float32], rate: int, mels: int, hop: int) -> NDArray[np.float32]:
    """(mels, frames) of samples (n,): Hann windows of 512, log power per band, less the clip's mean: no loudness."""
    padded = np.pad(samples.astype(np.float64), FFT // 2, mode="reflect")
    starts = np.arange(0, len(samples), hop)
    frames = padded[starts[:, None] + np.arange(FFT)] * np.hanning(FFT)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    bands = np.log(power @ mel_filters(mels, rate) + FLOOR)
    return np.asarray((bands - bands.mean()).T, np.float32)


def time_statistics(features: NDArray[np.float32]) -> Floats:
    """(clips, 3 mels) of features (clips, mels, frames): mean, spread and mean step from frame to frame."""
    x = features.astype(np.float64)
    return np.concatenate([x.mean(axis=2), x.std(axis=2), np.abs(np.diff(x, axis=2)).mean(axis=2)], axis=1)


@cache
def mel_filters(mels: int, rate: int) -> Floats:
    """(FFT / 2 + 1, mels) triangles, evenly spaced in mel, each of unit height."""
    top = 2595 * np.log10(1 + rate / 2 / 700)
    low = 2595 * np.log10(1 + LOWEST / 700)
    centres = 700 * (10 ** (np.linspace(low, top, mels + 2) / 2595) - 1)
    frequency = np.fft.rfftfreq(FFT, 1 / rate)[:, None]
    rising = (frequency - centres[:-2]) / (centres[1:-1] - centres[:-2])
    falling = (centres[2:] - frequency) / (centres[2:] - centres[1:-1])
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))
