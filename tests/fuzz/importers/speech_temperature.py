"""The files that speech_temperature reads: logits of somebody's model, and clips with their manifest."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile

from storage.files.import_report import ImportReport
from storage.speech.audio import read_audio
from storage.speech.logit_values import Values
from storage.speech.logits import logit_columns
from storage.speech.manifests import read_manifest
from storage.speech.own_logits import LogitsFile, read_own_logits
from tests.fuzz.harness import Importer

LABELS = ["cat", "dog", "ship"]
SOUNDS = ["SPEECH", "NONSPEECH"]
ROWS, CLIPS = 30, 6
Write = Callable[[Path, np.random.Generator], None]
Read = Callable[[Path], Mapping[str, object]]


def rows(random: np.random.Generator, holds: Values = "logits") -> pd.DataFrame:
    values = random.normal(size=(ROWS, 3)).round(6)
    if holds == "probabilities":
        values = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
    prefix = "logit_" if holds == "logits" else "prob_"
    groups = np.arange(ROWS) // 3
    facts = pd.DataFrame(
        {
            "clip": [f"image {row}" for row in range(ROWS)],
            "group": [f"g{group}" for group in groups],
            "label": [LABELS[row % 3] for row in range(ROWS)],
            "split": ["dev" if group % 2 else "test" for group in groups],
            "snr": groups % 4 * 5,
        }
    )
    return pd.concat([facts, pd.DataFrame(values, columns=[prefix + name for name in LABELS])], axis=1)


def write_as(suffix: str, holds: Values = "logits") -> Write:
    def write(folder: Path, random: np.random.Generator) -> None:
        path, table = folder / f"logits{suffix}", rows(random, holds)
        if suffix == ".parquet":
            table.to_parquet(path)
        elif suffix.startswith(".jsonl"):
            table.to_json(path, orient="records", lines=True, double_precision=15)
        else:
            table.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")

    return write


def write_lists(folder: Path, random: np.random.Generator) -> None:
    lines = [
        json.dumps({"clip": row.clip, "group": row.group, "label": row.label, "split": row.split, "snr": row.snr,
                    "logits": [row.logit_cat, row.logit_dog, row.logit_ship]})
        for row in rows(random).itertuples()
    ]  # fmt: skip
    (folder / "logits.jsonl").write_text("\n".join(lines) + "\n")


def write_npz(folder: Path, random: np.random.Generator) -> None:
    table = rows(random)
    facts: Any = {name: np.array(table[name].tolist()) for name in ("clip", "group", "label", "split", "snr")}
    np.savez(folder / "logits.npz", logits=table[logit_columns(LABELS)].to_numpy(), **facts)


def read_as(suffix: str, holds: Values = "logits") -> Read:
    def read(folder: Path) -> Mapping[str, object]:
        stated = LogitsFile(LABELS, holds, 1.0, None, ["snr"], {42: None}, True)
        own = read_own_logits(folder / f"logits{suffix}", stated, ImportReport())
        values = [*logit_columns(LABELS), "split", "snr"]
        return {
            row["clip"]: (LABELS[row["label"]], *(_plain(row[name]) for name in values))
            for row in own.rows.to_dict("records")
        }

    return read


def _plain(value: object) -> str:
    """A condition is text in every row where it is in one: 5 is then '5'."""
    try:
        return str(float(str(value)))
    except ValueError:
        return str(value)


def write_clips(suffix: str) -> Write:
    def write(folder: Path, random: np.random.Generator) -> None:
        names = [f"clip_{row}" for row in range(CLIPS)]
        for name in names:
            soundfile.write(folder / f"{name}{suffix}", 0.1 * random.normal(size=800), 8000)
        table = pd.DataFrame(
            {
                "clip": names,
                "group": [f"g{row // 2}" for row in range(CLIPS)],
                "label": [SOUNDS[row % 2] for row in range(CLIPS)],
                "path": [name + suffix for name in names],
                "split": [("train", "dev", "test")[row // 2] for row in range(CLIPS)],
            }
        )
        table.to_csv(folder / "manifest.csv", index=False)

    return write


def read_clips(folder: Path) -> Mapping[str, object]:
    _, table, places = read_manifest(folder / "manifest.csv", SOUNDS, True, [])
    return {
        row["clip"]: (SOUNDS[row["label"]], row["group"], row["split"], read_audio(place).tobytes().hex())
        for row, place in zip(table.to_dict("records"), places, strict=True)
    }


def _logits(suffix: str, name: str, write: Write | None = None) -> Importer:
    return Importer(
        f"speech_temperature logits {name}", "speech_temperature", write or write_as(suffix), read_as(suffix)
    )


IMPORTERS = [
    _logits(".csv", "csv"),
    _logits(".tsv", "tsv"),
    _logits(".csv.gz", "csv.gz"),
    _logits(".parquet", "parquet"),
    _logits(".jsonl", "jsonl"),
    _logits(".jsonl", "jsonl lists", write_lists),
    _logits(".npz", "npz", write_npz),
    Importer(
        "speech_temperature probabilities csv", "speech_temperature", write_as(".csv", "probabilities"),
        read_as(".csv", "probabilities"),
    ),
    Importer(
        "speech_temperature manifest", "speech_temperature", write_clips(".wav"), read_clips, only=("manifest.csv",)
    ),
    Importer("speech_temperature wav", "speech_temperature", write_clips(".wav"), read_clips, only=("*.wav",)),
    Importer("speech_temperature flac", "speech_temperature", write_clips(".flac"), read_clips, only=("*.flac",)),
]  # fmt: skip
