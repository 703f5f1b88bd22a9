"""Audio files as 16 kHz mono samples in [-1, 1], and the reasons why a file is no clip."""

import re
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from storage.files.atomic import complete
from storage.files.inputs import InputError

RATE = 16_000
LOUDEST = 2.0  # float files may exceed 1 a little; integers stored as floats exceed it by far
RATES = (1_000, 384_000)
CHANNELS = 64
LONGEST = 600.0  # seconds of a clip
MOST_FRAMES = 1 << 24  # of a clip as it is stored
CLAIM = re.compile(r"data : (\d+) \(should be (\d+)\)")
STREAM = 0x7FFFF000  # bytes that recorders write where they cannot know
BLOCK = 1 << 20  # samples decoded at once, whatever a header claims


def read_audio(path: Path, row: int | None = None) -> NDArray[np.float32]:
    """Any file soundfile reads, its channels averaged and resampled; `row` is the manifest's, for the message."""
    if not path.is_file():
        raise InputError(
            path, "no such file; the manifest names it, relative to its own folder", row=row, field="path"
        )
    try:
        with soundfile.SoundFile(path) as sound:
            _check_header(path, sound, row)
            blocks = _mono_blocks(path, sound, row)
            rate: int = sound.samplerate
    except (soundfile.LibsndfileError, RuntimeError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            path, f"cannot be read as audio ({_brief(error)}); save it as WAV or FLAC", row=row
        ) from None
    return _at_rate(np.concatenate(blocks), rate)


def _check_header(path: Path, sound: soundfile.SoundFile, row: int | None) -> None:
    if not (RATES[0] <= sound.samplerate <= RATES[1] and sound.channels <= CHANNELS):
        raise InputError(
            path,
            f"says {sound.samplerate} Hz and {sound.channels} channel(s); expected {RATES[0]} to {RATES[1]} Hz and at most "
            f"{CHANNELS} channels: its header is damaged, export it again",
            row=row,
        )
    most = min(MOST_FRAMES, int(LONGEST * sound.samplerate))
    if sound.frames > most:
        raise InputError(
            path,
            f"says {sound.frames / sound.samplerate:,.0f} s; a clip has {most / sound.samplerate:.0f} s at most at "
            f"{sound.samplerate} Hz: cut it into clips, or export it again if it is shorter",
            row=row,
        )


def _mono_blocks(path: Path, sound: soundfile.SoundFile, row: int | None) -> list[NDArray[np.float64]]:
    """InputError for what is no sound, and for a file that ends before its header says."""
    size = max(BLOCK // sound.channels, 1)
    blocks, read, loudest = [], 0, 0.0
    while len(samples := sound.read(size, dtype="float64", always_2d=True)):
        if not np.isfinite(samples).all():
            bad = read + int(np.flatnonzero(~np.isfinite(samples).all(axis=1))[0])
            raise InputError(path, f"sample {bad} is not a number; export the clip again", row=row)
        read, loudest = read + len(samples), max(loudest, float(np.abs(samples).max()))
        blocks.append(samples.mean(axis=1))
        if read > MOST_FRAMES:
            raise InputError(path, "holds more samples than its header says; export it again", row=row)
    if read < sound.frames or _is_cut(sound):
        raise InputError(path, f"ends after {read} samples, before its header says: export it again", row=row)
    if not read:
        raise InputError(path, "holds no samples; remove it from the manifest", row=row)
    if loudest > LOUDEST:
        raise InputError(
            path,
            f"a sample of {loudest:g}: these are integers stored as floats; divide them by 32768 and save",
            row=row,
        )
    if loudest == 0:
        raise InputError(path, "is silent: every sample is zero", row=row)
    return blocks


def _is_cut(sound: soundfile.SoundFile) -> bool:
    """libsndfile shortens a WAV to what is there, and says so in its log; a stream's header holds no true length."""
    claim = CLAIM.search(sound.extra_info)
    return claim is not None and int(claim[2]) < int(claim[1]) < STREAM


def _at_rate(mono: NDArray[np.float64], rate: int) -> NDArray[np.float32]:
    if rate != RATE:
        from scipy.signal import resample_poly  # noqa: PLC0415 - slow to import

        common = gcd(rate, RATE)
        mono = resample_poly(mono, RATE // common, rate // common)
    return np.asarray(mono, np.float32)


def write_audio(path: Path, samples: NDArray[np.float64]) -> None:
    """16-bit WAV: the same bytes for the same samples."""
    with complete(path) as partial:
        soundfile.write(partial, samples, RATE, subtype="PCM_16", format="WAV")


def _brief(error: Any) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][-100:]
