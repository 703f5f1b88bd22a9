"""The simulated clips: what could be read off without listening tells nothing, and twice is once."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from numpy.typing import NDArray

from methods.statistics.ranking import auroc
from params.speech_temperature import Simulate
from simulators import speech_temperature as simulator

Floats = NDArray[np.float64]


def simulated(folder: Path, seed: int, speakers: list[int], sounds: list[int]) -> tuple[pd.DataFrame, Floats]:
    params = Simulate(
        seed=seed, speakers=speakers, sounds=sounds, seconds=2.0,
        event_ms=[200, 1000], snr_db=[-5, 0, 5, 20], hard=0.5,
    )  # fmt: skip
    simulator.main(params, folder)
    table = pd.read_csv(folder / "manifest.csv")
    return table, np.stack([soundfile.read(folder / path)[0] for path in table["path"]])


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Floats]:
    return simulated(tmp_path_factory.mktemp("clips") / "data", 4, [8] * 16, [8] * 16)


def test_energy_duration_and_band_limit_tell_nothing(clips: tuple[pd.DataFrame, Floats]) -> None:
    table, waves = clips
    speech = (table["label"] == "SPEECH").to_numpy()
    power = np.abs(np.fft.rfft(waves * np.hanning(waves.shape[1]), axis=1)) ** 2
    smooth = power[:, :16000].reshape(len(waves), -1, 100).mean(axis=2)
    band_limit = np.array([np.flatnonzero(row > row.max() * 1e-6)[-1] for row in smooth])
    envelope = np.sqrt((waves.reshape(len(waves), -1, 160) ** 2).mean(axis=2))
    active = (envelope > 1.5 * np.median(envelope, axis=1, keepdims=True)).mean(axis=1)
    probes = {"duration": np.full(len(waves), waves.shape[1]), "band limit": band_limit, "active": active}
    for name, values in probes.items():
        assert abs(auroc(values.astype(np.float64), speech) - 0.5) < 0.1, name
    # Loudness is one number for all clips but for the rounding to 16 bits.
    loudness = np.sqrt((waves**2).mean(axis=1))
    assert np.ptp(loudness) < 1e-3 * loudness.mean()
    energy = (waves**2).sum(axis=1)
    assert abs(auroc(np.round(energy, 2), speech) - 0.5) < 0.1


def test_lengths_and_ratios_are_the_same_for_both_classes(clips: tuple[pd.DataFrame, Floats]) -> None:
    counts = clips[0].pivot_table(
        index=["snr_db", "event_ms"], columns="label", values="clip", aggfunc="size"
    )
    assert (counts["SPEECH"] == counts["NONSPEECH"]).all()
    assert len(counts) == 8


def test_there_are_eight_kinds_of_noise_and_a_speaker_a_group(clips: tuple[pd.DataFrame, Floats]) -> None:
    table = clips[0]
    assert table[table["label"] == "NONSPEECH"]["kind"].nunique() == 8
    assert table.groupby("group")["label"].nunique().eq(1).all()
    assert table["group"].nunique() == 32


def test_the_same_parameters_give_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    digests = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulated(tmp_path / name, seed, [2, 1], [2, 1])
        files = sorted((tmp_path / name / "audio").iterdir())
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]
