"""Read the clips and split them by group with exact counts, or read the logits of a model of the user's."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.audio.carrier import in_carrier, of_length
from methods.splits.group_split import Quota, exact_group_split
from params.speech_temperature import Audio, GroupSplit, Logits, Prepare
from storage.files.arrays import write_arrays
from storage.files.atomic import complete_folder
from storage.files.documents import write_json
from storage.files.inputs import InputError
from storage.files.tables import write_parquet
from storage.speech.audio import RATE, read_audio
from storage.speech.logits import read_logits
from storage.speech.manifests import SPLITS, read_manifest

CONDITIONS = ("kind", "snr_db", "event_ms")


def main(params: Prepare, data: Path, clips: Path, prepared: Path, inputs: Path) -> None:
    with complete_folder(inputs) as folder:
        match params:
            case Audio():
                table, waves = _audio(params, data)
                write_arrays(folder / "waves.npz", {"waves": waves})
            case Logits():
                rows = read_logits(data / params.logits, params.labels, params.temperature)
                table = rows.drop_duplicates("clip").reset_index(drop=True)
                write_parquet(folder / "logits.parquet", rows)
        _check_classes(data, table, params.labels)
    write_parquet(clips, table[["clip", "group", "label", "split", *(c for c in CONDITIONS if c in table)]])
    write_json(prepared, {"kind": params.kind, "labels": params.labels, "splits": _snapshot(table)})


def _audio(params: Audio, data: Path) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    path = data / params.manifest
    table = read_manifest(path, params.labels, params.split.by == "column")
    for name in ("snr_db", "event_ms"):
        if name in table:
            table[name] = _numbers(path, table[name])
    if isinstance(params.split, GroupSplit):
        table["split"] = _split(path, table, params.split, params.labels)
    waves = [read_audio(data / file, row) for row, file in enumerate(table["path"], 2)]
    if params.embed is None:
        return table, np.stack([of_length(wave, int(params.seconds * RATE)) for wave in waves])
    conditions = [(ms, snr) for snr in params.embed.snr_db for ms in params.embed.event_ms]
    turn = table.groupby("label").cumcount().to_numpy() % len(conditions)
    table["event_ms"] = [conditions[i][0] for i in turn]
    table["snr_db"] = [conditions[i][1] for i in turn]
    embedded = []
    for row, (wave, i) in enumerate(zip(waves, turn, strict=True)):
        ms, snr = conditions[i]
        seed = params.embed.seed * len(waves) + row
        try:
            embedded.append(in_carrier(wave, RATE, params.seconds, ms / 1000, snr, seed))
        except ValueError as error:
            raise InputError(
                path, f"{table['clip'][row]}: {error}; leave it out, or shorten embed.event_ms", row=row + 2
            ) from None
    return table, np.stack(embedded)


def _numbers(path: Path, column: "pd.Series[str]") -> "pd.Series[float]":
    values = pd.to_numeric(column, errors="coerce")
    if values.isna().any():
        row = int(np.flatnonzero(values.isna())[0])
        raise InputError(path, f"expected a number, got {column[row]!r}", row=row + 2, field=str(column.name))
    return values


def _split(path: Path, table: pd.DataFrame, split: GroupSplit, labels: list[str]) -> NDArray[np.str_]:
    stated = {name: getattr(split, name) for name in SPLITS}
    quotas = {name: Quota(quota.clips, quota.groups) for name, quota in stated.items()}
    names = np.array(labels)[table["label"]]
    try:
        return exact_group_split(table["group"], names, quotas, split.seed)
    except ValueError as error:
        raise InputError(
            path, f"{error}; change speech_temperature.prepare.split in params.yaml", field="group"
        ) from None


def _check_classes(data: Path, table: pd.DataFrame, labels: list[str]) -> None:
    for split in SPLITS:
        there = set(table["label"][table["split"] == split])
        for number, label in enumerate(labels):
            if number not in there:
                raise InputError(
                    data,
                    f"no {label} clip in {split}: both classes are needed there; add some, or change the split",
                    field="split",
                )


def _snapshot(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Clips and groups per split, in all and of each answer."""
    found = {}
    for split in SPLITS:
        part = table[table["split"] == split]
        found[split] = {"clips": len(part), "groups": part["group"].nunique()}
        for answer, number in (("A", 0), ("B", 1)):
            of = part[part["label"] == number]
            found[split] |= {f"clips_{answer}": len(of), f"groups_{answer}": of["group"].nunique()}
    return found
