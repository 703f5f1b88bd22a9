"""A short event of a recording somewhere in a carrier of noise: one length and one loudness for every clip."""

import numpy as np
from numpy.typing import NDArray

from methods.statistics.streams import seeded

Floats = NDArray[np.float64]

LOUDNESS = 0.05
SLOPE = -3.0  # dB an octave: pink noise
LOWEST = 40.0


def in_carrier(
    samples: NDArray[np.float32], rate: int, seconds: float, event: float, snr_db: float, seed: int
) -> NDArray[np.float32]:
    """The loudest `event` seconds of samples (n,), `snr_db` above the noise it lies in; (seconds * rate,).

    ValueError where the recording is shorter than the event.
    """
    rng = seeded(seed)
    length, size = int(seconds * rate), int(event * rate)
    if size > min(len(samples), length):
        raise ValueError(
            f"an event of {event} s does not fit {len(samples) / rate:g} s in a clip of {seconds} s"
        )
    spectrum = np.fft.rfft(rng.normal(size=length))
    frequency = np.maximum(np.fft.rfftfreq(length, 1 / rate), LOWEST)
    carrier = np.fft.irfft(spectrum * (frequency / 1000) ** (SLOPE / 6.02), length)
    power = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    start = int((power[size:] - power[:-size]).argmax())
    sound = samples[start : start + size].astype(np.float64)
    at = int(rng.integers(0, length - size + 1))
    place = slice(at, at + size)
    carrier[place] += sound / max(_rms(sound), 1e-9) * _rms(carrier[place]) * 10 ** (snr_db / 20)
    return np.asarray(carrier / _rms(carrier) * LOUDNESS, np.float32)


def of_length(samples: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """The middle of a longer recording; a shorter one is repeated, so that no silence tells its length."""
    if len(samples) >= length:
        start = (len(samples) - length) // 2
        return samples[start : start + length]
    return np.resize(samples, length)


def _rms(sound: Floats) -> float:
    return float(np.sqrt(np.mean(sound**2)))
