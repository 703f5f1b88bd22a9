"""The sets of stamps of one mode, for any rows of the manifest: rendered, with their placebos, or the user's own."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.lenses import exposure as lens_exposure
from params.lens_shortcuts import Leak, Render
from storage.files.finished import Finished
from storage.files.import_report import ImportReport
from storage.files.tables import read_parquet
from storage.lenses.growing_stamps import GrowingSets
from storage.lenses.host_images import read_stored_images
from storage.lenses.own_stamps import read_own_stamps, stamp_rows
from storage.lenses.stamps import ARCS, PLACEBO, SHAPE, SPLITS, new_set, write_description
from tasks.lens_shortcuts.model.devices import chosen_device
from tasks.lens_shortcuts.model.planted_leaks import leak_effect, rows_with_effect
from tasks.lens_shortcuts.model.scenes import Scenes

MANIFEST = Path("manifest")  # of the rows that prepare checked
Stored = NDArray[np.float16]
Leaks = Mapping[str, Leak]  # set -> the leak that is planted there


def write_stamps(
    folder: Path,
    stage: str,
    params: Render,
    leaks: Leaks,
    mode: str,
    facts: dict[str, Any],
    data: Path,
    table: Path,
) -> None:
    """Fill `folder` with the rows of `table` that are of this mode; none of a mode that the data does not have.

    stage: whose finished shards a killed run goes on from. facts: of prepared.json.
    """
    rows = read_parquet(table)
    rows = rows[rows["mode"] == mode]
    rows = pd.concat([rows[rows["split"] == split] for split in SPLITS], ignore_index=True)
    sets: dict[str, dict[str, int]] = {}
    if mode not in facts["modes"]:
        sys.stdout.write(f"{mode}: not given, as prepare.modes names {', '.join(facts['modes'])}\n")
    elif facts["kind"] == "own":
        sets = _own(folder, facts, data, rows)
    else:
        sets = _rendered(folder, stage, params, leaks, facts, data, table, rows)
    write_description(folder, rows, {"mode": mode, "kind": facts["kind"], "sets": sets})


# --- rendered ---------------------------------------------------------------------------------------------------


def _rendered(
    folder: Path,
    stage: str,
    params: Render,
    leaks: Leaks,
    facts: dict[str, Any],
    data: Path,
    table: Path,
    rows: pd.DataFrame,
) -> dict[str, dict[str, int]]:
    images = read_stored_images(data / facts["hosts"]) if facts["hosts"] else None
    device = chosen_device(params.device, "lens_shortcuts.render.device")
    scenes = Scenes(images, params.gain, params.supersampling, device)
    inputs = (table, *([data / facts["hosts"]] if facts["hosts"] else []))
    finished = Finished(stage, inputs, {**params.model_dump(), "on": device})
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


def _sets(params: Render, leaks: Leaks, split: str) -> list[str]:
    planted_here = leaks if split == params.leak_split else {}
    return [ARCS, *([PLACEBO] if split in params.placebo else []), *planted_here]


def _fill(
    sets: GrowingSets, scenes: Scenes, params: Render, rows: pd.DataFrame, names: list[str], leaks: Leaks
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
    scenes: Scenes, params: Render, rows: pd.DataFrame, names: list[str], leaks: Leaks
) -> dict[str, Stored]:
    made = {name: np.empty((len(rows), *SHAPE), np.float16) for name in names}
    for start in range(0, len(rows), params.chunk):
        chunk = slice(start, start + params.chunk)
        for name, pixels in _chunk(scenes, params, rows.iloc[chunk], names, leaks):
            made[name][chunk] = lens_exposure.stored(pixels)
    return made


def _chunk(
    scenes: Scenes, params: Render, rows: pd.DataFrame, names: list[str], leaks: Leaks
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Each set from one exposure of the hosts; a planted leak is rendered anew where it changes a row."""
    everywhere = leak_effect(rows, params.leak, params.supersampling)
    hosts = scenes.hosts(rows, everywhere)
    yield ARCS, scenes.with_arcs(rows, hosts, everywhere)
    if PLACEBO in names:
        yield PLACEBO, hosts
    for name, leak in leaks.items():
        if name in names:
            changed = np.flatnonzero(rows_with_effect(rows, leak, params.supersampling))
            found = hosts.copy()
            if len(changed):
                part = rows.iloc[changed]
                found[changed] = scenes.hosts(part, leak_effect(part, leak, params.supersampling))
            yield name, found


# --- the user's own ---------------------------------------------------------------------------------------------


def _own(folder: Path, facts: dict[str, Any], data: Path, rows: pd.DataFrame) -> dict[str, dict[str, int]]:
    sources = {ARCS: facts["stamps"], **({PLACEBO: facts["placebo"]} if facts["placebo"] else {})}
    sets: dict[str, dict[str, int]] = {}
    for name, source in sources.items():
        stamps = read_own_stamps(
            data,
            source,
            facts["array"],
            facts["zero_point"],
            facts["crop"],
            facts["rows"],
            MANIFEST,
            ImportReport(),
        )
        for split in SPLITS:
            part = rows[rows["split"] == split]
            array = new_set(folder, name, split, len(part))
            for i, row in enumerate(stamp_rows(part, part["row"] + facts["first_row"])):
                array[i] = stamps.pixels(row)
            array.flush()
            sets.setdefault(name, {})[split] = len(part)
    return sets
