"""Keep a share of every split and mode, pairs whole, in proportion over Einstein radius, PSF and depth."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from methods.splits.stratified_sample import share_of, stratified_sample
from methods.statistics.streams import epoch_stream
from params.lens_shortcuts import Sample
from storage.files.inputs import InputError
from storage.files.tables import read_parquet, write_parquet
from storage.lenses.manifests import BINS


def main(params: Sample, rows: Path, sampled: Path) -> None:
    table = read_parquet(rows)
    kept = [
        _sampled(part, params, f"{mode} {split}", rows)
        for (mode, split), part in table.groupby(["mode", "split"], sort=True)
    ]
    places = np.sort(np.concatenate(kept))
    for (mode, split), part in table.iloc[places].groupby(["mode", "split"], sort=True):
        whole = ((table["mode"] == mode) & (table["split"] == split)).sum()
        sys.stdout.write(
            f"{mode} {split}: {len(part)} of {whole} stamps, {int(part['label'].sum())} positives\n"
        )
    write_parquet(sampled, table.iloc[places].reset_index(drop=True))


def _sampled(part: pd.DataFrame, params: Sample, name: str, rows: Path) -> NDArray[np.int64]:
    """Places in the whole table of what is kept of one split of one mode."""
    theta_bin = np.where(
        part["theta_E"].notna(), np.digitize(part["theta_E"].to_numpy(np.float64), params.theta_E_edges), -1
    )
    strata = pd.DataFrame(
        {"theta": theta_bin, **{each: part[each].to_numpy() for each in BINS}}, index=part.index
    )
    pairs = part["pair_id"].where(part["pair_id"] != "")
    matched = pairs.map(pairs.value_counts()).eq(2) & part.groupby(pairs)["label"].transform("sum").eq(1)
    kept = []
    # A pair is one unit and stands where its positive does; what has no pair is drawn class by class.
    for label, units in ((1, part[(part["label"] == 1) & matched]), (1, part[(part["label"] == 1) & ~matched]),
                         (0, part[(part["label"] == 0) & ~matched])):  # fmt: skip
        if not len(units):
            continue
        wanted = share_of(len(units), params.share)
        if not wanted:
            raise InputError(
                rows, f"{name}: a share of {params.share} of {len(units)} leaves none with label {label}; raise "
                "lens_shortcuts.sample.share", field="label",
            )  # fmt: skip
        codes = strata.loc[units.index].groupby(["theta", *BINS], sort=True).ngroup().to_numpy()
        taken = units.index[stratified_sample(codes, wanted, epoch_stream(params.seed, f"{name} {label}"))]
        chosen = part.index.isin(taken)
        if matched[taken].all():
            chosen |= (pairs.isin(set(pairs[taken])) & matched).to_numpy()
        kept.append(part.index[chosen].to_numpy(np.int64))
    return np.concatenate(kept)
