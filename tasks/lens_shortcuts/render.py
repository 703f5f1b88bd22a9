"""The stamps of one mode: rendered from the manifest with their placebos and planted leaks, or the user's own."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from methods import lens_exposure
from params.lens_shortcuts import Leak, Render
from storage.atomic import complete_folder
from storage.documents import read_json
from storage.finished import Finished
from storage.host_images import read_stored_images
from storage.inputs import InputError
from storage.own_stamps import read_own_stamps
from storage.stamps import ARCS, LEAK, PLACEBO, SHAPE, SPLITS, new_set, write_description
from storage.tables import read_parquet
from tasks.lens_shortcuts.planted import planted, touched
from tasks.lens_shortcuts.scenes import Scenes

PARAMS = Path("params.yaml")
Stored = NDArray[np.float16]


def main(params: Render, option: str, data: Path, sampled: Path, prepared: Path, stamps: Path) -> None:
    facts = read_json(prepared)
    rows = read_parquet(sampled)
    rows = rows[rows["mode"] == option]
    if not len(rows):
        raise InputError(
            data,
            f"no row of the manifest has mode {option}; take it out of the matrices in dvc.yaml",
            field="mode",
        )
    rows = pd.concat([rows[rows["split"] == split] for split in SPLITS], ignore_index=True)
    with complete_folder(stamps) as folder:
        if facts["kind"] == "own":
            sets = _own(facts, data, rows, folder)
        else:
            sets = _rendered(params, option, facts, data, sampled, rows, folder)
        write_description(folder, rows, {"mode": option, "kind": facts["kind"], "sets": sets})


# --- rendered ---------------------------------------------------------------------------------------------------


def _rendered(
    params: Render,
    option: str,
    facts: dict[str, Any],
    data: Path,
    sampled: Path,
    rows: pd.DataFrame,
    folder: Path,
) -> dict[str, dict[str, int]]:
    images = read_stored_images(data / facts["hosts"]) if facts["hosts"] else None
    leaks = _leaks(params, option, images is not None)
    device = _device(params.device)
    scenes = Scenes(images, params.gain, params.supersampling, device)
    inputs = (sampled, *([data / facts["hosts"]] if facts["hosts"] else []))
    finished = Finished(f"lens_shortcuts_render@{option}", inputs, {**params.model_dump(), "on": device})
    sets: dict[str, dict[str, int]] = {}
    for split in SPLITS:
        part = rows[rows["split"] == split]
        names = [ARCS, *([PLACEBO] if split in params.placebo else [])]
        names += list(leaks) if split == params.leak_split else []
        arrays = {name: new_set(folder, name, split, len(part)) for name in names}
        for start in range(0, len(part), params.shard):
            shard = part.iloc[start : start + params.shard]
            made = finished.unit(
                f"{split}_{start:07d}",
                partial(_shard, scenes, params, shard, names, leaks),
            )
            for name, pixels in made.items():
                arrays[name][start : start + len(shard)] = pixels
        for name, array in arrays.items():
            array.flush()
            sets.setdefault(name, {})[split] = len(part)
        sys.stdout.write(f"{split}: {len(part)} stamps of {', '.join(names)}\n")
    finished.forget()
    return sets


def _shard(
    scenes: Scenes, params: Render, rows: pd.DataFrame, names: list[str], leaks: dict[str, Leak]
) -> dict[str, Stored]:
    made = {name: np.empty((len(rows), *SHAPE), np.float16) for name in names}
    for start in range(0, len(rows), params.chunk):
        chunk = slice(start, start + params.chunk)
        for name, pixels in _chunk(scenes, params, rows.iloc[chunk], names, leaks):
            made[name][chunk] = lens_exposure.stored(pixels)
    return made


def _chunk(
    scenes: Scenes, params: Render, rows: pd.DataFrame, names: list[str], leaks: dict[str, Leak]
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Each set from one exposure of the hosts; a planted leak is rendered anew where it changes a row."""
    everywhere = planted(rows, params.leak, params.supersampling)
    hosts = scenes.hosts(rows, everywhere)
    yield ARCS, scenes.with_arcs(rows, hosts, everywhere)
    if PLACEBO in names:
        yield PLACEBO, hosts
    for name, leak in leaks.items():
        if name in names:
            changed = np.flatnonzero(touched(rows, leak, params.supersampling))
            found = hosts.copy()
            if len(changed):
                part = rows.iloc[changed]
                found[changed] = scenes.hosts(part, planted(part, leak, params.supersampling))
            yield name, found


def _leaks(params: Render, option: str, pictures: bool) -> dict[str, Leak]:
    """Planted sets of this mode; those that pictures cannot show are refused."""
    if params.leak is not None and params.leaks:
        raise InputError(
            PARAMS, "a leak planted into all stamps and sets with one leak each exclude each other: empty one",
            field="lens_shortcuts.render.leaks",
        )  # fmt: skip
    for name, leak in (("leak", params.leak), *params.leaks.items()):
        needs_light = leak is not None and (
            leak.core_magnitude is not None
            or leak.supersampling is not None
            or leak.centring
            or leak.shotless
        )
        if pictures and needs_light:
            raise InputError(
                PARAMS, f"{name}: hosts that are pictures can only be made brighter (host_magnitude)",
                field="lens_shortcuts.render",
            )  # fmt: skip
    if option != params.leak_mode:
        return {}
    return {f"{LEAK}{name}": leak for name, leak in params.leaks.items()}


def _device(wanted: str) -> str:
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError(
            PARAMS, "cuda is wanted but there is none here", field="lens_shortcuts.render.device"
        )
    return wanted


# --- the user's own ---------------------------------------------------------------------------------------------


def _own(facts: dict[str, Any], data: Path, rows: pd.DataFrame, folder: Path) -> dict[str, dict[str, int]]:
    sources = {ARCS: facts["stamps"], **({PLACEBO: facts["placebo"]} if facts["placebo"] else {})}
    sets: dict[str, dict[str, int]] = {}
    for name, source in sources.items():
        stamps = read_own_stamps(data / source, facts["array"], facts["zero_point"], facts["rows"])
        for split in SPLITS:
            part = rows[rows["split"] == split]
            array = new_set(folder, name, split, len(part))
            for i, (stamp, row) in enumerate(zip(part["stamp"], part["row"], strict=True)):
                array[i] = stamps.pixels(stamp, int(row))
            array.flush()
            sets.setdefault(name, {})[split] = len(part)
    return sets
