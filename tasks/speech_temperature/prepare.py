"""Read the clips and split them by group with exact counts, or read the logits of a model of the user's."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.audio.carrier import in_carrier, of_length
from methods.splits.group_split import Quota, exact_group_split
from methods.splits.row_splits import group_split
from params.speech_temperature import Audio, GroupSplit, Logits, Prepare, RandomSplit
from storage.files.arrays import write_arrays
from storage.files.atomic import complete_folder
from storage.files.content import row_digests
from storage.files.documents import write_json
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError
from storage.files.places import declared
from storage.files.tables import write_parquet
from storage.speech.audio import RATE, read_audio
from storage.speech.copies import joined_copies
from storage.speech.logits import answer_names
from storage.speech.manifests import SPLITS, read_manifest
from storage.speech.own_logits import LogitsFile, read_own_logits

PARAMS = "speech_temperature.prepare"
SPLIT = f"{PARAMS}.split"
SHOWN = 6  # shortages that one message names


def main(params: Prepare, data: Path, clips: Path, prepared: Path, inputs: Path) -> None:
    report, facts = ImportReport(), dict[str, Any]()
    with complete_folder(inputs) as folder:
        match params:
            case Audio():
                path = declared(data, params.manifest, f"{PARAMS}.manifest")
                table, waves = _audio(params, path, report)
                write_arrays(folder / "waves.npz", {"waves": waves})
                _check_classes(path, table, params.labels, SPLITS)
                facts = {"labels": params.labels}
            case Logits():
                path = declared(data, params.logits, f"{PARAMS}.logits")
                rows, facts = _logits(params, path, report)
                write_parquet(folder / "logits.parquet", rows)
                table = rows.drop_duplicates("clip").reset_index(drop=True)
                _check_classes(path, table, facts["labels"], SPLITS[1:])
    if any(report.counts().values()):
        facts["noted"] = report.lines()
        sys.stdout.write("\n".join(report.lines()) + "\n")
    write_parquet(clips, table[["clip", "group", "label", "split", *params.conditions]])
    write_json(prepared, {"kind": params.kind, **facts, "splits": _snapshot(table, facts["labels"])})


def _logits(params: Logits, path: Path, report: ImportReport) -> tuple[pd.DataFrame, dict[str, Any]]:
    stated = params.model_dump(include=set(LogitsFile.__dataclass_fields__))
    own = read_own_logits(path, LogitsFile(**stated, with_split=params.split.by == "column"), report)
    rows = own.rows
    if isinstance(params.split, RandomSplit):
        try:
            dev = group_split(rows["group"], params.split.dev, params.split.seed)
        except ValueError as error:
            raise InputError(path, f"{error}; there is one alone", field="group") from None
        rows["split"] = np.where(dev, "dev", "test")
    return rows, {
        "labels": own.labels,
        "runs": list(params.seeds),
        "grouped": own.grouped,
        "split": params.split.model_dump(),
    }


def _audio(params: Audio, path: Path, report: ImportReport) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    made = () if params.embed is None else ("snr_db", "event_ms")
    described = [name for name in params.conditions if name not in made]
    file, table, places = read_manifest(path, params.labels, params.split.by == "column", described)
    rows = [file.row(position) for position in range(len(table))]
    conditions = _conditions(params, table)
    waves, contents = [], []
    for position, (place, row) in enumerate(zip(places, rows, strict=True)):
        wave = read_audio(place, row)
        contents += row_digests(wave[None])
        if params.embed is None:
            waves.append(of_length(wave, int(params.seconds * RATE)).copy())
            continue
        ms, snr = conditions[position]
        seed = params.embed.seed * len(table) + position
        try:
            waves.append(in_carrier(wave, RATE, params.seconds, ms / 1000, snr, seed))
        except ValueError as error:
            raise InputError(
                path,
                f"{table['clip'].iloc[position]}: {error}; leave it out, or shorten embed.event_ms",
                row=row,
            ) from None
    table = joined_copies(path, table, rows, contents, "sound", report)
    if params.embed is not None:
        table["event_ms"], table["snr_db"] = zip(*conditions, strict=True)
    if isinstance(params.split, GroupSplit):
        table["split"] = _split(path, table, params.split, params.labels)
    return table, np.stack(waves)


def _conditions(params: Audio, table: pd.DataFrame) -> list[tuple[int, float]]:
    """(event_ms, snr_db) of each clip, in turn within its class; none without `embed`."""
    if params.embed is None:
        return []
    conditions = [(ms, snr) for snr in params.embed.snr_db for ms in params.embed.event_ms]
    return [conditions[turn % len(conditions)] for turn in table.groupby("label").cumcount()]


def _split(path: Path, table: pd.DataFrame, split: GroupSplit, labels: list[str]) -> NDArray[np.str_]:
    stated = {name: getattr(split, name) for name in SPLITS}
    quotas = {name: Quota(quota.clips, quota.groups) for name, quota in stated.items()}
    names = np.array(labels)[table["label"]]
    try:
        return exact_group_split(table["group"], names, quotas, split.seed)
    except ValueError as error:
        raise InputError(path, f"{error}; change {SPLIT} in params.yaml", field="group") from None


def _check_classes(path: Path, table: pd.DataFrame, labels: list[str], splits: tuple[str, ...]) -> None:
    """Both of two classes in every split; of more, any two. One message tells all that is short."""
    short = []
    for split in splits:
        there = set(table["label"][table["split"] == split])
        missing = [label for number, label in enumerate(labels) if number not in there]
        if len(labels) == 2:
            short += [f"no {label} clip in {split}" for label in missing]
        elif len(there) < 2:
            short.append(f"{len(there)} of {len(labels)} classes in {split}")
    if short:
        more = f" and {len(short) - SHOWN} more" if len(short) > SHOWN else ""
        raise InputError(
            path, f"{'; '.join(short[:SHOWN])}{more}: two classes are needed there; add some, or change {SPLIT}",
            field="split",
        )  # fmt: skip


def _snapshot(table: pd.DataFrame, labels: list[str]) -> dict[str, dict[str, int]]:
    """Clips and groups per split, in all and of each of two answers; of more classes, how many occur and the rows of
    the rarest."""
    found = {}
    for split in SPLITS:
        part = table[table["split"] == split]
        if part.empty:
            continue
        found[split] = {"clips": len(part), "groups": part["group"].nunique()}
        if len(labels) > 2:
            counts = part["label"].value_counts()
            found[split] |= {"classes": len(counts), "rarest": int(counts.min())}
            continue
        for number, answer in enumerate(answer_names(labels)):
            of = part[part["label"] == number]
            found[split] |= {f"clips_{answer}": len(of), f"groups_{answer}": of["group"].nunique()}
    return found
