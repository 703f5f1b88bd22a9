"""Audio files as 16 kHz mono samples in [-1, 1], and the reasons why a file is no clip."""

from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from storage.files.atomic import complete
from storage.files.inputs import InputError

RATE = 16_000
LOUDEST = 2.0  # float files may exceed 1 a little; integers stored as floats exceed it by far


def read_audio(path: Path, row: int | None = None) -> NDArray[np.float32]:
    """Any file soundfile reads, its channels averaged and resampled; `row` is the manifest's, for the message."""
    if not path.is_file():
        raise InputError(
            path, "no such file; the manifest names it, relative to its own folder", row=row, field="path"
        )
    try:
        samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise InputError(
            path, f"cannot be read as audio ({error}); save it as WAV or FLAC", row=row
        ) from None
    return mono_at_rate(path, samples, rate, row)


def mono_at_rate(path: Path, samples: NDArray[Any], rate: int, row: int | None) -> NDArray[np.float32]:
    """samples (n, channels) in floating point; InputError for what is no sound."""
    if not np.issubdtype(samples.dtype, np.floating):
        raise InputError(path, f"expected samples as floats in [-1, 1], got {samples.dtype}", row=row)
    if not samples.size:
        raise InputError(path, "holds no samples; remove it from the manifest", row=row)
    if not np.isfinite(samples).all():
        bad = int(np.flatnonzero(~np.isfinite(samples).all(axis=1))[0])
        raise InputError(path, f"sample {bad} is not a number; export the clip again", row=row)
    if (loudest := float(np.abs(samples).max())) > LOUDEST:
        raise InputError(
            path,
            f"a sample of {loudest:g}: these are integers stored as floats; divide them by 32768 and save",
            row=row,
        )
    if loudest == 0:
        raise InputError(path, "is silent: every sample is zero", row=row)
    mono = samples.mean(axis=1)
    if rate != RATE:
        common = gcd(rate, RATE)
        mono = resample_poly(mono, RATE // common, rate // common)
    return np.asarray(mono, np.float32)


def write_audio(path: Path, samples: NDArray[np.float64]) -> None:
    """16-bit WAV: the same bytes for the same samples."""
    with complete(path) as partial:
        soundfile.write(partial, samples, RATE, subtype="PCM_16", format="WAV")
