"""Read and check the manifest: every stamp's row, what it is rendered from, and which bins are not matched."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from methods.lenses.preprocessing import INNER, OUTER, noiseless
from params.lens_shortcuts import OwnSource, Prepare, RenderSource
from storage.files.documents import write_json
from storage.files.inputs import InputError
from storage.files.tables import write_parquet
from storage.lenses.host_images import TURNS, middle, read_stored_images
from storage.lenses.manifests import (
    BINS,
    MODES,
    NEEDED,
    Kind,
    hosts_in_both_classes,
    read_manifest,
    unmatched_bins,
)
from storage.lenses.stamps import BANDS, SPLITS


def main(params: Prepare, data: Path, rows: Path, prepared: Path) -> None:
    path = data / params.manifest
    table = read_manifest(path, kind_of(params))
    if isinstance(params, RenderSource) and params.hosts is not None:
        _check_images(path, table, data / params.hosts)
    for name in NEEDED["sersic"]:
        if name not in table:
            table[name] = np.nan
    table["row"] = np.arange(len(table))
    manifest_rows = len(table)
    table = _given(path, table, params.modes)
    unmatched = unmatched_bins(table)
    for line in unmatched:
        sys.stdout.write(f"not matched: {line}\n")
    shared = hosts_in_both_classes(table)
    if shared:
        sys.stdout.write(f"unpaired: {shared} hosts are in both classes, in other turns\n")
    write_parquet(rows, table)
    source = params.model_dump(exclude={"kind", "manifest"})
    facts = {
        "rows": manifest_rows,
        "counts": counts(table),
        "unmatched_bins": unmatched,
        "hosts_in_both_classes": shared,
    }
    write_json(prepared, {"kind": kind_of(params), **source, **facts})


def _given(path: Path, table: pd.DataFrame, modes: Sequence[str]) -> pd.DataFrame:
    """Rows of the modes that params name; each of them has to be there."""
    for mode in MODES:
        count = int((table["mode"] == mode).sum())
        if mode in modes and not count:
            raise InputError(
                path, f"no row has mode {mode}; leave it out of lens_shortcuts.prepare.modes", field="mode"
            )
        if mode not in modes:
            found = f"; its {count} rows are not read" if count else ""
            sys.stdout.write(f"{mode}: not given, as prepare.modes names {', '.join(modes)}{found}\n")
    return table[table["mode"].isin(modes)].reset_index(drop=True)


def kind_of(params: Prepare) -> Kind:
    match params:
        case OwnSource():
            return "own"
        case RenderSource(hosts=None):
            return "sersic"
        case RenderSource():
            return "images"


def counts(table: pd.DataFrame) -> dict[str, Any]:
    """Mode -> split -> stamps, positives, hosts, bins of PSF and depth."""
    return {
        mode: {
            split: {
                "stamps": len(part),
                "positives": int(part["label"].sum()),
                "hosts": int(part["host_id"].nunique()),
                "bins": len(part[list(BINS)].drop_duplicates()),
            }
            for split in SPLITS
            for part in [table[(table["mode"] == mode) & (table["split"] == split)]]
        }
        for mode in MODES
        if (table["mode"] == mode).any()
    }


def _check_images(path: Path, table: pd.DataFrame, hosts: Path) -> None:
    images = read_stored_images(hosts)
    for name, end in (("host_image", len(images)), ("host_turn", TURNS)):
        wrong = np.flatnonzero((table[name] < 0) | (table[name] >= end))
        if len(wrong):
            value = table[name].iloc[wrong[0]]
            raise InputError(
                path, f"{value} is not in 0..{end - 1} ({hosts})", row=int(wrong[0]) + 2, field=name
            )
    for image in np.unique(table["host_image"]).tolist():
        blank = noiseless(middle(images[image])[None])[0]
        if blank.any():
            row = int(np.flatnonzero(table["host_image"] == image)[0])
            raise InputError(
                path,
                f"host {image} of {hosts.name}, band {BANDS[int(np.argmax(blank))]}: half of its annulus {INNER} "
                f"<= r < {OUTER} pixels, or more, has one and the same value, as where a cut-out was filled "
                "up; leave this host out",
                row=row + 2,
                field="host_image",
            )
