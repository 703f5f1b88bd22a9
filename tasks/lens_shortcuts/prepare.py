"""Read and check the manifest and the user's pictures: every stamp's row, what it is rendered from, unmatched bins."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from methods.shortcuts.gate_results import FEWEST, FEWEST_GROUPS
from params.lens_shortcuts import OwnSource, Prepare, RenderSource
from storage.files.documents import write_json
from storage.files.import_report import ImportReport
from storage.files.inputs import InputError
from storage.files.places import declared
from storage.files.tables import write_parquet
from storage.lenses.manifests import (
    BINS,
    CLASSES,
    MODES,
    NEEDED,
    Kind,
    Manifest,
    hosts_in_both_classes,
    read_manifest,
    unmatched_bins,
)
from storage.lenses.stamps import SPLITS
from tasks.lens_shortcuts.model.pictures import check_hosts, check_own


def main(params: Prepare, data: Path, rows: Path, prepared: Path) -> None:
    report = ImportReport()
    path = declared(data, params.manifest, "lens_shortcuts.prepare.manifest")
    manifest = read_manifest(path, kind_of(params), params.modes)
    if isinstance(params, RenderSource) and params.hosts is not None:
        check_hosts(manifest, declared(data, params.hosts, "lens_shortcuts.prepare.hosts"))
    table = manifest.rows.copy()
    for name in NEEDED["sersic"]:
        if name not in table:
            table[name] = np.nan
    table["row"] = np.arange(len(table))
    table = _given(manifest, table, params.modes, report)
    own = {}
    if isinstance(params, OwnSource):
        table = check_own(manifest, table, params, data, report)
        own = {"first_row": manifest.source.row(0), "imported": report.counts()}
    facts = {
        "rows": len(manifest.rows),
        "counts": counts(table),
        "unmatched_bins": unmatched_bins(table),
        "hosts_in_both_classes": hosts_in_both_classes(table),
    }
    _note(manifest.source.path, table, facts, report)
    sys.stdout.write("\n".join(report.lines()) + "\n")
    write_parquet(rows, table)
    source = params.model_dump(exclude={"kind", "manifest"})
    write_json(prepared, {"kind": kind_of(params), **source, **facts, **own})


def _given(
    manifest: Manifest, table: pd.DataFrame, modes: Sequence[str], report: ImportReport
) -> pd.DataFrame:
    """Rows of the modes that params name; each of them has to be there."""
    path = manifest.source.path
    for mode in MODES:
        count = int((table["mode"] == mode).sum())
        if mode in modes and not count:
            raise InputError(
                path, f"no row has mode {mode}; leave it out of lens_shortcuts.prepare.modes", field="mode"
            )
        if mode not in modes:
            sys.stdout.write(f"{mode}: not given, as prepare.modes names {', '.join(modes)}\n")
            report.note(path, f"rows of mode {mode} are not read", count)
    return table[table["mode"].isin(modes)].reset_index(drop=True)


def _note(path: Path, table: pd.DataFrame, facts: dict[str, Any], report: ImportReport) -> None:
    """What can be run as it is, and a person should know."""
    few = [
        f"{mode} {split}: {len(part)} {what}"
        for label, what in CLASSES.items()
        for (mode, split), part in table[table["label"] == label].groupby(["mode", "split"], sort=True)
        if split != "test" and (len(part) < FEWEST or part["host_id"].nunique() < FEWEST_GROUPS)
    ]
    report.note(
        path,
        f"classes of fewer than {FEWEST} stamps or {FEWEST_GROUPS} hosts: data gates will be undefined",
        len(few),
        few,
    )
    unmatched = facts["unmatched_bins"]
    report.note(path, "bins that do not hold as many negatives as positives", len(unmatched), unmatched)
    shared = facts["hosts_in_both_classes"]
    report.note(path, "hosts of unpaired stamps are in both classes, in other turns", shared)


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
