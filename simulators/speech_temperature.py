"""Simulated clips: source-filter speakers against eight kinds of noise that borrow from speech, in a noise carrier."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from methods.statistics.streams import stream
from params.speech_temperature import Simulate
from storage.files.atomic import complete_folder
from storage.files.documents import write_json
from storage.files.tables import write_csv
from storage.speech.audio import RATE, write_audio

Floats = NDArray[np.float64]
Random = np.random.Generator
Maker = Callable[[Random, int], Floats]  # a speaker or a sound: n samples of a new event

LOUDNESS = 0.04  # root mean square of every clip
CREST = 5.0  # largest sample of an event over its root mean square: no click has to be cut off afterwards
FADE = int(0.01 * RATE)
# First three formants in Hz of an adult's vowels (after Peterson & Barney 1952), and a fourth.
VOWELS = np.array(
    [
        [270, 2290, 3010, 3700], [530, 1840, 2480, 3600], [660, 1720, 2410, 3500], [730, 1090, 2440, 3400],
        [570, 840, 2410, 3300], [300, 870, 2240, 3300], [640, 1190, 2390, 3400], [490, 1350, 1690, 3300],
    ],
    float,
)  # fmt: skip
WIDTHS = np.array([80.0, 100.0, 140.0, 200.0])


@dataclass(frozen=True)
class Voice:
    """pitch in Hz, tract: formants are multiplied by it, rate in syllables a second, tilt in dB an octave."""

    pitch: float
    tract: float
    rate: float
    tilt: float
    breath: float


def main(params: Simulate, data: Path) -> None:
    rows = []
    with complete_folder(data) as folder:
        for kind, sizes in (("SPEECH", params.speakers), ("NONSPEECH", params.sounds)):
            for number, clips in enumerate(sizes):
                rows += _group(params, folder, kind, number, clips)
        write_csv(folder / "manifest.csv", pd.DataFrame(rows))
        write_json(folder / "manifest.json", manifest(params))


def manifest(params: Simulate) -> dict[str, object]:
    """What made this data: compared with params.yaml and this file before anything is run on it."""
    return {
        "simulator": "speech_temperature",
        "params": params.model_dump(mode="json"),
        "code": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
    }


def _group(params: Simulate, folder: Path, label: str, number: int, clips: int) -> list[dict[str, object]]:
    """The clips of one speaker or sound: lengths and signal-to-noise ratios in turn, so that they tell no class."""
    source = stream(params.seed, f"{label} {number}")
    kinds = list(KINDS)
    kind = "speech" if label == "SPEECH" else kinds[number % len(kinds)]
    make = _speaker(source) if label == "SPEECH" else KINDS[kind](source, params.hard)
    conditions = [(ms, snr) for snr in params.snr_db for ms in params.event_ms]
    order = stream(params.seed, f"conditions {number}").permutation(len(conditions))
    group = f"{'speaker' if label == 'SPEECH' else kind}_{number:02d}"
    rows: list[dict[str, object]] = []
    for clip in range(clips):
        ms, snr = conditions[order[clip % len(conditions)]]
        random, name = stream(params.seed, f"{label} {number} {clip}"), f"{group}_{clip:02d}"
        event = make(random, int(ms * RATE / 1000))
        write_audio(folder / "audio" / f"{name}.wav", _in_carrier(event, snr, params.seconds, random))
        rows.append(
            {
                "clip": name, "label": label, "group": group, "path": f"audio/{name}.wav",
                "kind": kind, "snr_db": snr, "event_ms": ms,
            }
        )  # fmt: skip
    return rows


def _in_carrier(event: Floats, snr: float, seconds: float, random: Random) -> Floats:
    """The event somewhere in pink-like noise; the whole clip has one loudness whatever is in it."""
    n = int(seconds * RATE)
    carrier = _coloured(n, random.uniform(-5, -1), random)
    # A whisper of full-band noise 45 dB below, so that no kind of event ends at a frequency of its own.
    event = _faded(event + 10 ** (-45 / 20) * _rms(event) * random.normal(size=len(event)))[:n]
    peak = CREST * max(_rms(event), 1e-9)
    event = peak * np.tanh(event / peak)
    start = int(random.integers(0, n - len(event) + 1))
    span = slice(start, start + len(event))
    gain = 10 ** (snr / 20) * _rms(carrier[span]) / max(_rms(event), 1e-9)
    carrier[span] += gain * event
    return carrier / _rms(carrier) * LOUDNESS


def _speaker(random: Random) -> Maker:
    high = random.random() < 0.5
    pitch = random.uniform(165, 250) if high else random.uniform(85, 150)
    tract = random.uniform(1.05, 1.22) if high else random.uniform(0.88, 1.05)
    voice = Voice(pitch, tract, random.uniform(3.5, 6.5), random.uniform(-12, -6), random.uniform(0.01, 0.08))
    return lambda clip, n: _speech(voice, clip, n)


def _speech(voice: Voice, random: Random, n: int) -> Floats:
    """Syllables: a voiced vowel that glides to the next, mostly after a burst or hiss of a consonant."""
    length = max(int(RATE / voice.rate * random.uniform(0.85, 1.15)), 800)
    count = n // length + 2
    offset = int(random.integers(0, length // 2))
    place = (np.arange(n) + offset) / length
    vowels = VOWELS[random.integers(0, len(VOWELS), count + 1)] * voice.tract
    syllable, within = place.astype(int), place % 1.0
    glide = 0.5 - 0.5 * np.cos(np.pi * within)
    formants = vowels[syllable] * (1 - glide)[:, None] + vowels[syllable + 1] * glide[:, None]
    accents = random.uniform(0.85, 1.2, count + 1)
    pitch = voice.pitch * np.interp(place, np.arange(count + 1), accents) * (1.06 - 0.1 * np.arange(n) / n)
    voiced = np.clip(np.sin(np.pi * within) * 1.6 - 0.25, 0, 1)
    sound = voiced * _harmonics(pitch, formants, voice.tilt)
    sound += voice.breath * voiced * random.normal(size=n) * _rms(sound)
    for start in range(-offset, n, length):
        if random.random() < 0.75 and start >= 0:
            sound = _add(sound, _consonant(random, _rms(sound)), start)
    return sound


def _consonant(random: Random, loudness: float) -> Floats:
    hiss = random.random() < 0.5
    size = int(RATE * (random.uniform(0.05, 0.11) if hiss else random.uniform(0.01, 0.03)))
    low, high = (2500, 7500) if hiss else (700, 5000)
    noise = _band(random.normal(size=size + 200), low, high)[200:]
    return noise / max(_rms(noise), 1e-9) * loudness * random.uniform(0.4, 0.9) * np.hanning(size)


def _harmonics(pitch: Floats, formants: Floats, tilt: float) -> Floats:
    """Harmonics of a gliding pitch under the envelope of the formants (n, 4) and a tilt: a source and a filter."""
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    sound = np.zeros(len(pitch))
    for number in range(1, int(min(7000 / pitch.min(), 45)) + 1):
        frequency = number * pitch
        nearness = (frequency[:, None] - formants) / WIDTHS
        envelope = (np.array([1.0, 0.7, 0.4, 0.25]) / (1 + nearness**2)).sum(axis=1) + 0.01
        audible = frequency < 7600
        sound += audible * envelope * number ** (tilt / 6.02) * 4 * np.sin(number * phase)
    return sound


def _baby(random: Random, hard: float) -> Maker:
    pitch = random.uniform(330, 480) * (1 - 0.25 * hard)
    tract, period = random.uniform(1.35, 1.6), random.uniform(0.5, 0.9)

    def cry(clip: Random, n: int) -> Floats:
        time = np.arange(n) / RATE + clip.uniform(0, period)
        arch = np.sin(np.pi * ((time / period) % 1.0))
        wobble = 1 + 0.03 * np.sin(2 * np.pi * clip.uniform(5, 8) * time)
        vowel = VOWELS[clip.integers(0, 8)] * tract
        return np.sqrt(arch) * _harmonics(pitch * (0.85 + 0.3 * arch) * wobble, np.tile(vowel, (n, 1)), -5.0)

    return cry


def _music(random: Random, hard: float) -> Maker:
    root, tempo, tilt = random.uniform(110, 220), random.uniform(2.5, 5.0), random.uniform(-10, -5)
    body = VOWELS[random.integers(0, 8)]

    def play(clip: Random, n: int) -> Floats:
        place = (np.arange(n) / RATE + clip.uniform(0, 1)) * tempo
        notes = root * 2 ** (clip.choice([0, 2, 4, 5, 7, 9, 12], int(place[-1]) + 2) / 12)
        pitch, formants = notes[place.astype(int)], np.tile(body, (n, 1))
        decay = np.exp(-2.0 * (place % 1.0))
        third = 0.6 * _harmonics(pitch * 1.26, formants, tilt) if hard < 1 else 0.0
        return decay * (_harmonics(pitch, formants, tilt) + third)

    return play


def _engine(random: Random, hard: float) -> Maker:
    pitch, tilt = random.uniform(70, 140), random.uniform(-9, -5)
    body = VOWELS[random.integers(0, 8)]

    def run(clip: Random, n: int) -> Floats:
        time = np.arange(n) / RATE
        revs = pitch * (1 + 0.15 * np.sin(2 * np.pi * clip.uniform(0.3, 1.5) * time + clip.uniform(0, 6)))
        throb = 1 - 0.5 * hard * (0.5 + 0.5 * np.sin(2 * np.pi * clip.uniform(3, 6) * time))
        return throb * (_harmonics(revs, np.tile(body, (n, 1)), tilt) + 0.5 * clip.normal(size=n))

    return run


def _alarm(random: Random, hard: float) -> Maker:
    low, high, speed = random.uniform(300, 600), random.uniform(900, 1800), random.uniform(1.5, 4.0)

    def ring(clip: Random, n: int) -> Floats:
        time = np.arange(n) / RATE
        pitch = low + (high - low) * (0.5 + 0.5 * np.sin(2 * np.pi * speed * time + clip.uniform(0, 6)))
        formants = np.tile(VOWELS[0] * 1.1, (n, 1))
        gate = 1 - hard * 0.4 * (np.sin(9 * speed * time) > 0)
        return np.asarray(_harmonics(pitch, formants, -4.0) * gate)

    return ring


def _dog(random: Random, hard: float) -> Maker:
    pitch, tract, period = random.uniform(180, 420), random.uniform(0.8, 1.1), random.uniform(0.22, 0.45)

    def bark(clip: Random, n: int) -> Floats:
        place = (np.arange(n) / RATE + clip.uniform(0, period)) / period % 1.0
        shape = np.exp(-9 * place) * (1 - np.exp(-80 * place))
        voiced = _harmonics(pitch * (1.25 - 0.5 * place), np.tile(VOWELS[3] * tract, (n, 1)), -7.0)
        return np.asarray(shape * (voiced + (1.2 - hard) * clip.normal(size=n)))

    return bark


def _rain(random: Random, hard: float) -> Maker:
    low, high, drops = random.uniform(500, 1500), random.uniform(4000, 7500), random.uniform(20, 90)

    def fall(clip: Random, n: int) -> Floats:
        sparks = (clip.random(n) < drops / RATE) * clip.uniform(3, 12, n)
        return _band(clip.normal(size=n) + 6 * sparks, low, high)

    return fall


def _keys(random: Random, hard: float) -> Maker:
    pace, ring, centre = random.uniform(4, 9), random.uniform(0.01, 0.04), random.uniform(900, 3000)

    def type_(clip: Random, n: int) -> Floats:
        sound = 0.02 * clip.normal(size=n)
        at = int(clip.uniform(0, RATE / pace / 2))
        while at < n:
            time = np.arange(min(int(6 * ring * RATE), n - at)) / RATE
            click = np.exp(-time / ring) * (np.sin(2 * np.pi * centre * time) + clip.normal(size=len(time)))
            sound[at : at + len(time)] += clip.uniform(0.5, 1.2) * click
            at += int(RATE / pace * clip.uniform(0.6, 1.5))
        return sound

    return type_


def _babble(random: Random, hard: float) -> Maker:
    """Noise under the envelope and the formants of speech: what is left of speech without its pitch."""
    tract, rate = random.uniform(0.85, 1.25), random.uniform(3.0, 6.5)

    def murmur(clip: Random, n: int) -> Floats:
        place = (np.arange(n) / RATE + clip.uniform(0, 1)) * rate
        sound = np.zeros(n)
        for formant, width in zip(VOWELS[clip.integers(0, 8)] * tract, WIDTHS * 3, strict=True):
            sound += _band(clip.normal(size=n), max(formant - width, 60), min(formant + width, 7800))
        return sound * (1 - hard + hard * np.clip(np.sin(np.pi * (place % 1.0)) * 1.6 - 0.25, 0, 1))

    return murmur


# In this order, so that the first three hold voiced and unvoiced, steady and moving ones.
KINDS: dict[str, Callable[[Random, float], Maker]] = {
    "baby": _baby, "engine": _engine, "music": _music, "rain": _rain,
    "babble": _babble, "alarm": _alarm, "keys": _keys, "dog": _dog,
}  # fmt: skip


def _coloured(n: int, slope: float, random: Random) -> Floats:
    """Noise whose power falls by `slope` dB an octave."""
    spectrum = np.fft.rfft(random.normal(size=n))
    frequency = np.maximum(np.fft.rfftfreq(n, 1 / RATE), 40)
    return np.asarray(np.fft.irfft(spectrum * (frequency / 1000) ** (slope / 6.02), n))


def _band(sound: Floats, low: float, high: float) -> Floats:
    return np.asarray(sosfilt(butter(2, [low, high], "bandpass", fs=RATE, output="sos"), sound))


def _add(sound: Floats, part: Floats, start: int) -> Floats:
    end = min(start + len(part), len(sound))
    sound[start:end] += part[: end - start]
    return sound


def _faded(sound: Floats) -> Floats:
    ramp = np.minimum(np.arange(len(sound)) / FADE, 1.0)
    return sound * ramp * ramp[::-1]


def _rms(sound: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(sound)))) if len(sound) else 0.0
