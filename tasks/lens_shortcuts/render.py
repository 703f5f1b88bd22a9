"""The stamps of one mode: rendered from the manifest with their placebos and planted leaks, or the user's own."""

import sys
from collections.abc import Iterator
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
from storage.growing_stamps import GrowingSets
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
    rows = pd.concat([rows[rows["split"] == split] for split in SPLITS], ignore_index=True)
    with complete_folder(stamps) as folder:
        sets: dict[str, dict[str, int]] = {}
        if option not in facts["modes"]:
            sys.stdout.write(f"{option}: not given, as prepare.modes names {', '.join(facts['modes'])}\n")
        elif facts["kind"] == "own":
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
    leaks = _leaks(params, option, facts["modes"], images is not None)
    device = _device(params.device)
    scenes = Scenes(images, params.gain, params.supersampling, device)
    inputs = (sampled, *([data / facts["hosts"]] if facts["hosts"] else []))
    finished = Finished(f"lens_shortcuts_render@{option}", inputs, {**params.model_dump(), "on": device})
    growing = {
        split: GrowingSets(
            finished.folder, _sets(params, leaks, split), split, int((rows["split"] == split).sum())
        )
        for split in SPLITS
    }
    for split, sets in growing.items():
        _fill(sets, scenes, params, rows[rows["split"] == split], _sets(params, leaks, split), leaks)
    for sets in growing.values():
        sets.move(folder)
    finished.forget()
    return {
        name: {split: sets.count for split, sets in growing.items() if name in _sets(params, leaks, split)}
        for name in dict.fromkeys(name for split in SPLITS for name in _sets(params, leaks, split))
    }


def _sets(params: Render, leaks: dict[str, Leak], split: str) -> list[str]:
    planted_here = leaks if split == params.leak_split else {}
    return [ARCS, *([PLACEBO] if split in params.placebo else []), *planted_here]


def _fill(
    sets: GrowingSets,
    scenes: Scenes,
    params: Render,
    rows: pd.DataFrame,
    names: list[str],
    leaks: dict[str, Leak],
) -> None:
    """Shard by shard, on from where a killed run left off."""
    split = rows["split"].iloc[0]
    if 0 < sets.filled < sets.count:
        sys.stdout.write(f"{split}: goes on after {sets.filled} of {sets.count} stamps\n")
    while sets.filled < sets.count:
        shard = rows.iloc[sets.filled : sets.filled + params.shard]
        sets.add(_shard(scenes, params, shard, names, leaks))
    sys.stdout.write(f"{split}: {sets.count} stamps of {', '.join(names)}\n")


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


def _leaks(params: Render, option: str, modes: list[str], pictures: bool) -> dict[str, Leak]:
    """Planted sets of this mode; those that pictures cannot show are refused."""
    if params.leak is not None and params.leaks:
        raise InputError(
            PARAMS, "a leak planted into all stamps and sets with one leak each exclude each other: empty one",
            field="lens_shortcuts.render.leaks",
        )  # fmt: skip
    if params.leaks and params.leak_mode not in modes:
        raise InputError(
            PARAMS, f"{params.leak_mode} stamps are not given (prepare.modes: {', '.join(modes)}): name a mode that is",
            field="lens_shortcuts.render.leak_mode",
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
