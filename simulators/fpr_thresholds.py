"""Simulated dated messages: crypto, scam, promo or clean, with drift and a pool the model was trained on."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from methods.statistics.streams import stream
from params.fpr_thresholds import CleanPool, Counts, Simulate
from storage.files.atomic import complete_folder
from storage.files.documents import write_json, write_text

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 300
VOCABULARY = 500
GENERAL_VOCABULARY = 4000
# A label's vocabulary opens with these, so that messages look like messages; the rest is made of syllables.
SPOKEN = {
    "crypto": "usdt btc wallet token airdrop exchange coin binance stake ledger eth trade chain".split(),
    "scam": "profit guaranteed daily income deposit dm admin urgent verify account double payout".split(),
    "promo": "sale discount follow subscribe offer deal code shop free link channel join".split(),
    "general": "the a to and you is in it for of on we my what not this be have are with".split(),
}
SYLLABLES = [c + v for c in "bcdfghjklmnprstvwz" for v in ("a", "e", "i", "o", "u", "ai", "en", "or")]
OBFUSCATED = 0.05


@dataclass(frozen=True)
class Message:
    text: str
    labels: tuple[str, ...]
    day: float


def main(params: Simulate, data: Path) -> None:
    world = World(params)
    train = world.messages("train", params.train, (0.0, 0.8), repeats=0.03)
    calibration = world.messages("calibration", params.calibration, (0.8, 0.9))
    holdout = world.messages("holdout", params.holdout, (0.9, 1.0))
    valid = world.messages("valid", params.valid, (0.05, 0.8))
    pools = {name: world.pool(name, pool, train, calibration, holdout) for name, pool in params.pools.items()}
    with complete_folder(data) as folder:
        _write(folder / "messages.jsonl", "m", train + calibration + holdout)
        _write(folder / "valid.jsonl", "v", valid)
        for name, pool in pools.items():
            _write(folder / f"{name}.jsonl", name, pool)
        _write(folder / "hard_negatives.jsonl", "hn", world.hard_negatives(params.hard_negatives, train))
        write_json(folder / "manifest.json", manifest(params))


def manifest(params: Simulate) -> dict[str, object]:
    """What made this data: compared with params.yaml and this file before anything is run on it."""
    return {
        "simulator": "fpr_thresholds",
        "params": params.model_dump(mode="json"),
        "code": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
    }


class World:
    """The vocabularies, and one counter-based random stream per set of messages."""

    def __init__(self, params: Simulate) -> None:
        self.params = params
        words = stream(self.params.seed, "vocabulary")
        self.vocabularies = {
            name: _vocabulary(spoken, GENERAL_VOCABULARY if name == "general" else VOCABULARY, words)
            for name, spoken in SPOKEN.items()
        }

    def messages(
        self, purpose: str, counts: Counts, period: tuple[float, float], repeats: float = 0.0
    ) -> list[Message]:
        """`counts` messages spread over the `period` (shares of the whole time), sorted by time."""
        random = stream(self.params.seed, purpose)
        label_sets = _label_sets(counts, random)
        days = np.sort(random.uniform(*period, len(label_sets))) * DAYS
        made: list[Message] = []
        for labels, day in zip(label_sets, days, strict=True):
            earlier = [m for m in made[-200:] if m.labels == labels] if random.random() < repeats else []
            text = (
                earlier[int(random.integers(len(earlier)))].text
                if earlier
                else self._text(labels, day, random)
            )
            made.append(Message(text, labels, float(day)))
        return made

    def pool(
        self,
        name: str,
        pool: CleanPool,
        train: list[Message],
        calibration: list[Message],
        holdout: list[Message],
    ) -> list[Message]:
        """Clean rows, of which a share was trained on and some stand in calibration and holdout too."""
        random = stream(self.params.seed, name)
        trained = [m for m in train if not m.labels]
        rows = _some([m for m in calibration if not m.labels], pool.overlap_calibration, random)
        rows += _some([m for m in holdout if not m.labels], pool.overlap_holdout, random)
        rows += _some(
            trained, min(len(trained), round(pool.from_training * (pool.clean - len(rows)))), random
        )
        fresh = pool.clean - len(rows)
        rows += self.messages(f"{name} fresh", Counts(rows=fresh, clean=fresh, labels={}), (0.0, 0.8))
        rows += _some([m for m in train if m.labels], pool.labelled, random)
        return sorted(rows, key=lambda m: (m.day, m.text))

    def hard_negatives(self, count: int, train: list[Message]) -> list[Message]:
        """Clean messages about the labels' subjects; half of them stand in train."""
        random = stream(self.params.seed, "hard negatives")
        days = np.sort(random.uniform(0.0, 0.8, count - count // 2)) * DAYS
        fresh = [Message(self._text((), day, random, hard=True), (), float(day)) for day in days]
        return sorted(
            fresh + _some([m for m in train if not m.labels], count // 2, random),
            key=lambda m: (m.day, m.text),
        )

    def _text(
        self, labels: tuple[str, ...], day: float, random: np.random.Generator, hard: bool | None = None
    ) -> str:
        if random.random() < self.params.label_noise:
            labels = () if labels else ("scam",)
        muted = min((self.params.mutes.get(label, 1.0) for label in labels), default=1.0)
        signal = {
            label: self.params.signal[label] * (1.0 if label in self.params.mutes else muted)
            for label in labels
        }
        if not labels and (hard or (hard is None and random.random() < self.params.hard_clean)):
            # A clean message about the same subject, with fewer of the telling words.
            signal = {"crypto": 0.16, "scam": 0.06}
        words = []
        for _ in range(int(random.integers(6, 26))):
            at, topic = random.random(), "general"
            for label, share in signal.items():
                if (at := at - share) < 0:
                    topic = label
                    break
            words.append(self._word(topic, day, random))
        text = " ".join(words)
        if "scam" in labels and random.random() < OBFUSCATED:
            text = "\u200b".join(text.split(" ", 1)).upper()
        return text

    def _word(self, topic: str, day: float, random: np.random.Generator) -> str:
        """Zipf-like ranks over a window of the vocabulary that moves with time."""
        vocabulary = self.vocabularies[topic]
        rank = int(len(vocabulary) ** random.random()) - 1
        shift = (
            int(self.params.drift * len(vocabulary) * day / DAYS)
            if random.random() < self.params.drift
            else 0
        )
        return vocabulary[(rank + shift) % len(vocabulary)]


def _vocabulary(spoken: list[str], size: int, random: np.random.Generator) -> list[str]:
    words = dict.fromkeys(spoken)
    while len(words) < size:
        parts = random.integers(len(SYLLABLES), size=int(random.integers(2, 5)))
        words["".join(SYLLABLES[part] for part in parts)] = None
    return list(words)


def _label_sets(counts: Counts, random: np.random.Generator) -> list[tuple[str, ...]]:
    """Label sets in random order with exactly these counts; each label covers bare rows first, then any."""
    labelled = counts.rows - counts.clean
    carries: list[list[str]] = [[] for _ in range(labelled)]
    for name, wanted in counts.labels.items():
        bare = [row for row in carries if not row]
        taken = [row for row in carries if row]
        for row in [*bare, *(taken[i] for i in random.permutation(len(taken)))][:wanted]:
            row.append(name)
    if not all(carries) or any(wanted > labelled for wanted in counts.labels.values()):
        raise ValueError(f"label counts {counts.labels} do not fit {labelled} labelled rows")
    sets = [tuple(row) for row in carries] + [()] * counts.clean
    return [sets[i] for i in random.permutation(len(sets))]


def _some(messages: list[Message], count: int, random: np.random.Generator) -> list[Message]:
    return [messages[i] for i in np.sort(random.permutation(len(messages))[:count])]


def _write(path: Path, prefix: str, messages: list[Message]) -> None:
    rows = (
        {
            "id": f"{prefix}{number:05d}",
            "text": message.text,
            "labels": list(message.labels),
            "collected_at": (START + timedelta(days=message.day)).isoformat(timespec="seconds"),
        }
        for number, message in enumerate(messages)
    )
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
