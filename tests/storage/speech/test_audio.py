"""Audio at the edge: what is read, and why a file is refused."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from storage.files.inputs import InputError
from storage.speech.audio import RATE, read_audio, write_audio


def tone(rate: int, seconds: float = 0.5) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(0.3 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate))


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_any_rate_and_channels_become_16_khz_mono(tmp_path: Path, rate: int, suffix: str) -> None:
    path = tmp_path / f"clip.{suffix}"
    soundfile.write(path, np.stack([tone(rate), tone(rate)], axis=1), rate)
    samples = read_audio(path)
    assert samples.dtype == np.float32
    assert samples.shape == (RATE // 2,)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.fft.rfftfreq(len(samples), 1 / RATE)[spectrum.argmax()] == pytest.approx(440, abs=3)
    assert np.abs(samples[1000:-1000] - tone(RATE)[1000:-1000]).max() < 0.02


def test_written_clips_read_back_to_16_bits(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", tone(RATE))
    assert np.abs(read_audio(tmp_path / "a.wav") - tone(RATE)).max() < 2**-15


def test_what_is_no_clip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    with pytest.raises(InputError, match="row 3, field path: no such file"):
        read_audio(path, 3)
    path.write_bytes(b"not audio")
    with pytest.raises(InputError, match=r"row 3: cannot be read as audio .* save it as WAV or FLAC"):
        read_audio(path, 3)
    soundfile.write(path, np.zeros(0), RATE)
    with pytest.raises(InputError, match="holds no samples"):
        read_audio(path)
    soundfile.write(path, np.zeros(100), RATE)
    with pytest.raises(InputError, match="is silent"):
        read_audio(path)
    broken = tone(RATE)
    broken[7] = np.nan
    soundfile.write(path, broken, RATE, subtype="FLOAT")
    with pytest.raises(InputError, match="sample 7 is not a number"):
        read_audio(path)
    soundfile.write(path, tone(RATE) * 32768, RATE, subtype="FLOAT")
    with pytest.raises(InputError, match="integers stored as floats; divide them by 32768"):
        read_audio(path)


def test_a_file_that_was_cut_short_is_refused_and_a_stream_is_not(tmp_path: Path) -> None:
    for suffix, subtype in (("wav", "PCM_16"), ("flac", "PCM_16")):
        path = tmp_path / f"x.{suffix}"
        soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 16000), RATE, subtype=subtype)
        whole = path.read_bytes()
        path.write_bytes(whole[:20000])
        with pytest.raises(InputError, match=r"row 2: (ends after 9978 samples|cannot be read as audio)"):
            read_audio(path, 2)
    path = tmp_path / "x.wav"
    soundfile.write(path, tone(RATE), RATE, subtype="PCM_16")
    whole = path.read_bytes()
    size = whole.index(b"data") + 4
    path.write_bytes(whole[:size] + b"\xff" * 4 + whole[size + 4 :])
    assert len(read_audio(path)) == RATE // 2


def test_what_a_header_claims_is_bounded_before_anything_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    soundfile.write(path, tone(RATE), RATE)
    whole = bytearray(path.read_bytes())
    whole[21] |= 0x0F  # the upper bits of the number of samples: hundreds of GB
    path.write_bytes(whole)
    with pytest.raises(InputError, match=r"row 7: says [0-9,]{7,} s; a clip has 600 s at most"):
        read_audio(path, 7)
    path = tmp_path / "x.wav"
    for rate in (10, 4_000_000):
        soundfile.write(path, tone(RATE), rate)
        with pytest.raises(InputError, match=f"says {rate} Hz and 1 channel"):
            read_audio(path)
